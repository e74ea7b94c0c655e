"""What only people may do, what nobody may read, and what is said exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby, pairwise

from allstop.domain.clocks import running
from allstop.domain.conditions import all_hold
from allstop.domain.halt import events as h
from allstop.domain.incident import aftercare_events as a
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.incident import work_events as w
from allstop.domain.incident.state import Incident
from allstop.domain.plan import events as p
from allstop.domain.policy import Criterion, CriterionKind, Policy, Watch
from allstop.domain.proposals import ActivationDismissed
from allstop.testing.traces import Trace

Found = Iterator[tuple[str, object]]
# How long after its instant a deadline may be called missed while somebody looks at the clock.
SOON = timedelta(seconds=5)

_BY_PEOPLE = (
    ce.IncidentClosed, ce.IncidentTriaged, ce.IncidentDismissed, ce.PrivacyChanged,
    w.FactsRecorded, w.TaskAssigned, ActivationDismissed,
)  # fmt: skip
_MAYBE_BY_PEOPLE = (w.PointsAwarded, e.SeverityClassified, e.RemedyDecided, w.ChangeEnded)
# What stability is counted from, and what says that it was reached.
_STABILITY = (e.SamplesRecorded, e.PhaseEntered, e.MilestoneReached, e.IncidentStoodDown)


def people_only(trace: Trace) -> Found:
    """S2, S13: what ends, hides, judges or awards by hand is done by a person."""
    for moment in trace.moments_of(*_BY_PEOPLE, *_MAYBE_BY_PEOPLE):
        event, actor = moment.record.event, moment.record.actor
        if actor.startswith("person:"):
            continue
        by_hand = isinstance(event, w.PointsAwarded) and not event.rule
        says_so = isinstance(event, e.SeverityClassified | e.RemedyDecided) and event.by_person
        refuses = isinstance(event, w.ChangeEnded) and event.state == "refused"
        if isinstance(event, _BY_PEOPLE) or by_hand or says_so or refuses:
            yield f"{moment.record.kind} by {actor}", moment


def protected_by_people(trace: Trace) -> Found:
    """S8: nothing that is protected is touched by a plan that no person has agreed to."""
    for moment in trace.moments_of(p.PlanStarted, w.ChangeApproved):
        event = moment.record.event
        if isinstance(event, p.PlanStarted):
            plan = moment.before.plans[moment.id]
            fleet = trace.book.pinned(plan.policy).fleet
            touched = (fleet.service(one.service) for one in plan.steps if one.kind == "act")
            guarded = any(one is not None and one.protected for one in touched)
            if guarded and not plan.approved_by.startswith("person:"):
                yield f"{plan.id} touches what is protected, and nobody agreed", moment
        if isinstance(event, w.ChangeApproved):
            incident = moment.before.incidents[moment.id]
            change = incident.changes[event.id]
            service = trace.book.pinned(incident.policy).fleet.service(change.service)
            agreed = change.signatures or f"change:{change.id}" in incident.overrides
            if service is not None and service.protected and not agreed:
                yield f"{change.id} touches what is protected, and nobody agreed", moment


def private_kept(trace: Trace) -> Found:
    """U4: no audience is told of an incident while it is private."""
    for moment in trace.moments_of(e.NotificationRequested):
        event, incident = moment.record.event, moment.before.incidents.get(moment.id)
        told = isinstance(event, e.NotificationRequested) and event.to.startswith("audience:")
        if told and incident is not None and incident.private:
            yield f"{event.to} is told of what is private", moment


def release_starts_nothing(trace: Trace) -> Found:
    """S4: what lifts a halt starts no plan and no step."""
    for turn in trace.turns or ():
        events = [record.event for record in turn.records]
        lifts = any(isinstance(one, h.HaltReleased) for one in events)
        if lifts and any(isinstance(one, p.PlanStarted | p.StepStarted) for one in events):
            yield f"{type(turn.command).__name__} lifts a halt and starts a step", turn.who


def escalated_once(trace: Trace) -> Found:
    """L1: who a missed deadline is escalated to is told of it on each of their channels, once."""
    for turn in trace.turns or ():
        missed = [one for one in turn.records if isinstance(one.event, e.DeadlineMissed)]
        if len(missed) > 1:
            yield f"{len(missed)} deadlines are missed by one command", turn.records[0].kind
        for record in missed:
            told = Counter(
                (one.event.to, one.event.channel)
                for one in turn.records
                if isinstance(one.event, e.NotificationRequested)
            )
            id = record.stream.partition("/")[2]
            policy = trace.book.pinned(trace.end.incidents[id].policy)
            people = [policy.roster.person(name) for name in record.event.escalated_to]
            wanted = Counter(
                (f"person:{one.id}", name) for one in people if one for name in one.channels
            )
            if told != wanted:
                yield f"{record.event.deadline}: told {dict(told)}, not {dict(wanted)}", id
            if not record.event.escalated_to and any(one.owner for one in policy.roster.people):
                yield f"{record.event.deadline}: nobody hears of it", id


def prompt(trace: Trace) -> Found:
    """L1: a deadline is called missed within five seconds of its instant, while somebody looks."""
    if trace.gaps is None:
        return
    moments = trace.moments()
    for place, moment in enumerate(moments):
        event, at = moment.record.event, moment.record.at
        if not isinstance(event, e.DeadlineMissed) or at - event.due_at <= SOON:
            continue
        if any(start <= at <= end + SOON and end > event.due_at for start, end in trace.gaps):
            continue
        # It may have been owed again only now, after its time: then there was nothing to call missed.
        earlier = next((one for one in moments[place::-1] if at - one.record.at > SOON), None)
        incident = earlier.after.incidents.get(moment.id) if earlier else None
        if earlier is None or incident is None:
            continue
        clocks = running(earlier.after, trace.book.pinned(incident.policy), incident)
        if any(
            one.deadline == event.deadline
            and one.at == event.due_at
            and one.deadline in incident.clocks
            for one in clocks
        ):
            yield f"{event.deadline} was called missed {at - event.due_at} late", moment


def decided_by_table(trace: Trace) -> Found:
    """S14: what a table decided, the same row of the same policy decides again, and no row before it."""
    for moment in trace.moments_of(e.SeverityClassified, e.RemedyDecided):
        event, incident = moment.record.event, moment.before.incidents.get(moment.id)
        if incident is None or not isinstance(event, e.SeverityClassified | e.RemedyDecided):
            continue
        protocol = trace.book.pinned(incident.policy).protocol
        rows = [(one.when, one.severity) for one in protocol.classification]
        facts, said = incident.impact.facts(), ""
        if isinstance(event, e.RemedyDecided):
            rows = [(one.when, one.remedy) for one in protocol.remedy.rows]
            facts, said = dict(event.facts), event.remedy
        else:
            said = event.severity
        first = next((place for place, one in enumerate(rows) if all_hold(one[0], facts)), -1)
        if event.row >= 0 and (event.row != first or rows[first][1] != said):
            yield f"row {event.row} said {said}, and now row {first} decides", moment


def ended_whole(trace: Trace) -> Found:
    """S2: an incident that has ended holds nobody, runs nothing but what takes levers back, and is in no
    emergency mode."""
    world = trace.end
    for incident in world.incidents.values():
        if incident.is_open:
            continue
        for halt in world.all_halts_of(incident.id):
            if halt.stands:
                yield f"{incident.id} is {incident.state} and {halt.id} stands", "end"
        for plan in world.all_plans_of(incident.id):
            if plan.state.value in ("running", "held") and plan.purpose != "release":
                yield f"{incident.id} is {incident.state} and {plan.id} is {plan.state}", "end"
        if incident.mode is not None and not incident.mode.ended:
            yield f"{incident.id} is {incident.state} and in emergency mode", "end"


def truly_stable(trace: Trace) -> Found:
    """S12: what waits for stability is left only after good samples over its window, counted here anew."""
    rounds: dict[str, list[e.SamplesRecorded]] = {}
    began: dict[tuple[str, str], int] = {}
    for moment in trace.moments_of(*_STABILITY):
        event, id = moment.record.event, moment.id
        incident = moment.before.incidents.get(id)
        if isinstance(event, e.SamplesRecorded):
            rounds.setdefault(id, []).append(event)
        if incident is not None:
            for criterion in _left(trace, incident, event):
                seen = rounds.get(id, [])[began.get((id, criterion.id), 0) :]
                if not _stable(trace.book.pinned(incident.policy), criterion, seen):
                    yield f"{criterion.id} was not stable", moment
        if isinstance(event, e.PhaseEntered):
            for gate in event.watch:
                began[id, gate.key] = len(rounds.get(id, ()))


def _left(trace: Trace, incident: Incident, event: object) -> list[Criterion]:
    """The criteria over samples that an entry says are met."""
    protocol = trace.book.pinned(incident.policy).protocol
    passed: tuple[Criterion, ...] = ()
    resolved = isinstance(event, e.MilestoneReached) and event.name == "resolved"
    if resolved or (isinstance(event, e.PhaseEntered) and incident.phase):
        passed = protocol.phase(incident.phase).exit
    elif isinstance(event, e.IncidentStoodDown):
        passed = protocol.stand_down
    watched = (CriterionKind.PROBE, CriterionKind.STABLE_FOR)
    return [one for one in passed if one.kind in watched and one.id not in incident.overrides]


def _stable(policy: Policy, criterion: Criterion, seen: list[e.SamplesRecorded]) -> bool:
    wanted = set(criterion.probes) or {probe.name for probe in policy.fleet.probes()}
    said = [
        (one, {sample.probe: sample.good for sample in one.samples if sample.probe in wanted})
        for one in seen
    ]
    since = max(
        (place + 1 for place, (_, good) in enumerate(said) if False in good.values()), default=0
    )
    rest = [(one, set(good) == wanted and all(good.values())) for one, good in said[since:]]
    run = rest[-criterion.min_samples :]
    if not wanted or len(run) < criterion.min_samples or not all(good for _, good in run):
        return False
    lasted = sum(
        later.monotonic_ms - one.monotonic_ms
        for (one, good), (later, too) in pairwise(rest)
        if good and too and one.boot == later.boot
        and 0 <= later.monotonic_ms - one.monotonic_ms <= 2 * later.interval_ms
    )  # fmt: skip
    return lasted >= criterion.window_ms


def truly_watched(trace: Trace) -> Found:
    """S18: a watch ends clean only when every look it is made of was taken and good, counted here anew."""
    seen: dict[tuple[str, str], list[a.Look]] = {}
    for moment in trace.moments_of(a.AftercareLooked, a.AftercareEnded, e.IncidentStoodDown):
        event, id = moment.record.event, moment.id
        incident = moment.before.incidents.get(id)
        if isinstance(event, e.IncidentStoodDown):
            seen = {key: looks for key, looks in seen.items() if key[0] != id}
        elif isinstance(event, a.AftercareLooked):
            for look in event.looks:
                seen.setdefault((id, look.watch), []).append(look)
        elif incident is not None and event.verdict == "clean":
            every = trace.book.pinned(incident.policy).protocol.aftercare
            watch = next(one for one in every if one.id == event.watch)
            looks = seen.get((id, event.watch), [])
            if not _watched_well(watch, looks) or event.missed:
                yield f"{event.watch} was not clean", moment


def _watched_well(watch: Watch, looks: list[a.Look]) -> bool:
    good = [one for one in looks if one.good is True]
    wanted = watch.lasts_ms // watch.every_ms if watch.every_ms else 1
    numbers = {one.slot for one in looks} if watch.every_ms else {1}
    whole = len(numbers) >= wanted and not any(one.missed or one.good is None for one in looks)
    longest = max((len(tuple(same)) for bad, same in groupby(looks, _is_bad) if bad), default=0)
    return bool(good) and whole and longest < watch.fall and not _is_bad(looks[-1])


def _is_bad(look: a.Look) -> bool:
    return look.good is False


PEOPLE = (
    people_only, protected_by_people, private_kept, release_starts_nothing, escalated_once, prompt,
    decided_by_table, ended_whole, truly_stable, truly_watched,
)  # fmt: skip

"""Clocks: started when something is owed, warned of, missed exactly once; timers that elapse."""

from __future__ import annotations

from allstop.domain.clocks import (
    ACTION,
    PROMISES,
    call_of,
    is_obligation,
    is_set,
    marks_missing,
    obligation_of,
    reachable,
    running,
    timers,
    unset,
    was_warned,
)
from allstop.domain.deciding.owing import meet_by_marks, owe, who_owes
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, Rules
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.incident import work_commands as wc
from allstop.domain.incident import work_events as we
from allstop.domain.incident.parts import Clock
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, time_words
from allstop.domain.policy import Policy


def start_clocks(draft: Draft, incident: str) -> None:
    """Record what the state owes since now: promises that begin, those that are met, and deadlines.

    Called after each command, so that no rule can forget it, and whenever `due` finds one missing.
    """
    found = draft.incident(incident, must_be_open=False)
    if found.is_open and found.severity_at is not None:
        # A raised severity brings promises that the milder one did not ask for.
        owe(draft, incident, "declared")
    meet_by_marks(draft, incident)
    found = draft.incident(incident, must_be_open=False)
    policy = draft.policy(found)
    for clock in unset(draft.world, policy, found):
        at = clock.at
        if call_of(clock.deadline):
            # Whoever was called only now, after an hour in which nothing ran, has the whole time too.
            at = max(at, after(draft.now.utc, policy.protocol.escalation.every_ms))
        event = ce.DeadlineSet(clock.deadline, clock.what, at, clock.basis, clock.warn_at)
        draft.on_incident(incident, event)


def set_deadlines(draft: Draft, command: cc.SetDeadlines) -> None:
    start_clocks(draft, command.incident)


def warn_deadline(draft: Draft, command: cc.WarnDeadline) -> None:
    """Say once that a deadline will be missed unless something happens."""
    incident = draft.incident(command.incident, must_be_open=False)
    clock = _running(draft, incident, command.deadline)
    if clock is None or not _warns_now(draft, incident, clock):
        return
    if is_obligation(clock.deadline):
        _remind(draft, incident, clock)
        return
    chain = reachable(draft.policy(incident), incident)
    people = chain[0] if chain else ()
    warned = ce.DeadlineWarned(clock.deadline, clock.what, clock.at, people)
    draft.on_incident(incident.id, warned)
    _tell(draft, incident, people, f"soon: {clock.what}", f"Due at {clock.at:%H:%M} UTC.")


def remind_obligation(draft: Draft, command: wc.RemindObligation) -> None:
    """Remind whoever owes an obligation, once."""
    incident = draft.incident(command.incident, must_be_open=False)
    for clock in running(draft.world, draft.policy(incident), incident):
        mine = is_obligation(clock.deadline) and obligation_of(clock.deadline) == command.obligation
        if mine and _warns_now(draft, incident, clock):
            _remind(draft, incident, clock)


def miss_deadline(draft: Draft, command: c.MissDeadline) -> None:
    """Record a missed deadline and tell the next people of the chain: exactly once."""
    incident = draft.incident(command.incident, must_be_open=False)
    policy = draft.policy(incident)
    clock = _running(draft, incident, command.deadline)
    if clock is None or clock.deadline in incident.missed or draft.now.utc < clock.at:
        return
    waits = marks_missing(draft.world, policy, incident, clock.deadline)
    what = f"{clock.what} (missing: {waits})" if waits else clock.what
    owners = _owners(policy, incident, clock)
    chain = _next_in_chain(policy, incident, clock, owners)
    people = tuple(dict.fromkeys((*owners, *chain)))
    draft.on_incident(incident.id, e.DeadlineMissed(clock.deadline, what, clock.at, people))
    _tell(draft, incident, owners, what, "It is yours.")
    _tell(draft, incident, chain, what, "Escalated to you.")


def elapse_timer(draft: Draft, command: cc.ElapseTimer) -> None:
    """Record that the time of a timer criterion has passed, once in each phase."""
    incident = draft.incident(command.incident)
    for criterion, at in timers(draft.policy(incident), incident):
        if criterion == command.criterion and draft.now.utc >= at:
            draft.on_incident(incident.id, ce.TimerElapsed(criterion))


def _running(draft: Draft, incident: Incident, id: str) -> Clock | None:
    """A running deadline as it was set; one that nobody has set yet can neither be warned of nor missed."""
    for clock in running(draft.world, draft.policy(incident), incident):
        if clock.deadline == id and is_set(incident, clock):
            return clock
    return None


def _warns_now(draft: Draft, incident: Incident, clock: Clock) -> bool:
    if clock.warn_at is None or clock.deadline in incident.missed or was_warned(incident, clock):
        return False
    return clock.warn_at <= draft.now.utc < clock.at


def _remind(draft: Draft, incident: Incident, clock: Clock) -> None:
    owed = incident.obligations[obligation_of(clock.deadline)]
    people = who_owes(draft.policy(incident), incident, owed.owner)
    draft.on_incident(incident.id, we.ObligationReminded(owed.id, people))
    text = f"{incident.title}. Due {time_words(clock.at)}."
    for person in people:
        tell_person(draft, incident.id, person, f"{incident.id}: still owed: {owed.title}", text)


def _owners(policy: Policy, incident: Incident, clock: Clock) -> tuple[str, ...]:
    """Whose promise it is; nobody's for a deadline of the response."""
    if is_obligation(clock.deadline):
        return who_owes(policy, incident, incident.obligations[obligation_of(clock.deadline)].owner)
    if clock.deadline.startswith(ACTION):
        item = incident.actions[clock.deadline.removeprefix(ACTION).partition(":")[0]]
        return who_owes(policy, incident, item.owner)
    return ()


def _next_in_chain(
    policy: Policy, incident: Incident, clock: Clock, owners: tuple[str, ...]
) -> tuple[str, ...]:
    """One further each time; the last of the chain hears of all that follow.

    Promises climb the chain by themselves: a late report is not the owner's business because the
    response was slow. Who was told as the one who promised is no step of the chain.
    """
    chain = [
        others
        for people in reachable(policy, incident)
        if (others := tuple(name for name in people if name not in owners))
    ]
    alike = clock.deadline.startswith(PROMISES)
    before = [id for id in incident.missed if id.startswith(PROMISES) == alike]
    return chain[min(len(before), len(chain) - 1)] if chain else ()


def _tell(draft: Draft, incident: Incident, people: tuple[str, ...], what: str, text: str) -> None:
    for person in people:
        subject = f"{incident.id}: {what}"
        tell_person(draft, incident.id, person, subject, f"{text} {incident.title}")


RULES: Rules = {
    c.MissDeadline: miss_deadline,
    cc.SetDeadlines: set_deadlines,
    cc.WarnDeadline: warn_deadline,
    cc.ElapseTimer: elapse_timer,
    wc.RemindObligation: remind_obligation,
}
INTERNAL: frozenset[type] = frozenset(RULES)

"""Preflight checks before anything is executed."""

from __future__ import annotations

from allstop.domain.authority import may, people_called
from allstop.domain.copying import replace
from allstop.domain.deciding.telling import tell_outside, tell_person
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.effects import Ending, Outcome
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.incident.state import Incident
from allstop.domain.moment import time_words
from allstop.domain.preflight import check_words, nothing_known, read_results
from allstop.domain.principal import Kind
from allstop.domain.readiness import DRILL, NotePreflight, turned
from allstop.domain.record import FLEET_STREAM


def begin_preflight(draft: Draft, command: cc.BeginPreflight) -> None:
    """Run the protocol's checks. By itself once in each response, by a person as often as they like."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("preflight", draft.who, policy, incident.roles))
    if draft.who.kind is Kind.SYSTEM and incident.preflights:
        return
    if not policy.protocol.preflight.checks:
        refuse(
            "no-checks", "the protocol names no preflight checks", "`preflight:` in protocol.yaml"
        )
    running = _running(incident)
    if running is not None:
        refuse("preflight-running", f"preflight {running} is still running", "allstop show")
    number = incident.preflight_number + 1
    draft.on_incident(incident.id, ce.PreflightBegun(number))
    draft.result["preflight"] = number


def preflight_outcome(draft: Draft, incident: str, number: str, outcome: Outcome) -> None:
    """The checks were made, or could not be: what nobody could look at has not passed."""
    found = draft.incident(incident, must_be_open=False)
    checks = draft.policy(found).protocol.preflight.checks
    if outcome.ending is Ending.DONE:
        results = read_results(checks, outcome.facts)
    else:
        results = nothing_known(checks, outcome.because or "the checks could not be made")
    _record(draft, found, int(number), results)


def record_preflight(draft: Draft, command: cc.RecordPreflight) -> None:
    incident = draft.incident(command.incident, must_be_open=False)
    _record(draft, incident, command.number, command.results)


def _record(
    draft: Draft, incident: Incident, number: int, results: tuple[CheckResult, ...]
) -> None:
    if _running(incident) != number:
        return
    draft.on_incident(incident.id, ce.PreflightDone(number, results))
    bad = [check_words(one) for one in results if one.ok is not True]
    commander = incident.roles.get("commander", "")
    if bad and commander and draft.policy(incident).protocol.preflight.required:
        hint = "Mend it and run allstop preflight, or let it through: allstop override preflight"
        many = f"{len(bad)} checks have not" if len(bad) > 1 else "1 check has not"
        subject = f"{incident.id}: {many} passed, nothing starts that they concern"
        tell_person(draft, incident.id, commander, subject, f"{'; '.join(bad)}. {hint}")


def _running(incident: Incident) -> int | None:
    newest = incident.preflights[-1] if incident.preflights else None
    return newest.number if newest is not None and newest.results is None else None


def note_preflight(draft: Draft, command: NotePreflight) -> None:
    """What was found outside of incidents: on the record when it has turned, from green to red or back, and told to
    those the protocol names, once each way. During a drill nobody is told; what is red after it still is."""
    event = turned(command.results)
    known = draft.world.readiness
    same = known is not None and known.passed is event.passed
    people = _whom(draft)
    if event.passed:
        # Whoever never heard that it was red needs no word that it is over.
        people = people if known is not None and known.told else ()
    if same and (event.passed or not people or (known is not None and known.told)):
        return
    since = known.since if same and known is not None else None
    draft.emit(FLEET_STREAM, replace(event, told=people, since=since))
    many = f"{event.bad} checks do" if event.bad > 1 else "1 check does"
    subject = f"preflight: {many} not pass" if event.bad else "preflight: everything passes again"
    more = [f"and {event.bad - len(event.failing)} more"] if event.bad > len(event.failing) else []
    lines = [*event.failing, *more, "See what mends it: allstop preflight --failed"]
    text = (
        "\n".join(lines)
        if event.bad
        else f"It was red since {time_words(known.since)}."
        if known
        else ""
    )
    for person in people:
        tell_outside(draft, person, subject, text)


def _whom(draft: Draft) -> tuple[str, ...]:
    """Who is told now; nobody while a drill is on, whose faults are nobody's emergency."""
    if any(one.trigger.startswith(DRILL) for one in draft.world.open_incidents()):
        return ()
    policy = draft.book.latest
    return people_called(policy, {}, policy.protocol.preflight.tell)


RULES: Rules = {
    cc.BeginPreflight: begin_preflight,
    cc.RecordPreflight: record_preflight,
    NotePreflight: note_preflight,
}
INTERNAL: frozenset[type] = frozenset({cc.RecordPreflight, NotePreflight})

"""Clocks: started when something is owed, warned of, missed exactly once."""

from __future__ import annotations

from allstop.domain.authority import people_meant
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.incident.clocks import chain_of, running, unset
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Policy


def start_clocks(draft: Draft, incident: str) -> None:
    """Record every deadline that is owed since now. Called after each command, and when one is missing."""
    found = draft.incident(incident, must_be_open=False)
    for clock in unset(draft.world, draft.policy(found), found):
        event = ce.DeadlineSet(clock.deadline, clock.what, clock.at, clock.basis, clock.warn_at)
        draft.on_incident(incident, event)


def set_deadlines(draft: Draft, command: cc.SetDeadlines) -> None:
    start_clocks(draft, command.incident)


def miss_deadline(draft: Draft, command: c.MissDeadline) -> None:
    """Record a missed deadline and tell the next people of the chain: exactly once."""
    incident = draft.incident(command.incident, must_be_open=False)
    policy = draft.policy(incident)
    clock = _named(draft, policy, incident, command.deadline)
    if clock is None or command.deadline in incident.missed or draft.now.utc < clock.at:
        return
    people = _next_in_chain(policy, incident)
    draft.on_incident(incident.id, e.DeadlineMissed(command.deadline, clock.what, clock.at, people))
    for person in people:
        subject = f"{incident.id}: {clock.what}"
        tell_person(draft, incident.id, person, subject, f"Escalated to you. {incident.title}")


def _named(draft: Draft, policy: Policy, incident: Incident, id: str) -> ce.DeadlineSet | None:
    for clock in running(draft.world, policy, incident):
        if clock.deadline == id:
            return ce.DeadlineSet(id, clock.what, clock.at, clock.basis, clock.warn_at)
    return None


def _next_in_chain(policy: Policy, incident: Incident) -> tuple[str, ...]:
    """One further each time; the last of the chain hears of all that follow."""
    chain = [people_meant(policy, incident.roles, entry) for entry in chain_of(policy, incident)]
    reachable = [people for people in chain if people]
    return reachable[min(len(incident.missed), len(reachable) - 1)] if reachable else ()

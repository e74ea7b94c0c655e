"""Updates that are owed, deadlines that are warned of and missed, timers that elapse."""

from __future__ import annotations

from allstop.domain.clocks import (
    is_obligation,
    is_unset,
    obligation_of,
    running,
    timers,
    update_due_at,
    was_warned,
)
from allstop.domain.falling_due.found import Due
from allstop.domain.incident import commands as incident_commands
from allstop.domain.incident.course_commands import ElapseTimer, SetDeadlines, WarnDeadline
from allstop.domain.incident.state import Incident
from allstop.domain.incident.work_commands import RemindObligation
from allstop.domain.moment import Now
from allstop.domain.policy import Policy
from allstop.domain.progress import meetable
from allstop.domain.world import World


def promises_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    """What an open incident owes."""
    at = update_due_at(incident, policy)
    number = incident.updates + 1
    if at is not None and incident.update_requested < number:
        found.at(at, now, incident_commands.RequestUpdate(incident.id, number))
    for criterion, elapsed_at in timers(policy, incident):
        found.at(elapsed_at, now, ElapseTimer(incident.id, criterion))
    deadlines_due(found, world, policy, incident, now)


def deadlines_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    """Clocks to start, to warn of and to miss. Whoever missed one needs no warning of it any more."""
    clocks = running(world, policy, incident)
    starts = any(is_unset(incident, clock) for clock in clocks)
    if starts or meetable(world, policy, incident):
        found.commands.append(SetDeadlines(incident.id))
        return
    for clock in clocks:
        if clock.deadline in incident.missed:
            continue
        missed = incident_commands.MissDeadline(incident.id, clock.deadline)
        found.at(clock.at, now, missed)
        if clock.warn_at is not None and now.utc < clock.at and not was_warned(incident, clock):
            warn = WarnDeadline(incident.id, clock.deadline)
            remind = RemindObligation(incident.id, obligation_of(clock.deadline))
            found.at(clock.warn_at, now, remind if is_obligation(clock.deadline) else warn)

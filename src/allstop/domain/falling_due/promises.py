"""Updates that are owed, and deadlines that can be missed."""

from __future__ import annotations

from allstop.domain.falling_due.found import Due
from allstop.domain.incident import commands as incident_commands
from allstop.domain.incident.clocks import running, unset, update_due_at
from allstop.domain.incident.course_commands import SetDeadlines
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.policy import Policy
from allstop.domain.world import World


def promises_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    """Updates that are owed, and deadlines that can be missed."""
    at = update_due_at(incident, policy)
    number = incident.updates + 1
    if at is not None and incident.update_requested < number:
        found.at(at, now, incident_commands.RequestUpdate(incident.id, number))
    if unset(world, policy, incident):
        found.commands.append(SetDeadlines(incident.id))
        return
    for clock in running(world, policy, incident):
        if clock.deadline not in incident.missed:
            found.at(clock.at, now, incident_commands.MissDeadline(incident.id, clock.deadline))

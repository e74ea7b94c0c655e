"""What is owed after an incident: obligations and action items that are reminded of and chased."""

from __future__ import annotations

from allstop.domain.falling_due.found import Due
from allstop.domain.incident.clocks import running, unset
from allstop.domain.incident.commands import MissDeadline
from allstop.domain.incident.course_commands import SetDeadlines
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.policy import Policy
from allstop.domain.world import World


def aftermath_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    if unset(world, policy, incident):
        found.commands.append(SetDeadlines(incident.id))
        return
    for clock in running(world, policy, incident):
        if clock.deadline not in incident.missed:
            found.at(clock.at, now, MissDeadline(incident.id, clock.deadline))

"""What the course of an incident brings: crews to propose, a mode that expires."""

from __future__ import annotations

from allstop.domain.crews import crews_due
from allstop.domain.falling_due.found import Due
from allstop.domain.incident.course_commands import EndMode
from allstop.domain.incident.state import Incident
from allstop.domain.incident.work_commands import ProposeCrews
from allstop.domain.mode import mode_is_on
from allstop.domain.moment import Now
from allstop.domain.policy import Policy
from allstop.domain.world import World


def course_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    if crews_due(world, policy, incident):
        found.commands.append(ProposeCrews(incident.id))
    mode = incident.mode
    if mode is not None and mode.until is not None and mode_is_on(incident):
        found.at(mode.until, now, EndMode(incident.id, "its time is over"))

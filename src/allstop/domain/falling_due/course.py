"""What the course of an incident brings: crews to propose, a mode that expires, late notices."""

from __future__ import annotations

from allstop.domain.falling_due.found import Due
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.policy import Policy
from allstop.domain.world import World


def course_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    del found, world, policy, incident, now

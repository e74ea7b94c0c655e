"""What is owed after an incident: obligations and action items that are reminded of and chased."""

from __future__ import annotations

from allstop.domain.falling_due.found import Due
from allstop.domain.falling_due.promises import deadlines_due
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.policy import Policy
from allstop.domain.world import World


def aftermath_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    deadlines_due(found, world, policy, incident, now)

"""Preflight checks that a plan waits for."""

from __future__ import annotations

from allstop.domain.falling_due.found import Due
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.policy import Policy
from allstop.domain.world import World


def preflights_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    del found, world, policy, incident, now

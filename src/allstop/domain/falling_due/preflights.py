"""Preflight checks that a plan waits for."""

from __future__ import annotations

from allstop.domain.falling_due.found import Due
from allstop.domain.falling_due.halts_and_plans import is_ready
from allstop.domain.incident.course_commands import BeginPreflight
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.policy import Policy
from allstop.domain.preflight import lets_start
from allstop.domain.world import World


def preflights_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    """The first plan that is ready to start brings the checks; once they have run, a person repeats them."""
    del now
    if incident.preflights or not policy.protocol.preflight.required:
        return
    ready = (plan for plan in world.plans_of(incident.id) if is_ready(plan))
    if any(not lets_start(policy, incident, plan).allowed for plan in ready):
        found.commands.append(BeginPreflight(incident.id))

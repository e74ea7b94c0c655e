"""Breakers of the fleet that open, are tried again, or close."""

from __future__ import annotations

from allstop.domain.breaker import Circuit
from allstop.domain.breaking import move_of
from allstop.domain.falling_due.found import Due
from allstop.domain.incident.course_commands import BeginPreflight
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.plan.lever_commands import MoveBreaker
from allstop.domain.policy import Policy
from allstop.domain.world import World


def breakers_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    for breaker in policy.fleet.breakers:
        command = MoveBreaker(incident.id, breaker.name)
        move, why = move_of(world, policy, incident, breaker, now.utc)
        stands = world.circuits.get(breaker.name)
        if move:
            found.commands.append(command)
            continue
        checks = BeginPreflight(incident.id)
        if why == "preflight" and not incident.preflights and checks not in found.commands:
            # Nothing else may have asked for the checks that its plan waits for.
            found.commands.append(checks)
        until = stands.until if stands is not None and stands.state is Circuit.OPEN else None
        if until is not None and until > now.utc:
            found.at(until, now, command)

"""Breakers of the fleet: what the samples of an incident say about each. Pure, and derived from the record."""

from __future__ import annotations

from datetime import datetime

from allstop.domain.breaker import Circuit
from allstop.domain.expiry import PASSING, at_work_on, blocked
from allstop.domain.fleet.circuits import CircuitStanding
from allstop.domain.incident.state import Incident
from allstop.domain.policy import FleetBreaker, Policy
from allstop.domain.world import World

OPENS, TRIES, CLOSES = "open", "half-open", "closed"
Move = tuple[str, str]
STAYS: Move = ("", "")


def move_of(
    world: World, policy: Policy, incident: Incident, breaker: FleetBreaker, now: datetime
) -> Move:
    """What a breaker does now (`open`, `half-open`, `closed`, or nothing), and why; or what keeps it from opening,
    see `expiry.blocked`."""
    stands = world.circuits.get(breaker.name)
    state = stands.state if stands is not None else Circuit.CLOSED
    pulled = breaker.fallback in world.standing_of(breaker.service).pulled
    if state is Circuit.CLOSED:
        return STAYS if pulled else _opens(world, policy, incident, breaker, stands)
    if stands is None or state not in (Circuit.OPEN, Circuit.HALF_OPEN):
        return STAYS
    if stands.incident != incident.id and _is_open(world, stands.incident):
        return STAYS
    if not pulled:
        under_way = at_work_on(world, breaker.service) is not None
        return STAYS if under_way else (CLOSES, f"{breaker.fallback} is not pulled")
    if state is Circuit.OPEN:
        tried = stands.until is not None and stands.until <= now
        return (TRIES, "") if tried else STAYS
    move = _tried(policy, incident, breaker, stands)
    # What cannot be taken back at this moment is taken back at the next.
    waits = move[0] == CLOSES and blocked(world, policy, incident, breaker.service) in PASSING
    return STAYS if waits else move


def _is_open(world: World, incident: str) -> bool:
    """Whether the incident that moved it last is still at work, and so moves it next."""
    found = world.incidents.get(incident)
    return found is not None and found.is_open


def _opens(
    world: World, policy: Policy, incident: Incident, breaker: FleetBreaker,
    stands: CircuitStanding | None,
) -> Move:  # fmt: skip
    because = _calls(world, breaker, stands) or _failing(policy, incident, breaker, stands)
    if not because:
        return STAYS
    # What keeps it from acting is told in the place of what it would do.
    why = blocked(world, policy, incident, breaker.service)
    return ("", why) if why else (OPENS, because)


def _calls(world: World, breaker: FleetBreaker, stands: CircuitStanding | None) -> str:
    """A circuit of calls to the watched service that has opened since this one closed; why."""
    for one in world.circuits.values():
        newer = stands is None or one.since > stands.since
        if one.service == breaker.watches and not one.watches and one.is_open and newer:
            return f"the circuit {one.name} is open: {one.because}"
    return ""


def _failing(
    policy: Policy, incident: Incident, breaker: FleetBreaker, stands: CircuitStanding | None
) -> str:
    """A probe of the watched service that was bad often enough since this one closed; why."""
    if _seen(incident, stands) < breaker.failures:
        return ""
    for probe in _probes(policy, breaker):
        bad = -incident.runs.get(probe, 0)
        if bad >= breaker.failures:
            return f"{probe} was bad {bad} times in a row"
    return ""


def _tried(
    policy: Policy, incident: Incident, breaker: FleetBreaker, stands: CircuitStanding
) -> Move:
    """Half-open: the next samples decide. One that is bad opens it again; all good ones close it."""
    seen, probes = _seen(incident, stands), _probes(policy, breaker)
    if seen < 1 or not probes:
        return STAYS
    last = [incident.last_samples.get(probe) for probe in probes]
    bad = next((one for one in last if one is not None and one.good is False), None)
    if bad is not None:
        return OPENS, f"{bad.probe} was bad again"
    good = all(one is not None and one.good for one in last) and all(
        incident.runs.get(probe, seen) >= breaker.trials for probe in probes
    )
    if good and seen >= breaker.trials:
        return CLOSES, f"{', '.join(probes)} good {breaker.trials} times in a row"
    return STAYS


def _seen(incident: Incident, stands: CircuitStanding | None) -> int:
    """Rounds of samples of this incident since the last change."""
    if stands is None or stands.incident != incident.id:
        return incident.rounds
    return incident.rounds - stands.rounds


def _probes(policy: Policy, breaker: FleetBreaker) -> tuple[str, ...]:
    service = policy.fleet.service(breaker.watches)
    return tuple(probe.name for probe in service.probes) if service is not None else ()

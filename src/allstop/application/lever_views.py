"""Levers and circuits as faces show them: which there are, which are pulled or open, since when and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.application.privacy import Reader
from allstop.domain.breaker import Circuit
from allstop.domain.expiry import home_of
from allstop.domain.fleet.circuits import CircuitStanding
from allstop.domain.planning.degrading import all_levers, lever_name, pulled_levers
from allstop.domain.policy import Fleet
from allstop.domain.world import World


@dataclass(frozen=True, slots=True)
class LeverLine:
    """One lever. level, limit: as fleet.yaml says; since, until: null where it is not pulled, until also where no
    end is known; overdue: pulled beyond its time; kept: a person said that it stays; plan, incident: that pulled
    it; taker: the plan that takes it back, and blocked: why none could (protected, busy, preflight, refused)."""

    name: str
    service: str
    lever: str
    title: str
    level: str
    limit: str
    pulled: bool
    since: datetime | None = None
    until: datetime | None = None
    overdue: bool = False
    kept: bool = False
    plan: str = ""
    incident: str = ""
    taker: str = ""
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class CircuitLine:
    """A circuit. kind: calls (through the adapter `via`) or breaker (on the service `watches`, which pulls the lever
    `fallback`); state: closed, open, half-open, forced-open or disabled; failures: in a row, that opened it; until:
    it is tried again then; by: who changed it last, empty for never."""

    name: str
    kind: str
    service: str
    via: str
    watches: str
    state: str
    fallback: str = ""
    since: datetime | None = None
    until: datetime | None = None
    failures: int = 0
    because: str = ""
    by: str = ""


def lever_lines(world: World, fleet: Fleet, reader: Reader, now: datetime) -> tuple[LeverLine, ...]:
    """Those that are pulled, the oldest first, then all others of the fleet."""
    known = all_levers(fleet)
    pulled = pulled_levers(world)
    found = [_pulled(world, fleet, reader, *pulled[name], now) for name in pulled]
    found += [
        LeverLine(
            name, service.name, lever.name, lever.title, lever.level, lever.limit, pulled=False
        )
        for name, (service, lever) in known.items()
        if name not in pulled
    ]
    return tuple(found)


def _pulled(
    world: World, fleet: Fleet, reader: Reader, service: str, lever: str, now: datetime
) -> LeverLine:
    name = lever_name(service, lever)
    one = world.standing_of(service).pulled[lever]
    pair = all_levers(fleet).get(name)
    home = home_of(world, one)
    seen = home is not None and reader.sees(home.id)
    return LeverLine(
        name,
        service,
        lever,
        pair[1].title if pair else lever,
        pair[1].level if pair else "",
        pair[1].limit if pair else "",
        pulled=True,
        since=one.since,
        until=one.until,
        overdue=one.until is not None and one.until <= now,
        kept=one.kept,
        plan=one.plan if seen else "",
        incident=home.id if home is not None and seen else "",
        taker=one.taker if seen else "",
        blocked=one.blocked,
    )


def circuit_lines(world: World, fleet: Fleet) -> tuple[CircuitLine, ...]:
    """Breakers of the fleet, and the circuits of calls that were ever open; what is open first."""
    fallbacks = {one.name: one.fallback for one in fleet.breakers}
    found = [_line(one, fallbacks.get(name, "")) for name, one in world.circuits.items()]
    found += [
        CircuitLine(
            one.name, "breaker", one.service, "", one.watches, Circuit.CLOSED.value, one.fallback
        )
        for one in fleet.breakers
        if one.name not in world.circuits
    ]
    closed = (Circuit.CLOSED.value, Circuit.DISABLED.value)
    return tuple(sorted(found, key=lambda one: (one.state in closed, one.name)))


def _line(one: CircuitStanding, fallback: str) -> CircuitLine:
    return CircuitLine(
        one.name, "breaker" if one.watches else "calls", one.service, one.via, one.watches,
        one.state.value, fallback, one.since, one.until, one.failures, one.because, one.by,
    )  # fmt: skip

"""Levers and circuits as faces show them: which there are, which are pulled or open, since when and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from allstop.application.lever_shapes import CircuitLine, LeverLine
from allstop.application.privacy import Reader
from allstop.domain.breaker import Circuit
from allstop.domain.expiry import home_of
from allstop.domain.fleet.circuits import CircuitStanding
from allstop.domain.planning.degrading import Pair, all_levers, lever_name, pulled_levers
from allstop.domain.policy import Fleet
from allstop.domain.world import World


def lever_lines(world: World, fleet: Fleet, reader: Reader, now: datetime) -> tuple[LeverLine, ...]:
    """Those that are pulled, the oldest first, then all others of the fleet."""
    known = all_levers(fleet)
    pulled = pulled_levers(world)
    found = [_pulled(world, known, reader, pulled[name], now) for name in pulled]
    found += [
        LeverLine(
            name, service.name, lever.name, lever.title, lever.level, lever.limit, pulled=False
        )
        for name, (service, lever) in known.items()
        if name not in pulled
    ]
    return tuple(found)


def overdue_levers(
    world: World, fleet: Fleet, reader: Reader, now: datetime
) -> tuple[LeverLine, ...]:
    """Those that are pulled beyond their time, the oldest first."""
    pulled = pulled_levers(world)
    known = all_levers(fleet) if pulled else {}
    found = (_pulled(world, known, reader, one, now) for one in pulled.values())
    return tuple(one for one in found if one.overdue)


def _pulled(
    world: World, known: Mapping[str, Pair], reader: Reader, which: tuple[str, str], now: datetime
) -> LeverLine:
    service, lever = which
    name = lever_name(service, lever)
    one = world.standing_of(service).pulled[lever]
    pair = known.get(name)
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

"""What one seed means: a graph, what its plan is to do, and what goes wrong with which action."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from allstop.domain.policy import Fleet, FleetLimits, OnFailure, Service
from tests.domain.fleet.fleets import random_fleet

# What can go wrong with an action, and what then happens in the world and is heard of it.
FAULTS = {
    "hang": "it does not answer in time; half of the time it happens all the same, later",
    "crash": "its actuator breaks; half of the time after it has happened",
    "refuse": "the other side says no, and nothing happens",
    "lie": "it says that it is done, and nothing has happened; the proof sees that",
    "slow": "it takes almost all the time there is",
}
LASTING = 1_000_000
SMALLEST, LARGEST = 3, 18


@dataclass(frozen=True, slots=True)
class Fault:
    """kind: one of FAULTS; times: for so many attempts, then it works."""

    kind: str
    times: int


@dataclass(frozen=True, slots=True)
class Scene:
    """faults, takes (milliseconds): by `service/action`; blind: services whose adapter cannot tell whether
    something has happened; purposes: of the plans, one after another. Only the last of them has faults."""

    seed: int
    fleet: Fleet
    purposes: tuple[str, ...]
    faults: dict[str, Fault]
    takes: dict[str, int]
    blind: frozenset[str]


def scene(seed: int) -> Scene:
    """The same seed is the same scene."""
    dice = Random(f"graph/{seed}")
    size = dice.randint(SMALLEST, LARGEST)
    drawn = random_fleet(seed, size, cycles=dice.random() < 0.35)
    services = tuple(_varied(one, dice) for one in drawn.services)
    fleet = replace(drawn, services=services, limits=_limits(dice))
    purposes = ("stop", "recover") if dice.random() < 0.2 else ("stop",)
    share = dice.choice((0.0, 0.05, 0.1, 0.2, 0.4))
    actions = [f"{one.name}/{action}" for one in services for action in one.actions]
    return Scene(
        seed, fleet, purposes,
        {name: _fault(dice) for name in actions if dice.random() < share},
        {name: dice.choice((5, 20, 50, 50, 120, 900)) for name in actions},
        frozenset(one.name for one in services if dice.random() < 0.2),
    )  # fmt: skip


def _varied(one: Service, dice: Random) -> Service:
    """Some on the same few hosts, and some whose failure stops everything, or nothing."""
    policy = one.on_failure
    if dice.random() < 0.15:
        policy = dice.choice((OnFailure.ABORT, OnFailure.CONTINUE))
    return replace(one, on_failure=policy, host=dice.choice(("", "h1", "h2", "h3")))


def _limits(dice: Random) -> FleetLimits:
    return FleetLimits(
        together=dice.choice((0, 1, 2, 5, 32)),
        per_host=dice.choice((0, 1, 8)),
        failures=dice.choice((0, 0, 1, 3)),
    )


def _fault(dice: Random) -> Fault:
    return Fault(dice.choice(tuple(FAULTS)), dice.choice((1, 2, LASTING, LASTING)))

"""Ground for the preflight: a world that can be looked at, and what the coordinator stands on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from allstop.application.ports import Actuator, Capacity
from allstop.application.preflight import Preflight
from allstop.domain.effects import Effect, Ending, Lane, Outcome, Purpose, done
from allstop.domain.policy import (
    Grant,
    Policy,
)
from allstop.domain.policy import Preflight as PreflightRules
from allstop.domain.preflight import read_results
from allstop.domain.react import COORDINATOR
from tests.application.ground import House, Never, Outside
from tests.domain import builders

GB = 10**9
ROOM = Capacity(50 * GB, 100 * GB, 8 * GB, 16 * GB)


@dataclass
class Ground:
    """What the coordinator stands on, as a story wants it."""

    problems: Sequence[str] | Exception = ()
    room: Capacity = ROOM
    faults: dict[str, str] = field(default_factory=dict)

    async def documents(self) -> Sequence[str]:
        if isinstance(self.problems, Exception):
            raise self.problems
        return self.problems

    async def capacity(self) -> Capacity:
        return self.room

    async def secret(self, path: str) -> str:
        return self.faults.get(path, "")


@dataclass
class Reachable(Outside):
    """A scripted world that can be looked at without disturbing it. seen: by path or file."""

    seen: dict[str, Any] = field(default_factory=dict)
    asked_for: list[dict[str, Any]] = field(default_factory=list)

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        del timeout_ms
        self.asked_for.append(options)
        answer = self.seen.get(str(options.get("path", "")), done("it takes messages"))
        if answer is Never:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        found: Outcome = answer
        return found

    def actuator(self, name: str) -> Actuator | None:
        return self if name == "script" and self.installed else None


def rules(*checks: str, required: bool = False, **changes: Any) -> Policy:
    plain = builders.policy()
    people = tuple(replace(one, channels=("chat",)) for one in plain.roster.people)
    protocol = replace(
        plain.protocol,
        preflight=PreflightRules(checks, required),
        authority=(*plain.protocol.authority, Grant("preflight", ("person",))),
        **changes,
    )
    return replace(plain, protocol=protocol, roster=replace(plain.roster, people=people))


def preflight(house: House, ground: Ground | None = None) -> Preflight:
    return Preflight(
        house.post, house.store, house.outside, house.monitor, house.clock, ground or Ground()
    )


async def looked(
    house: House, check: str, ground: Ground | None = None
) -> dict[str, tuple[bool | None, str]]:
    """What one check finds in the incident that is open, by subject."""
    incident = next(iter(house.world.incidents), "")
    options = {"incident": incident, "policy": house.post.book.current, "checks": [check]}
    outcome = await preflight(house, ground).act(effect(options), lambda _: "")
    assert outcome.ending is Ending.DONE
    read = read_results((check,), outcome.facts)
    return {one.subject: (one.ok, one.text) for one in read}


def effect(options: dict[str, Any], verb: str = "preflight") -> Effect:
    return Effect(
        "incident/INC-1:1:0", "incident/INC-1", Purpose.PREFLIGHT, "1", COORDINATOR, verb, "INC-1",
        options, Lane.COMMAND, 60_000, 1,
    )  # fmt: skip


async def reachable(house: House, policy: Policy | None = None) -> Reachable:
    outside = Reachable()
    house.outside = outside
    await house.begin(policy or rules())
    return outside

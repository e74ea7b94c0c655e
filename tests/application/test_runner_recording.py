"""When the runner cannot record, it claims nothing about the world."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import BaseModel

from allstop.adapters.clock import SystemClock
from allstop.adapters.crash_points import NoCrashPoints
from allstop.adapters.memory_store import MemoryStore
from allstop.application.command_post import CommandPost
from allstop.application.hub import Hub
from allstop.application.ports import (
    Actuator,
    AdapterInfo,
    BlobSink,
    Committed,
    EffectState,
    Probe,
    TurnView,
    VerbInfo,
    Write,
)  # fmt: skip
from allstop.application.runner import Runner
from allstop.domain.effects import LANES, Effect, Lane, Outcome, Purpose, Repeat, done
from allstop.errors import Unavailable
from tests.domain import builders


class NoOptions(BaseModel):
    """Takes nothing."""


@dataclass
class Lamp:
    """An actuator that notes what it was asked."""

    info = AdapterInfo(
        "lamp",
        "A lamp.",
        "1",
        ("actuator",),
        (VerbInfo("light", "Lights.", Repeat.PROBE, NoOptions),),
    )
    asked: list[str] = field(default_factory=list)

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        self.asked.append("act")
        return done("lit")

    async def observe(self, effect: Effect) -> Outcome:
        self.asked.append("observe")
        return done("it is lit")

    def actuator(self, name: str) -> Actuator | None:
        return self

    def probe(self, name: str) -> Probe | None:
        return None

    def infos(self) -> tuple[AdapterInfo, ...]:
        return (self.info,)

    def unavailable(self) -> dict[str, str]:
        return {}


class FullForOneWrite(MemoryStore):
    """A store whose disk is full for exactly one write, once it is armed."""

    armed = False

    async def write(self, lane: Lane, turn: Callable[[TurnView], Write]) -> Committed:
        if self.armed:
            self.armed = False
            raise Unavailable("the disk is full: only halts and approvals are recorded")
        return await super().write(lane, turn)


async def test_a_full_disk_is_not_taken_for_the_worlds_answer() -> None:
    """Given a step in flight at a crash, when "unknown" cannot be recorded because the disk is full for
    a moment, then the step is not recorded as failed: it may have happened, and nobody has looked."""
    clock, store, lamp = SystemClock(), FullForOneWrite(), Lamp()
    options: dict[str, Any] = {}
    effect = Effect(
        "plan/PLAN-1:3:0", "plan/PLAN-1", Purpose.STEP, "light", "lamp", "light", "hall", options,
        Lane.COMMAND, 1000, 1,
    )  # fmt: skip
    await store.open("first")
    now = clock.now().utc
    await store.write(Lane.COMMAND, lambda _: Write(effects=(effect,), effects_due=now))
    assert await store.claim(LANES, 10, clock.now().utc)
    await store.close()
    await store.open("second")
    post = CommandPost(store, clock, NoCrashPoints())
    post.load(builders.policy())
    store.armed = True

    with pytest.raises(ExceptionGroup):
        async with asyncio.timeout(5):
            await Runner(post, store, Hub(store), lamp, clock, NoCrashPoints()).run()

    (row,) = store.effects()
    assert row.state is EffectState.CLAIMED
    assert lamp.asked == []

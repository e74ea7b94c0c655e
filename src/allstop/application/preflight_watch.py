"""The preflight in the background: everything is looked at again and again, so that a night begins with what is known."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec
import structlog

from allstop.application.command_post import CommandPost, Request
from allstop.application.ports import Clock
from allstop.application.preflight import Preflight
from allstop.application.preflight_ground import Progress
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.principal import COORDINATOR
from allstop.domain.readiness import NotePreflight
from allstop.errors import Refused, Unavailable

log = structlog.get_logger("allstop.preflight")

# After a start the monitor has its first rounds first.
FIRST_MS = 20_000
# What is red is looked at once more before anybody hears of it.
AGAIN_MS = 60_000
# While a plan runs nothing else disturbs the fleet; then this long is waited.
BUSY_MS = 30_000
# By so much an interval is longer or shorter, so that several coordinators do not ask at the same moment.
JITTER_PERCENT = 10
# One that is held waits for a person, who may take days; looking harms nothing then.
_AT_WORK = frozenset({PlanState.RUNNING, PlanState.PAUSED})


@dataclass(frozen=True, slots=True)
class Look:
    """One preflight outside of an incident. at: when it had ended, UTC."""

    at: datetime
    results: tuple[CheckResult, ...]
    took_ms: int

    @property
    def passed(self) -> bool:
        return all(one.ok is True for one in self.results)


class Kept(Protocol):
    """One text that outlives the coordinator. Neither fails: what cannot be kept is not there next time."""

    def keep(self, body: str) -> None: ...

    def read(self) -> str | None: ...


def _read(body: str | None) -> Look | None:
    """What was kept. None where there is nothing that can be read."""
    try:
        return msgspec.json.decode(body, type=Look) if body is not None else None
    except msgspec.MsgspecError as error:
        log.warning("the newest preflight cannot be read", because=str(error))
        return None


class PreflightWatch:
    """Runs for the life of the coordinator. newest: of the whole preflight, found by this coordinator or one before
    it; only its turns are in the log. progress: of the one under way, None when there is none."""

    def __init__(
        self, checks: Preflight, post: CommandPost, clock: Clock, share: Callable[[], float],
        kept: Kept | None = None,
    ) -> None:  # fmt: skip
        """share: a fresh number from 0 to 1; kept: where the newest one outlives the coordinator."""
        self._checks = checks
        self._post = post
        self._clock = clock
        self._share = share
        self._under_way: asyncio.Task[Look] | None = None
        self._kept = kept
        self.newest: Look | None = _read(kept.read()) if kept is not None else None
        self.progress: Progress | None = None

    async def run(self) -> None:
        wait = FIRST_MS
        while True:
            await self._clock.sleep(wait)
            every = self._post.book.latest.protocol.preflight.every_ms
            if not every or self._is_busy():
                wait = BUSY_MS
                continue
            passed = await self._look_and_note()
            wait = AGAIN_MS if passed is None else self._jittered(every)

    async def _look_and_note(self) -> bool | None:
        """None: it is red for the first time, and will be looked at once more."""
        before, look = self.newest, await self.look()
        known = self._post.world.readiness
        was = known.passed if known is not None else None
        # Red counts when it is red twice in a row: one lost packet is no news.
        seen_before = before is not None and not before.passed
        told = known is not None and bool(known.told)
        if look.passed is was and (look.passed or told):
            return look.passed
        if not look.passed and not seen_before:
            return None
        try:
            await self._post.do(NotePreflight(look.results), Request(COORDINATOR, "preflight"))
        except (Refused, Unavailable) as error:
            log.warning("preflight not noted", because=error.text)
        bad = [f"{one.check} {one.subject}" for one in look.results if one.ok is not True]
        if look.passed is not was:
            log.log(30 if bad else 20, "preflight turned", passed=look.passed, bad=bad[:20])
        return look.passed

    async def look(self, checks: Sequence[str] = (), services: Collection[str] = ()) -> Look:
        """Look now; whoever asks for the whole while it is under way gets the same answer."""
        if checks or services:
            return await self._made(checks, services)
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.ensure_future(self._whole())
        return await asyncio.shield(self._under_way)

    async def _whole(self) -> Look:
        look = self.newest = await self._made((), ())
        if self._kept is not None:
            await asyncio.to_thread(self._kept.keep, msgspec.json.encode(look).decode())
        return look

    async def _made(self, checks: Sequence[str], services: Collection[str]) -> Look:
        began, progress = self._clock.now().monotonic_ms, Progress()
        self.progress = progress
        try:
            results = await self._checks.run(checks, services, progress)
        finally:
            if self.progress is progress:
                self.progress = None
        now = self._clock.now()
        return Look(now.utc, results, now.monotonic_ms - began)

    def _is_busy(self) -> bool:
        return any(plan.state in _AT_WORK for plan in self._post.world.plans.values())

    def _jittered(self, every_ms: int) -> int:
        about = 100 - JITTER_PERCENT + round(2 * JITTER_PERCENT * self._share())
        return max(BUSY_MS, every_ms * about // 100)

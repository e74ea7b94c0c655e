"""The timekeeper: issues what `due` says, sleeps to the next instant, catches up after downtime."""

from __future__ import annotations

import asyncio

import structlog

from allstop.application.command_post import CommandPost, Request
from allstop.application.hub import Hub
from allstop.application.ports import Clock, CrashPoints
from allstop.domain.due import due
from allstop.domain.moment import between
from allstop.domain.principal import TIMEKEEPER
from allstop.errors import Refused, Unavailable

log = structlog.get_logger("allstop.timekeeper")

# A step of the wall clock or a suspended machine is noticed after this long at the latest.
LONGEST_SLEEP_MS = 5_000
# A due command that is refused shows a rule that disagrees with `due`; it must not spin.
AFTER_REFUSAL_MS = 1_000


class Timekeeper:
    """Runs for the life of the coordinator."""

    def __init__(self, post: CommandPost, hub: Hub, clock: Clock, crash: CrashPoints) -> None:
        self._post = post
        self._hub = hub
        self._clock = clock
        self._crash = crash

    async def run(self) -> None:
        waker = self._hub.waker()
        try:
            while True:
                waker.clear()
                pause = await self.tick()
                if pause > 0:
                    try:
                        # Not wait_for: before 3.12 it swallows a cancellation that meets the wake-up.
                        async with asyncio.timeout(pause / 1000):
                            await waker.wait()
                    except TimeoutError:
                        continue
        finally:
            self._hub.forget(waker)

    async def tick(self) -> int:
        """Issue everything that is due; returns how long to sleep in milliseconds, 0 to look again."""
        now = self._clock.now()
        found = due(self._post.world, self._post.book, now)
        done = 0
        for command in found.commands:
            self._crash.reach("timekeeper.due")
            try:
                await self._post.do(command, Request(TIMEKEEPER, "due"))
                done += 1
            except (Refused, Unavailable) as refusal:
                # Unavailable: a full disk, which takes halts all the same.
                log.warning(
                    "due command refused", command=type(command).__name__, because=refusal.text
                )
        if found.commands:
            return 0 if done else AFTER_REFUSAL_MS
        if found.next_at is None:
            return LONGEST_SLEEP_MS
        return max(1, min(LONGEST_SLEEP_MS, between(now.utc, found.next_at)))

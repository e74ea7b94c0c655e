"""Blocking work in threads of its own kind, so that what hangs in one place delays nothing elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

from allstop.adapters.mechanisms.deadline import Deadline

T = TypeVar("T")

_SLACK_MS = 200
_JUST_BEGUN_NS = 1_000_000_000


class ThreadPool:
    """A bounded number of threads for short work."""

    def __init__(self, name: str, size: int) -> None:
        self._threads = ThreadPoolExecutor(size, thread_name_prefix=f"allstop-{name}")

    async def run(self, work: Callable[[], T], timeout_ms: int) -> T:
        """Raises what the work raises, and TimeoutError (without a text) while it goes on."""
        job = asyncio.get_running_loop().run_in_executor(self._threads, work)
        async with asyncio.timeout(timeout_ms / 1000):
            return await job

    async def by(self, deadline: Deadline, work: Callable[[], T]) -> T:
        """`run`, a moment beyond the deadline: what minds it (a lock, a walk) ends by itself, and says why."""
        return await self.run(work, deadline.left_ms() + _SLACK_MS)


class StillLookingError(Exception):
    """An earlier look at the same thing has not come back yet."""


class HangingLooks(Generic[T]):
    """Looks at things that may hang for ever, such as a file on a mount whose server is away.

    One thread for each thing, at most: who asks while a look has just begun gets its answer, and once
    it hangs later ones at the same thing fail at once, and others not at all. The threads do not keep
    the process from ending.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, tuple[int, asyncio.Future[T]]] = {}

    async def look(self, thing: Hashable, work: Callable[[], T], timeout_ms: int) -> T:
        """Raises StillLookingError, TimeoutError, and what the work raises."""
        loop = asyncio.get_running_loop()
        now = time.monotonic_ns()
        began, answer = self._under_way.get(thing, (now, None))
        if answer is None:
            answer = loop.create_future()
            answer.add_done_callback(_heard)
            self._under_way[thing] = (now, answer)
            self._begin(thing, work, loop, answer)
        elif now - began > _JUST_BEGUN_NS or answer.get_loop() is not loop:
            raise StillLookingError("an earlier look at it has not come back")
        async with asyncio.timeout(timeout_ms / 1000):
            # Shielded: others may be waiting for the same answer.
            return await asyncio.shield(answer)

    def _begin(
        self,
        thing: Hashable,
        work: Callable[[], T],
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[T],
    ) -> None:
        def run() -> None:
            told: Callable[[], None]
            try:
                told = functools.partial(answer.set_result, work())
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits
                told = functools.partial(answer.set_exception, error)
            self._under_way.pop(thing, None)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(told)

        try:
            threading.Thread(target=run, daemon=True).start()
        except RuntimeError:
            self._under_way.pop(thing, None)
            raise


def _heard(answer: asyncio.Future[Any]) -> None:
    """Nobody may have waited until the end; an error nobody hears of is no mistake here."""
    if not answer.cancelled():
        answer.exception()

"""Blocking work in threads of its own kind, so that what hangs in one place delays nothing elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class ThreadPool:
    """A bounded number of threads for short work."""

    def __init__(self, name: str, size: int) -> None:
        self._threads = ThreadPoolExecutor(size, thread_name_prefix=f"allstop-{name}")

    async def run(self, work: Callable[[], T], timeout_ms: int) -> T:
        """Raises what the work raises, and TimeoutError (without a text) while it goes on."""
        job = asyncio.get_running_loop().run_in_executor(self._threads, work)
        async with asyncio.timeout(timeout_ms / 1000):
            return await job


class StillLookingError(Exception):
    """An earlier look at the same thing has not come back yet."""


class HangingLooks(Generic[T]):
    """Looks at things that may hang for ever, such as a file on a mount whose server is away.

    One thread for each thing, at most: a look that hangs makes later ones at the same thing fail at
    once, and others not at all. The threads do not keep the process from ending.
    """

    def __init__(self) -> None:
        self._under_way: set[Hashable] = set()

    async def look(self, thing: Hashable, work: Callable[[], T], timeout_ms: int) -> T:
        """Raises StillLookingError, TimeoutError, and what the work raises."""
        if thing in self._under_way:
            raise StillLookingError("an earlier look at it has not come back")
        self._under_way.add(thing)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        # A failed start of the thread must not leave the thing locked.
        try:
            threading.Thread(
                target=self._run, args=(thing, work, loop, answer), daemon=True
            ).start()
        except RuntimeError:
            self._under_way.discard(thing)
            raise
        async with asyncio.timeout(timeout_ms / 1000):
            return await answer

    def _run(
        self,
        thing: Hashable,
        work: Callable[[], T],
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[T],
    ) -> None:
        result: T | None = None
        fault: BaseException | None = None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            fault = error
        self._under_way.discard(thing)

        def tell() -> None:
            if answer.done():
                return
            if fault is not None:
                answer.set_exception(fault)
            else:
                answer.set_result(result)  # type: ignore[arg-type] # no fault, so a result

        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell)

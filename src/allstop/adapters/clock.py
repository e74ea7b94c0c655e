"""The machine's clocks."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from allstop.domain.moment import Now

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NS_PER_MS = 1_000_000
# A clock that is being corrected moves by milliseconds; one that differs by more was stepped.
STEP = timedelta(seconds=2)


@functools.cache
def _boot() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        # Not Linux: readings of two processes must then not be compared, so each has its own boot.
        return f"process-{time.time_ns()}"


def _wall() -> datetime:
    return datetime.now(UTC)


def _elapsed_ns() -> int:
    """A clock that never steps and, where the machine has one, counts the time it was suspended."""
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(source)


class SystemClock:
    """UTC that does not step, a monotonic clock in milliseconds, and the identity of the boot.

    UTC is read once and carried on by the monotonic clock; it follows the wall clock's small
    corrections, but a step of the wall clock (over two seconds) moves nothing: deadlines are neither
    fired nor lost by it. A restart takes the wall clock as it is then.
    """

    def __init__(
        self,
        wall: Callable[[], datetime] = _wall,
        elapsed_ns: Callable[[], int] = _elapsed_ns,
    ) -> None:
        """wall: aware UTC; elapsed_ns: nanoseconds that never go back; others than ours for tests."""
        self._wall = wall
        self._elapsed_ns = elapsed_ns
        self._anchor = (wall(), elapsed_ns())

    def now(self) -> Now:
        wall, elapsed_ns = self._wall(), self._elapsed_ns()
        began, began_ns = self._anchor
        carried = began + timedelta(microseconds=(elapsed_ns - began_ns) // 1000)
        if abs(wall - carried) <= STEP:
            # Never backwards, not even by a correction: the log's times stay in order.
            carried = max(wall, carried)
            self._anchor = (carried, elapsed_ns)
        return Now(carried, elapsed_ns // _NS_PER_MS, _boot())

    async def sleep(self, milliseconds: int) -> None:
        await asyncio.sleep(max(0, milliseconds) / 1000)

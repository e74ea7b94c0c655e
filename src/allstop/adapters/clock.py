"""The machine's clocks."""

from __future__ import annotations

import asyncio
import functools
import time
from datetime import UTC, datetime
from pathlib import Path

from allstop.domain.moment import Now

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@functools.cache
def _boot() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        # Not Linux: readings of two processes must then not be compared, so each has its own boot.
        return f"process-{time.time_ns()}"


class SystemClock:
    """UTC of the machine, its monotonic clock in milliseconds, and the identity of its boot."""

    def now(self) -> Now:
        return Now(datetime.now(UTC), time.monotonic_ns() // 1_000_000, _boot())

    async def sleep(self, milliseconds: int) -> None:
        await asyncio.sleep(max(0, milliseconds) / 1000)

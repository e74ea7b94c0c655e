"""How much of an attempt's time is left."""

from __future__ import annotations

import time
from dataclasses import dataclass

_LARGEST_RESERVE_MS = 500


@dataclass(frozen=True, slots=True)
class Deadline:
    """An instant of the monotonic clock (nanoseconds) by which an attempt must have ended."""

    at_ns: int

    @classmethod
    def within(cls, timeout_ms: int) -> Deadline:
        """A little before `timeout_ms` from now: a tenth, at most half a second, is kept for
        ending what was started, because an attempt must be over by its time-out, not begin to end.
        """
        reserve = min(_LARGEST_RESERVE_MS, timeout_ms // 10)
        return cls(time.monotonic_ns() + max(1, timeout_ms - reserve) * 1_000_000)

    def left_ms(self) -> int:
        """Whole milliseconds left, at least 1 so that it can be handed on as a time-out."""
        return max(1, (self.at_ns - time.monotonic_ns()) // 1_000_000)

    def passed(self) -> bool:
        return time.monotonic_ns() >= self.at_ns

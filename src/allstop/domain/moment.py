"""Time as a value: the core is handed `Now`, it never asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Now:
    """One reading of the clocks.

    utc: aware UTC time, for people and for deadlines.
    monotonic_ms: milliseconds of a clock that never steps, for durations.
    boot: identity of the boot the monotonic clock belongs to; values of two boots do not compare.
    """

    utc: datetime
    monotonic_ms: int
    boot: str


def after(start: datetime, milliseconds: int) -> datetime:
    """The instant `milliseconds` after `start`."""
    return start + timedelta(milliseconds=milliseconds)


def between(start: datetime, end: datetime) -> int:
    """Whole milliseconds from `start` to `end`; negative when `end` is earlier."""
    return round((end - start) / timedelta(milliseconds=1))


def time_words(at: datetime) -> str:
    """An instant of UTC as messages give it: `2026-11-21 04:30 UTC`."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def words(milliseconds: int) -> str:
    """A duration as people say it: `58ms`, `2.7s`, `45s`, `9m 30s`, `2h 5m`, `3d 4h`."""
    seconds = max(0, milliseconds) // 1000
    if 0 < milliseconds < 1000:
        return f"{milliseconds}ms"
    if seconds < 10 and milliseconds % 1000 >= 100:
        return f"{seconds}.{milliseconds % 1000 // 100}s"
    for size, unit, smaller, name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "m"),
        (60, "m", 1, "s"),
    ):
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size}{unit} {rest}{name}" if rest else f"{seconds // size}{unit}"
    return f"{seconds}s"

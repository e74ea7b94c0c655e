"""Whether a replay came to the end of an archive.

A server that replays takes a segment it cannot have for the end of the log: one that is missing, or that it may not
read. What the archive holds beyond it would be lost without a word, so it is looked for.
"""

from __future__ import annotations

import re
from pathlib import Path

from allstop.adapters.mechanisms.files import beginning
from allstop.adapters.postgresql.local import Control
from allstop.adapters.postgresql.server import Refused

_SEGMENT = re.compile(r"[0-9A-F]{24}")
_LARGEST = 1_000_000
_ONE_LOG = 1 << 32


def archived(folder: Path) -> frozenset[str]:
    """The names of the whole segments in an archive. Blocking. Raises OSError."""
    return frozenset(one.name for one in folder.iterdir() if _SEGMENT.fullmatch(one.name))


def beyond_the_end(held: frozenset[str], data: Path, after: Control) -> str:
    """Which segment of the archive was not replayed, in words, or empty.

    held: what the archive had when the replay began; after: of the cluster once it was promoted. Blocking. Raises
    Refused, OSError.
    """
    timeline, end = _left_at(data / "pg_wal" / f"{after.timeline:08X}.history")
    size = int(after.fields["Bytes per WAL segment"])
    # The end may be the first byte of a segment: that one was not begun, and holds nothing.
    first = (end - 1) // size + 1
    later = sorted(
        name for name in held if int(name[:8], 16) == timeline and _number(name, size) >= first
    )
    if not later:
        return ""
    return f"the replay ended before {later[0]}, and the archive goes on to {later[-1]}; is one missing or unreadable?"


def _left_at(history: Path) -> tuple[int, int]:
    """The timeline that the newest one began on, and its position there."""
    try:
        lines = beginning(history, _LARGEST).splitlines()
        timeline, position = next(reversed([line.split() for line in lines if line.strip()]))[:2]
        high, low = position.split("/")
        return int(timeline), (int(high, 16) << 32) + int(low, 16)
    except (ValueError, StopIteration) as error:
        raise Refused(f"{history.name} makes no sense: {error}") from None


def _number(name: str, size: int) -> int:
    return int(name[8:16], 16) * (_ONE_LOG // size) + int(name[16:], 16)

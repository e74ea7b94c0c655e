"""A look at the write-ahead log before SQLite replays it.

SQLite stops replaying at the first frame that does not check out, and says nothing: after a crash
a damaged byte would silently undo acknowledged commits. Each commit is synced before the next
one begins, so at most one unfinished commit may follow a frame that does not check out.
"""

from __future__ import annotations

import struct
from pathlib import Path

from allstop.adapters.sqlite.faults import corrupt

_HEADER = 32
_FRAME = 24
_MAGIC = (0x377F0682, 0x377F0683)
_WORD = 0xFFFFFFFF


def check(path: Path) -> None:
    """Raise errors.Corrupt when frames of acknowledged commits would be dropped by the replay."""
    if not path.exists() or path.stat().st_size <= _HEADER + _FRAME:
        return
    data = path.read_bytes()
    magic, _, page, _, salt1, salt2, sum1, sum2 = struct.unpack(">8I", data[:_HEADER])
    order = ">" if magic & 1 else "<"
    sound_header = magic in _MAGIC and page >= 512
    if not sound_header or _checksum(data[:24], order, (0, 0)) != (sum1, sum2):
        # A crash while the very first frames were written leaves a header like this, too.
        if len(data) > _HEADER + 2 * (_FRAME + 512) and any(data[_HEADER : _HEADER + _FRAME]):
            raise corrupt(f"the write-ahead log {path} has a damaged header")
        return
    good = _sound_frames(data, page, order, (salt1, salt2), (sum1, sum2))
    lost = _commits_after(data, page, (salt1, salt2), good)
    if lost > 1:
        raise corrupt(
            f"frame {good + 1} of the write-ahead log {path} is damaged, "
            f"and {lost} later commits depend on it"
        )


def _sound_frames(
    data: bytes, page: int, order: str, salts: tuple[int, int], sums: tuple[int, int]
) -> int:
    size = _FRAME + page
    count = 0
    for start in range(_HEADER, len(data) - size + 1, size):
        _, _, salt1, salt2, sum1, sum2 = struct.unpack(">6I", data[start : start + _FRAME])
        if (salt1, salt2) != salts:
            break
        sums = _checksum(data[start : start + 8], order, sums)
        sums = _checksum(data[start + _FRAME : start + size], order, sums)
        if sums != (sum1, sum2):
            break
        count += 1
    return count


def _commits_after(data: bytes, page: int, salts: tuple[int, int], good: int) -> int:
    """How many frames behind the sound ones end a commit of the same round of the log."""
    size = _FRAME + page
    commits = 0
    for start in range(_HEADER + good * size, len(data) - size + 1, size):
        _, pages, salt1, salt2 = struct.unpack(">4I", data[start : start + 16])
        if pages and (salt1, salt2) == salts:
            commits += 1
    return commits


def _checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    one, two = sums
    for place in range(0, len(words), 2):
        one = (one + words[place] + two) & _WORD
        two = (two + words[place + 1] + one) & _WORD
    return one, two

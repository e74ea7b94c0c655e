"""The number of the last order about a thing, beside it; older orders are refused."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.order_file import NewerOrder, Unreadable
from allstop.adapters.mechanisms.order_marks import Mark, Marks, marking, read_marks
from allstop.adapters.postgresql.server import Busy, Refused
from allstop.domain.effects import Effect
from allstop.domain.policy.tables import Scalar

# What gives something back; the others take something away, and replace a mark that makes no sense.
_GIVES_BACK = ("unfence", "unquiesce", "start", "promote")


@dataclass(frozen=True, slots=True)
class Standing:
    """An order that may be carried out. before: the mark of the last one."""

    marks: Marks
    target: str
    effect: Effect
    before: Mark

    def write(self, notes: Mapping[str, Scalar] | None = None) -> None:
        """Put this order's mark in place, durably; before anything is done. Raises OSError."""
        self.marks.put(self.target, self.effect, notes)


@contextlib.asynccontextmanager
async def ordering(
    path: Path, target: str, effect: Effect, deadline: Deadline
) -> AsyncIterator[Standing]:
    """Hold the marks at `path` for one order. Raises Refused for an older one, Busy, OSError."""
    async with contextlib.AsyncExitStack() as held:
        try:
            marks = await held.enter_async_context(
                marking(path, deadline, ends=effect.verb not in _GIVES_BACK)
            )
            before = marks.allow(target, effect.epoch)
        except TimeoutError as error:
            raise Busy(str(error)) from None
        except (NewerOrder, Unreadable) as error:
            raise Refused(str(error)) from None
        yield Standing(marks, target, effect, before)


def mark_at(path: Path, target: str) -> Mark:
    """The mark of the last order, an empty one when there is none. Raises Refused."""
    try:
        return read_marks(path).get(target, Mark())
    except Unreadable as error:
        raise Refused(str(error)) from None


@contextlib.asynccontextmanager
async def holding(path: Path, deadline: Deadline) -> AsyncIterator[None]:
    """Hold the lock file `path`.lock against everybody else. Raises Busy, OSError."""
    handle = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while not _taken(handle):
            if deadline.passed():
                raise Busy(f"{path.name} is held by somebody else")
            await asyncio.sleep(0.01)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

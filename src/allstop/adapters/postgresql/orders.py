"""The mark of the last order, in a file beside what it is about. Older orders are refused."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import beginning, replace
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.postgresql.server import Busy, Refused
from allstop.domain.effects import Effect

_LARGEST = 16_384


@dataclass(frozen=True, slots=True)
class Mark:
    """epoch, verb, key: of the last order; notes: what else has to be remembered."""

    epoch: int = -1
    verb: str = ""
    key: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


def read_mark(path: Path) -> Mark:
    """The mark, or an empty one when there is no file. Raises Refused when it makes no sense."""
    try:
        body = json.loads(beginning(path, _LARGEST))
        notes = {str(name): str(value) for name, value in body["notes"].items()}
        return Mark(int(body["epoch"]), str(body["verb"]), str(body["key"]), notes)
    except FileNotFoundError:
        return Mark()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"the mark {path} makes no sense: {one_line(str(error), 80)}") from None


class Standing:
    """The mark while it is held: nobody else gives an order about the same thing meanwhile."""

    def __init__(self, path: Path, before: Mark, effect: Effect) -> None:
        self._path, self._effect = path, effect
        self.before = before

    def write(self, notes: Mapping[str, str] | None = None) -> None:
        """Put this order's mark in place, durably; before anything is done. Raises OSError."""
        body = {
            "v": 1,
            "epoch": self._effect.epoch,
            "verb": self._effect.verb,
            "key": self._effect.id,
            "notes": dict(self.before.notes if notes is None else notes),
        }
        replace(self._path, json.dumps(body, ensure_ascii=True) + "\n")


@contextlib.asynccontextmanager
async def holding(path: Path, deadline: Deadline) -> AsyncIterator[None]:
    """Hold the lock file `path`.lock against everybody else. Raises Refused, Busy, OSError."""
    if not path.parent.is_dir():
        raise Refused(f"no folder {path.parent}")
    handle = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while not _taken(handle):
            if deadline.passed():
                raise Busy(f"{path.name} is held by another order")
            await asyncio.sleep(0.01)
        yield
    finally:
        os.close(handle)


@contextlib.asynccontextmanager
async def ordering(path: Path, effect: Effect, deadline: Deadline) -> AsyncIterator[Standing]:
    """Hold the mark at `path` for one order. Raises Refused for an older one, Busy, OSError."""
    async with holding(path, deadline):
        before = read_mark(path)
        if before.epoch > effect.epoch:
            raise Refused(f"a newer order stands: {before.epoch}, not {effect.epoch}")
        yield Standing(path, before, effect)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

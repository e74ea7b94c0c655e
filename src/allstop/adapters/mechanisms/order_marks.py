"""Numbers of the newest orders, for targets that cannot keep one: one small JSON file for several.

Durable, and safe against a crash in the middle; who looks while somebody else decides waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import beginning, replace
from allstop.adapters.mechanisms.order_file import NewerOrder, Unreadable
from allstop.adapters.mechanisms.text import one_line
from allstop.domain.effects import Effect
from allstop.domain.policy.tables import Scalar

_VERSION = 1
_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Mark:
    """epoch, verb, key: of the last order about a target (-1: none yet); notes: what it left."""

    epoch: int = -1
    verb: str = ""
    key: str = ""
    notes: Mapping[str, Scalar] = field(default_factory=dict)


class Marks:
    """The marks of all targets of one file, while nobody else can change them."""

    def __init__(self, path: Path, marks: Mapping[str, Mark]) -> None:
        self._path, self._marks = path, dict(marks)

    def of(self, target: str) -> Mark:
        """The mark of a target, an empty one when there is none."""
        return self._marks.get(target, Mark())

    def allow(self, target: str, epoch: int) -> Mark:
        """The mark that stands. Raises NewerOrder when it is of a newer order."""
        standing = self.of(target)
        if standing.epoch > epoch:
            raise NewerOrder(f"a newer order stands: {standing.epoch}, not {epoch}")
        return standing

    def put(self, target: str, effect: Effect, notes: Mapping[str, Scalar] | None = None) -> None:
        """Note this order, before it is carried out. notes: None keeps those that stand.

        Durable on return. Raises OSError.
        """
        kept = self.of(target).notes if notes is None else notes
        self._marks[target] = Mark(effect.epoch, effect.verb, effect.id, dict(kept))
        body = {
            name: {"epoch": one.epoch, "verb": one.verb, "key": one.key, "notes": dict(one.notes)}
            for name, one in sorted(self._marks.items())
        }
        replace(self._path, json.dumps({"v": _VERSION, "marks": body}, indent=1) + "\n", 0o600)


def read_marks(path: Path) -> dict[str, Mark]:
    """The marks of every target; none when there is no file. Raises Unreadable."""
    try:
        body: Any = json.loads(beginning(path, _LARGEST))
        if body["v"] != _VERSION:
            raise ValueError("another version")
        return {str(name): _mark(one) for name, one in body["marks"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(one_line(f"{path} makes no sense: {error}")) from None


def _mark(one: Any) -> Mark:
    epoch, notes = one["epoch"], dict(one["notes"])
    if not isinstance(epoch, int) or isinstance(epoch, bool):
        raise TypeError("an epoch is no number")
    if not all(value is None or isinstance(value, str | int) for value in notes.values()):
        raise TypeError("a note is no scalar")
    return Mark(epoch, str(one["verb"]), str(one["key"]), notes)


@contextlib.asynccontextmanager
async def marking(path: Path, deadline: Deadline, *, ends: bool) -> AsyncIterator[Marks]:
    """Hold the marks for one decision.

    ends: the order takes something away. Such an order puts marks that make no sense aside; one that
    gives back wants a person to look first. Raises Unreadable, TimeoutError, OSError.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(f"no folder {path.parent}")
    handle = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        while not _taken(handle):
            if deadline.passed():
                raise TimeoutError(f"{path} is held by another order")
            await asyncio.sleep(0.005)
        yield Marks(path, _standing(path, ends=ends))
    finally:
        os.close(handle)


def _standing(path: Path, *, ends: bool) -> dict[str, Mark]:
    try:
        return read_marks(path)
    except Unreadable:
        if not ends or not path.is_file():  # a device is no damaged file
            raise
        path.replace(path.with_name(f"{path.name}.damaged"))
        return {}


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

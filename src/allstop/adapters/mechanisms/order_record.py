"""What is remembered beside a target that cannot hold an order's number itself. Blocking.

One small JSON file: the number of the newest order, and notes of who did what. It is written without
waiting for the disk: what it guards (processes) does not survive the power loss that could undo it.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import beginning, locked
from allstop.adapters.mechanisms.order_file import NewerOrder, Unreadable
from allstop.adapters.mechanisms.text import one_line

_LARGEST = 65_536
_VERSION = 1
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """epoch: number of the newest order seen; notes: what those who carried out orders left."""

    epoch: int = 0
    notes: dict[str, Any] = field(default_factory=dict)


def read_record(path: Path) -> OrderRecord:
    """What stands there; an empty record when there is no file. Raises Unreadable."""
    try:
        value = json.loads(beginning(path, _LARGEST))
    except FileNotFoundError:
        return OrderRecord()
    except (OSError, ValueError, RecursionError) as error:
        raise Unreadable(one_line(f"{path} cannot be read: {error}")) from error
    if not isinstance(value, dict) or value.get("v") != _VERSION:
        raise Unreadable(one_line(f"{path} makes no sense"))
    epoch, notes = value.get("epoch"), value.get("notes")
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not isinstance(notes, dict):
        raise Unreadable(one_line(f"{path} makes no sense"))
    return OrderRecord(epoch, notes)


def claimed(path: Path, epoch: int, *, ends: bool) -> OrderRecord:
    """Note the order's number; what stood before. The caller holds the lock.

    ends: the order stops something. Such an order replaces a record that makes no sense; one that lets
    something run wants a person to look first. Raises NewerOrder, Unreadable, OSError.
    """
    try:
        standing = read_record(path)
    except Unreadable:
        if not ends:
            raise
        standing = OrderRecord()
    if standing.epoch > epoch:
        raise NewerOrder(f"a newer order stands: {standing.epoch}, not {epoch}")
    if standing.epoch < epoch:
        _write(path, OrderRecord(epoch, standing.notes))
    return standing


def claim(path: Path, epoch: int, deadline: Deadline, *, ends: bool) -> OrderRecord:
    """`claimed`, with the lock held for as long as that takes. Raises TimeoutError as well."""
    with locked(path, deadline):
        return claimed(path, epoch, ends=ends)


def noted(path: Path, epoch: int, notes: dict[str, Any]) -> None:
    """Add to the notes, unless a newer order has taken over. The caller holds the lock."""
    try:
        standing = read_record(path)
    except Unreadable:
        standing = OrderRecord()
    if standing.epoch <= epoch:
        _write(path, OrderRecord(epoch, {**standing.notes, **notes}))


def note(path: Path, epoch: int, notes: dict[str, Any], deadline: Deadline) -> None:
    """`noted`, with the lock held for as long as that takes. Raises TimeoutError, OSError."""
    with locked(path, deadline):
        noted(path, epoch, notes)


def _write(path: Path, record: OrderRecord) -> None:
    text = json.dumps({"v": _VERSION, "epoch": record.epoch, "notes": record.notes}) + "\n"
    # Nobody can guess the name, and be there first.
    folder, file = os.path.split(path)
    name = os.path.join(folder, f".{file}.{os.urandom(8).hex()}")  # noqa: PTH118 - at every step
    handle = os.open(name, _NEW, 0o600)
    try:
        with os.fdopen(handle, "wb") as written:
            written.write(text.encode())
        os.replace(name, path)  # noqa: PTH105 - as above
    except BaseException:  # whatever ends it, a cancellation too: tidy up, then let it go on
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108 - as above
        raise

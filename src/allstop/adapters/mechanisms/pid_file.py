"""Which process a pid file means, and whether that number still is that process. Blocking."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import psutil

from allstop.adapters.mechanisms.files import beginning
from allstop.adapters.mechanisms.process_tree import is_gone
from allstop.adapters.mechanisms.text import one_line

# create_time is computed from the clock and the uptime; small corrections of the clock move it.
_CLOCK_SECONDS = 2.0


class NoPid(Exception):
    """The file does not say which process; the text says why."""


@dataclass(frozen=True, slots=True)
class Located:
    """process: the one that is meant, None when it is not there any more.

    stranger: the number is in use, by a process that started at another time.
    """

    pid: int
    process: psutil.Process | None
    stranger: bool = False

    def words(self) -> str:
        """For evidence."""
        if self.stranger:
            return f"process number {self.pid} belongs to another process by now"
        return f"process {self.pid} is {'alive' if self.process else 'gone'}"


def locate(path: Path) -> Located:
    """Find the process of a pid file: JSON {"pid", "create_time"}, or a bare number.

    A bare number must belong to a process that is older than the file. Raises NoPid.
    """
    try:
        text = beginning(path, 4096).strip()
        written = path.stat().st_mtime
    except (OSError, ValueError) as error:
        raise NoPid(one_line(f"no pid file: {error}")) from error
    pid, created = _parsed(text)
    try:
        process = psutil.Process(pid)
        started = process.create_time()
    except psutil.NoSuchProcess:
        return Located(pid, None)
    if is_gone(pid):
        return Located(pid, None)
    if created is None:
        same = started <= written + _CLOCK_SECONDS
    else:
        same = abs(started - created) <= _CLOCK_SECONDS
    return Located(pid, process) if same else Located(pid, None, stranger=True)


def _parsed(text: str) -> tuple[int, float | None]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoPid("the pid file holds no number") from error
    pid, created = (
        (value.get("pid"), value.get("create_time")) if isinstance(value, dict) else (value, None)
    )
    if not isinstance(pid, int) or isinstance(pid, bool) or not 1 < pid < 2**31:
        raise NoPid("the pid file holds no process number")
    if created is not None and (isinstance(created, bool) or not isinstance(created, int | float)):
        raise NoPid("the pid file's create_time is no number")
    return pid, created

"""Finding every process that belongs together, and reading the true state of each.

Blocking, some milliseconds per hundred processes on the machine: call it in a thread.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

_GONE = frozenset("ZX")
_PROC = Path("/proc")
# Places among the fields behind the name: number of threads, time of the start.
_THREADS = 17
_STARTED = 19


@dataclass(frozen=True, slots=True)
class Mark:
    """An environment variable that all processes of a tree inherit."""

    name: str
    value: str

    @property
    def line(self) -> bytes:
        """As it stands in an environment."""
        return os.fsencode(f"{self.name}={self.value}")


@dataclass(frozen=True, slots=True)
class Kin:
    """What makes a process a member: descent from `root`, its session or group, or the mark.

    session: number whose session and process group count as well; pass it only when that number
    cannot have gone to a stranger. without: numbers of those that something else holds already; what they started counts.
    """

    root: psutil.Process | None = None
    session: int | None = None
    mark: Mark | None = None
    without: frozenset[int] = frozenset()


def untouchable() -> frozenset[int]:
    """This very process and those it descends from: stopping one of them stops the stopper."""
    found = {1, os.getpid()}
    pid = os.getppid()
    while pid > 1 and pid not in found:
        found.add(pid)
        pid = parent_of(pid)
    return frozenset(found)


def members(kin: Kin) -> list[psutil.Process]:
    """Every process of the tree that is there now, parents before children, zombies left out.

    Descent is followed through children that made sessions of their own. One that was orphaned
    (its parent ended, so that descent is lost) is found by its session or by the mark. The mark
    says nothing about this process and its ancestors: it may have been inherited from there.
    """
    table = _table()
    own = untouchable()
    root = kin.root.pid if kin.root is not None and kin.root.is_running() else 0
    waiting = [root] if root in table else []
    waiting += [pid for pid in table if _is_seed(pid, table[pid], kin, marked=pid not in own)]
    children: dict[int, list[int]] = {}
    for pid, seen in table.items():
        children.setdefault(seen.parent, []).append(pid)
    chosen: dict[int, psutil.Process] = {}
    passed: set[int] = set()
    while waiting:
        pid = waiting.pop(0)
        if pid in passed:
            continue
        passed.add(pid)
        waiting += children.get(pid, [])
        found = None if pid in kin.without else _still(pid, table[pid])
        if found is not None:
            chosen[pid] = found
    return [process for process in chosen.values() if states(process.pid) - _GONE]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One line of /proc. started: in ticks since the machine started, which tells it from a later owner of its number."""

    parent: int
    group: int
    session: int
    started: bytes


def _table() -> dict[int, _Seen]:
    """Every process that is there, read by hand: a freeze looks at all of them, twice."""
    numbers = (int(name) for name in os.listdir(_PROC) if name.isdigit())  # noqa: PTH208 - half the time
    found = {pid: _seen(pid) for pid in numbers}
    return {pid: seen for pid, seen in found.items() if seen is not None}


def _seen(pid: int) -> _Seen | None:
    fields = stat_fields(pid)
    if len(fields) <= _STARTED:
        return None
    return _Seen(int(fields[1]), int(fields[2]), int(fields[3]), fields[_STARTED])


def _still(pid: int, seen: _Seen) -> psutil.Process | None:
    """A handle on exactly the process that was seen; None when its number has gone to another."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        # The handle is bound to a start time; so is what was seen. Read again after, they are the same one.
        again = stat_fields(pid)
        if len(again) > _STARTED and again[_STARTED] == seen.started:
            return process
    return None


def _is_seed(pid: int, seen: _Seen, kin: Kin, *, marked: bool) -> bool:
    if kin.session is not None and kin.session in (seen.session, seen.group):
        return True
    if pid in kin.without:
        return True  # it is held already; what it started has to be found
    if kin.mark is None or not marked:
        return False
    try:
        handle = os.open(f"/proc/{pid}/environ", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # gone meanwhile, or another user's: then it did not inherit our mark
    with os.fdopen(handle, "rb") as file:
        try:
            return kin.mark.line in file.read().split(b"\0")
        except OSError:
            return False


def stat_fields(pid: int) -> list[bytes]:
    """What /proc says of it in one line, from its state on; empty when it is gone.

    Read by hand: two hundred stops at once look some two thousand times.
    """
    try:
        handle = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        # The name in parentheses may itself hold parentheses and spaces.
        return os.read(handle, 4096).rpartition(b")")[2].split()
    except OSError:
        return []
    finally:
        os.close(handle)


def parent_of(pid: int) -> int:
    """Number of its parent; 0 when it has none, or is gone."""
    fields = stat_fields(pid)
    return int(fields[1]) if len(fields) > 1 else 0


def states(pid: int) -> frozenset[str]:
    """The state letters of all threads (`R`, `S`, `D`, `T`, `Z` ...); empty when it is gone.

    All threads, because a process whose first thread has ended is shown as a zombie while the
    others run on.
    """
    fields = stat_fields(pid)
    if len(fields) > _THREADS and fields[_THREADS] == b"1":
        return frozenset({fields[0].decode()})
    found: set[str] = set()
    try:
        threads = list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return frozenset()
    for thread in threads:
        with contextlib.suppress(OSError, IndexError):
            # The name in parentheses may itself hold parentheses and spaces.
            found.add((thread / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0])
    return frozenset(found)


def is_stopped(pid: int) -> bool:
    """Whether no thread of it can run: all are stopped (T), or it is gone."""
    return not states(pid) - _GONE - {"T"}


def is_gone(pid: int) -> bool:
    return not states(pid) - _GONE


def send(process: psutil.Process, number: signal.Signals) -> str:
    """Signal exactly this process; why it could not be done, or empty.

    psutil compares the start time first, so a number that went to a stranger is never signalled.
    """
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return ""
    except psutil.Error as error:
        return f"{process.pid}: {type(error).__name__}"
    return ""


def sessions(processes: Iterable[psutil.Process]) -> int:
    """How many sessions the processes are spread over."""
    found: set[int] = set()
    for process in processes:
        with contextlib.suppress(OSError):
            found.add(os.getsid(process.pid))
    return len(found)


def _until_gone(processes: list[psutil.Process], at_most: float) -> None:
    latest = time.monotonic() + at_most
    while time.monotonic() < latest and not all(is_gone(process.pid) for process in processes):
        time.sleep(0.002)


def end(kin: Kin, rounds: int = 20) -> list[int]:
    """SIGKILL the tree until nothing new appears; returns the numbers that are still there.

    Never touches this process or its ancestors.
    """
    spared = untouchable()
    remaining: list[psutil.Process] = []
    for _ in range(rounds):
        remaining = [process for process in members(kin) if process.pid not in spared]
        if not remaining:
            return []
        for process in remaining:
            send(process, signal.SIGKILL)
        # Not psutil.wait_procs: it would reap our own child and take its exit from asyncio.
        _until_gone(remaining, 0.05)
    return [process.pid for process in remaining if not is_gone(process.pid)]

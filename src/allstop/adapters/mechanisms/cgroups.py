"""Processes the kernel holds together (control groups, version 2 and the freezer of version 1): made, entered, frozen, killed, read back.

A signal misses a child that made a session of its own, cleared its environment and lost its parent; a control group
does not, because nobody leaves it without the right to. Source: the kernel's admin-guide, cgroup-v2 "cgroup.freeze",
"cgroup.kill", and cgroup-v1 "freezer-subsystem". Blocking, about a millisecond for tens of processes.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.freezing import ReadBack
from allstop.adapters.mechanisms.process_tree import untouchable

# Every group of ours lies below a folder of this name; nothing else is ever frozen or killed.
PARENT = "allstop"
_MOUNTS = Path("/proc/self/mounts")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,119}")
_PAUSE_SECONDS = 0.001


class NoGroup(Exception):
    """There is no such group, or it cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Group:
    """One control group. path: its folder; version: 1 (freezer) or 2."""

    path: Path
    version: int

    def enter(self, pid: int) -> None:
        """Move a process in, with all its threads; what it starts later is born inside. Raises NoGroup."""
        _write(self.path / "cgroup.procs", str(pid))

    @property
    def exists(self) -> bool:
        """Whether it is there; a group is gone when whoever made it has cleared it away, empty."""
        return self.path.is_dir()

    def processes(self) -> tuple[int, ...]:
        """The numbers of all processes in it and below it, in order."""
        found: set[int] = set()
        for folder in self._folders():
            with contextlib.suppress(OSError):
                found.update(int(line) for line in (folder / "cgroup.procs").read_text().split())
        return tuple(sorted(found))

    def freeze(self, deadline: Deadline) -> ReadBack:
        """No process of it runs until `thaw`, and the kernel says so; who is born meanwhile is born frozen."""
        own = self._own()
        if own:
            return own
        return self._turned(frozen=True, deadline=deadline)

    def thaw(self, deadline: Deadline) -> ReadBack:
        """Every process of it goes on where it stood."""
        return self._turned(frozen=False, deadline=deadline)

    def open_again(self) -> None:
        """When nobody is in it, nobody who comes stands still for one who was frozen in it before."""
        if not self.processes():
            with contextlib.suppress(NoGroup):
                self._ask(frozen=False)

    def frozen(self) -> bool:
        """Whether the kernel says that nothing in it can run. False as well when it is gone."""
        try:
            if self.version == 1:
                return (self.path / "freezer.state").read_text().strip() == "FROZEN"
            return "frozen 1" in (self.path / "cgroup.events").read_text().splitlines()
        except OSError:
            return False

    def kill(self, deadline: Deadline) -> ReadBack:
        """End every process of it, frozen or not; read back until none is left."""
        own = self._own()
        if own:
            return own
        before = self.processes()
        while self.processes():
            self._kill_once()
            if deadline.passed():
                break
            time.sleep(_PAUSE_SECONDS)
        left = tuple(f"{pid} is still there" for pid in self.processes())
        return ReadBack(len(before), _sessions(before), left)

    def remove(self) -> bool:
        """Take the empty group away; False when somebody is still in it."""
        for folder in sorted(self._folders(), reverse=True):
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return False
        return True

    def _kill_once(self) -> None:
        if self.version == 2 and (self.path / "cgroup.kill").exists():
            _write(self.path / "cgroup.kill", "1")
            return
        # Frozen first, so that nobody forks away from the signals; woken then, so that they die.
        self._ask(frozen=True)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._ask(frozen=False)

    def _turned(self, *, frozen: bool, deadline: Deadline) -> ReadBack:
        if not self.exists:
            raise NoGroup(f"there is no control group {self.path}")
        self._ask(frozen=frozen)
        while self.frozen() is not frozen and not deadline.passed():
            time.sleep(_PAUSE_SECONDS)
            if self.version == 1:
                self._ask(
                    frozen=frozen
                )  # a group that took in a process meanwhile stays half frozen
        inside = self.processes()
        unruly = () if self.frozen() is frozen else (self._stuck(frozen=frozen),)
        return ReadBack(len(inside), _sessions(inside), unruly)

    def _ask(self, *, frozen: bool) -> None:
        if self.version == 1:
            _write(self.path / "freezer.state", "FROZEN" if frozen else "THAWED")
        else:
            _write(self.path / "cgroup.freeze", "1" if frozen else "0")

    def _stuck(self, *, frozen: bool) -> str:
        if frozen:
            return f"the kernel does not say that {self.path.name} is frozen"
        return f"{self.path.name} stays frozen: a group above it is frozen as well"

    def _own(self) -> ReadBack | None:
        mine = sorted(untouchable() & set(self.processes()))
        if not mine:
            return None
        numbers = ", ".join(str(pid) for pid in mine)
        return ReadBack(0, 0, (f"{numbers}: this coordinator runs inside; nothing was touched",))

    def _folders(self) -> Iterator[Path]:
        """The group and those below it (an agent may run containers)."""
        yield self.path
        for folder, names, _ in os.walk(self.path):
            for name in names:
                yield Path(folder) / name


def group_at(path: str) -> Group:
    """The group of ours in a folder, there or gone. Raises NoGroup for any other: nothing else may be stopped through it."""
    folder = Path(path)
    for version, mount in _mounts():
        if not folder.is_relative_to(mount) or ".." in folder.parts:
            continue
        if PARENT in folder.relative_to(mount).parts[:-1]:
            return Group(folder, version)
    raise NoGroup(f"{path} is no control group of Allstop")


def group_name(agent: str) -> str:
    """The name of an agent's group: its own in small letters, with a dash for what a group cannot bear."""
    return re.sub(r"[^a-z0-9._-]", "-", agent.lower()).lstrip("._-")[:100] or "agent"


def make_group(name: str) -> Group:
    """A new group, or the one of that name. Raises NoGroup with the reason of every place that was tried."""
    if not _NAME.fullmatch(name):
        raise NoGroup(f"{name!r} is no name for a control group")
    refused: list[str] = []
    for version, base in _bases():
        group = Group(base / PARENT / name, version)
        try:
            group.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            refused.append(f"{base}: {error.strerror}")
            continue
        group.open_again()
        return group
    raise NoGroup("; ".join(refused) or "this system has no control groups that can freeze")


def _bases() -> Iterator[tuple[int, Path]]:
    """Where a group may be made: the whole hierarchy for root, the part that was handed to us otherwise."""
    for version, mount in _mounts():
        own = _own_place(version)
        if os.geteuid() == 0:
            yield version, mount
        if own:
            yield version, mount / own


def _own_place(version: int) -> str:
    """Our own group within the hierarchy, relative; empty when it is the top."""
    for line in Path("/proc/self/cgroup").read_text("ascii", "replace").splitlines():
        number, controllers, path = line.split(":", 2)
        if (version == 2 and number == "0") or (
            version == 1 and "freezer" in controllers.split(",")
        ):
            return path.strip("/")
    return ""


def _mounts() -> Iterator[tuple[int, Path]]:
    """Hierarchies that can freeze, version 2 first."""
    found: list[tuple[int, Path]] = []
    for line in _MOUNTS.read_text("utf-8", "replace").splitlines():
        _, place, kind, options, *_ = line.split(" ")
        if kind == "cgroup2":
            found.append((2, Path(place)))
        elif kind == "cgroup" and "freezer" in options.split(","):
            found.append((1, Path(place)))
    return iter(sorted(found, reverse=True))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "ascii")
    except OSError as error:
        raise NoGroup(f"{path}: {error.strerror}") from error


def _sessions(pids: tuple[int, ...]) -> int:
    found: set[int] = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            found.add(os.getsid(pid))
    return len(found)

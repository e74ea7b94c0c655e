"""Finding and ending what a killed demo left behind.

Each live sandbox has an entry in a private folder in the temp dir: its folder, and the process
that drives it. An entry whose driver is gone is stale; then everything that belongs to the folder
is ended: recorded processes, every process that carries the folder in its environment, and all
their descendants. A process is always named by pid and start time, so a pid that was given to
somebody else meanwhile is never hit.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from allstop.sandbox.layout import (
    ENVIRONMENT_KEY,
    Layout,
    SandboxError,
    folder_key,
    private_folder,
    write_json,
)

_ROUNDS = 20
_ROUND_SECONDS = 1.0
# Where only the start time is known: it is computed from the boot time, which rounds; and a pid
# cannot come round again this fast.
_SAME_START_SECONDS = 1.5


@dataclass(frozen=True)
class Reaped:
    """One stale sandbox that was cleared away."""

    folder: Path
    ended: tuple[int, ...]
    removed: bool


def identity(pid: int | None = None) -> dict[str, Any]:
    """What names a process (this one if None) for good: pid, start time, and its birth if known.

    `create_time` is in seconds since the epoch and moves when the clock is set; `birth` (boot and
    clock ticks since then, Linux only) does not. Raises psutil.NoSuchProcess.
    """
    process = psutil.Process(pid)
    return {
        "pid": process.pid,
        "create_time": process.create_time(),
        "birth": _birth(process.pid),
    }


def register(folder: Path | str, *, keep: bool = False, pid: int | None = None) -> None:
    """Enter the sandbox in `folder`, driven by process `pid` (this one if None).

    If the driver dies, the next `reap_stale` ends all that belongs to the folder, and removes the
    folder unless `keep`, or unless there were other things in it before. Registering again
    replaces the entry.
    """
    layout = Layout.of(folder)
    layout.adopt()
    entry = {"folder": str(layout.folder), **identity(pid), "keep": keep, "extra": []}
    write_json(_entry_path(layout.folder), entry)


def register_if_alone(folder: Path | str) -> None:
    """Enter this process as the driver, unless a living one is entered already."""
    entry = _read_entry(_entry_path(Path(folder)))
    if entry is None or not is_alive(entry):
        register(folder, keep=True)


def add_process(folder: Path | str, pid: int) -> None:
    """Note another process, such as a coordinator, that must not outlive the driver.

    Raises SandboxError if the folder is not registered, psutil.NoSuchProcess if there is none.
    """
    path = _entry_path(Path(folder))
    entry = _read_entry(path)
    if entry is None:
        raise SandboxError(f"{folder} is not registered")
    entry["extra"].append(identity(pid))
    write_json(path, entry)


def unregister(folder: Path | str, *, only_own: bool = False) -> None:
    """Remove the entry of a sandbox that was brought down in order; `only_own` spares others'."""
    path = _entry_path(Path(folder))
    if only_own and (_read_entry(path) or {}).get("pid") != os.getpid():
        return
    path.unlink(missing_ok=True)


def reap_stale() -> list[Reaped]:
    """Clear away every registered sandbox whose driver is gone; returns what was done."""
    reaped: list[Reaped] = []
    for path in sorted(private_folder().glob("*.json")):
        entry = _read_entry(path)
        if entry is None:
            # Entries are written atomically, so this one is damaged for good.
            path.unlink(missing_ok=True)
        elif not is_alive(entry):
            reaped.append(_clear(entry))
            path.unlink(missing_ok=True)
    return reaped


def end_processes(
    folder: Path | str, recorded: Iterable[Mapping[str, Any]] = (), *, exact: bool = False
) -> tuple[int, ...]:
    """Kill everything that belongs to `folder`; returns the pids that were ended.

    Belonging are the `recorded` processes ({"pid","create_time"}), those that carry the folder
    (or, unless `exact`, one inside it) in their environment, and the descendants of all of
    them. This process and its ancestors are spared. Stopped processes are killed like others.
    """
    root = Path(folder).resolve()
    noted = [process for item in recorded if (process := _find(item))]
    ended: set[int] = set()
    for _ in range(_ROUNDS):
        # Again and again: a process may have forked between being looked up and being killed.
        victims = _belonging(root, noted, exact)
        if not victims:
            break
        for victim in victims:
            _kill(victim)
            ended.add(victim.pid)
        _wait_until_gone(victims)
    return tuple(sorted(ended))


def is_alive(item: Mapping[str, Any]) -> bool:
    """Whether the process recorded as {"pid","create_time"} lives, and is the same one still."""
    return _find(item) is not None


def _clear(entry: dict[str, Any]) -> Reaped:
    layout = Layout.of(entry["folder"])
    ended = end_processes(layout.folder, entry["extra"])
    (private_folder() / f"{folder_key(layout.folder)}.sock").unlink(missing_ok=True)
    layout.record.unlink(missing_ok=True)
    remove = not entry["keep"] and layout.marker.exists()
    if remove:
        shutil.rmtree(layout.folder, ignore_errors=True)
    return Reaped(layout.folder, ended, remove)


def _belonging(root: Path, noted: Iterable[psutil.Process], exact: bool) -> set[psutil.Process]:
    spared = {psutil.Process(), *psutil.Process().parents()}
    marked = {process for process in psutil.process_iter() if _is_marked(process, root, exact)}
    roots = (marked | {process for process in noted if process.is_running()}) - spared
    family = set(roots)
    for process in roots:
        family.update(_descendants(process))
    return {process for process in family - spared if not _is_gone(process)}


def _is_marked(process: psutil.Process, root: Path, exact: bool) -> bool:
    try:
        mark = process.environ().get(ENVIRONMENT_KEY)
    except (psutil.Error, OSError):
        return False
    if not mark:
        return False
    return Path(mark) == root or (not exact and Path(mark).is_relative_to(root))


def _descendants(process: psutil.Process) -> Iterator[psutil.Process]:
    try:
        yield from process.children(recursive=True)
    except psutil.Error:
        return


def _kill(process: psutil.Process) -> None:
    """KILL, which also ends a stopped process. psutil checks that the pid is still the same's."""
    try:
        process.kill()
    except psutil.Error:
        return


def _wait_until_gone(processes: Iterable[psutil.Process]) -> None:
    deadline = time.monotonic() + _ROUND_SECONDS
    while time.monotonic() < deadline and not all(map(_is_gone, processes)):
        time.sleep(0.01)


def _is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def _find(item: Mapping[str, Any]) -> psutil.Process | None:
    try:
        process = psutil.Process(int(item["pid"]))
        if item.get("birth"):
            same = item["birth"] == _birth(process.pid)
        else:
            same = abs(process.create_time() - float(item["create_time"])) < _SAME_START_SECONDS
    except (psutil.Error, KeyError, TypeError, ValueError):
        return None
    return process if same and not _is_gone(process) else None


def _birth(pid: int) -> str | None:
    """Boot id and start time in clock ticks since that boot; None where /proc does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command's name is in parentheses and may hold anything; start time is field 22.
    return f"{boot} {text.rpartition(')')[2].split()[19]}"


def _entry_path(folder: Path) -> Path:
    return private_folder() / f"{folder_key(folder)}.json"


def _read_entry(path: Path) -> dict[str, Any] | None:
    """An entry, None if it is missing or damaged."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        shape = {"folder": str, "pid": int, "create_time": float, "keep": bool, "extra": list}
        whole = all(isinstance(entry[name], kind) for name, kind in shape.items())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return entry if whole else None

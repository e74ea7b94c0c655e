"""Which process a pid file and a word of its command line mean: proven, certainly gone, or in doubt.

A number alone proves nothing: numbers are used again. What is in doubt is never signalled, and never
called gone. Blocking.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from allstop.adapters.mechanisms.pid_file import NoPid, locate
from allstop.adapters.mechanisms.process_tree import Mark, is_gone, untouchable
from allstop.adapters.mechanisms.text import one_line

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class InDoubt(Exception):
    """There is a process, and nothing proves that it is, or is not, the one that is meant."""


@dataclass(frozen=True, slots=True)
class Named:
    """pid: number whose process group is the process's own, or nobody's; 0 when that is not known.

    process: the proven process, None when it is certainly gone; why: how that was seen.
    """

    pid: int
    process: psutil.Process | None
    why: str


def find(pid_file: Path, word: str = "", mark: Mark | None = None) -> Named:
    """Find it. Raises NoPid when the file does not say which, InDoubt.

    Without a pid file (many programs remove theirs when they end) it counts as gone only when no
    process has the word, or carries the mark; nobody is ever chosen by them.
    """
    try:
        located = locate(pid_file)
    except NoPid:
        if os.path.lexists(pid_file) or not pid_file.parent.is_dir() or not (word or mark):
            raise
        return _absent(word, mark)
    pid = located.pid
    if located.process is not None:
        if word and not _has_word(located.process, word):
            raise InDoubt(f"process {pid} has no word {one_line(word, 60)!r} in its command line")
        return Named(pid, located.process, located.words())
    if not located.stranger:
        return Named(pid, None, located.words())
    # Start times move with the clock, so the time alone does not prove that ours is gone.
    with contextlib.suppress(psutil.NoSuchProcess):
        if not word or _has_word(psutil.Process(pid), word):
            raise InDoubt(f"process {pid} started at another time than its pid file says")
    return Named(0, None, located.words())


def _absent(word: str, mark: Mark | None) -> Named:
    found = next(iter(bearers(word, mark)), None)
    if found is not None:
        raise NoPid(f"no pid file, but process {found} looks like it")
    return Named(0, None, "there is no pid file, and no process that looks like it")


def bearers(word: str, mark: Mark | None) -> Iterable[int]:
    """Numbers of living processes that have the word or carry the mark; not this one's own line of
    descent. Raises InDoubt when a process does not show its command line."""
    own = untouchable()
    for process in psutil.process_iter():
        if process.pid in own or is_gone(process.pid):
            continue
        if word and _has_word(process, word):
            yield process.pid
        elif mark is not None:
            with contextlib.suppress(psutil.Error, OSError):
                if process.environ().get(mark.name) == mark.value:
                    yield process.pid


def _has_word(process: psutil.Process, word: str) -> bool:
    """Whether the command line holds it as a whole word, or its program is called so."""
    try:
        line = process.cmdline()
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError) as error:
        raise InDoubt(f"process {process.pid} does not show its command line") from error
    words = {piece for argument in line for piece in argument.split()} | set(line)
    return word in words or (bool(line) and word == Path(line[0]).name)


def identity(pid: int) -> str:
    """A process for good: boot, number and start in clock ticks since boot; empty when it is gone.

    Unlike a start time it does not move when somebody sets the clock.
    """
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2]
        return f"{_BOOT_ID.read_text('ascii').strip()} {pid} {after_name.split()[19]}"
    except (OSError, IndexError):
        return ""


def still_there(identities: Iterable[object]) -> list[psutil.Process]:
    """Those of the noted processes that live; what is no identity, or another boot's, is nobody."""
    found = []
    for one in identities:
        number = one.split(" ")[1] if isinstance(one, str) and one.count(" ") == 2 else ""
        if number.isascii() and number.isdigit() and len(number) < 10:
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(int(number))
                if identity(process.pid) == one and not is_gone(process.pid):
                    found.append(process)
    return found

"""What stands on this machine, as a program inside it reads it: one look at the file, and its text only when it has changed.

No locks, no threads, nothing that outlives a fork in a bad way: what is remembered is one tuple, replaced whole, and
compared with the file each time.
"""

from __future__ import annotations

import os
import stat
import time
from functools import cache

from allstop.gate.decision import Now
from allstop.gate.state_file import LARGEST, Lease, State, Unreadable, parse, parse_lease

VARIABLE = "ALLSTOP_STATE"
SYSTEM_FOLDER = "/var/lib/allstop/host"
# A file that was changed a moment ago may change again within the same tick of the clock that stamps it.
_SETTLED_NS = 100_000_000
_NEVER = 10**18
_ASKS_A_PERSON = "A person: start the allstop host process of this machine, or take the check out of this program"

_Mark = tuple[int, int, int, int, int]
# Of the file at this path, as it was marked so: what it says.
_remembered: tuple[str, _Mark, State] | None = None


class NoState(Exception):
    """What stands cannot be known; the text says why, and what a person does about it."""


def state_folder() -> str:
    """Where the host process of this machine keeps its state: ALLSTOP_STATE, else the system's folder, else the person's own.

    Raises NoState.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not named.startswith("/"):
            raise NoState(f"{VARIABLE} is no absolute folder. A person: correct it")
        return named
    try:
        os.stat(SYSTEM_FOLDER)  # noqa: PTH116 - on the fast path
    except (FileNotFoundError, NotADirectoryError):
        return _own_folder()
    except OSError:
        pass  # it is there, and who cannot look into it is told so when the state is read
    return SYSTEM_FOLDER


@cache
def _own_folder() -> str:
    """The folder of a host process that a person has started as themselves."""
    # Unlike Path's, this one raises nothing where there is no home.
    own = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111
    return f"{own}/allstop/host" if own.startswith("/") else SYSTEM_FOLDER


def what_stands(place: str) -> State:
    """What the state file in a folder says now. Raises NoState when it is missing, unreadable or makes no sense."""
    path = f"{place}/state"
    known = _remembered
    try:
        seen = os.stat(path)  # noqa: PTH116 - on the fast path
        if known is not None and known[1] == _mark(seen) and known[0] == path:
            return known[2]
        return _read(path)
    except (FileNotFoundError, NotADirectoryError):
        raise NoState(f"there is no state file in {place}. {_ASKS_A_PERSON}") from None
    except Unreadable as error:
        raise NoState(
            f"the state file in {place} makes no sense ({error.text}). "
            "A person: let the allstop host process of this machine write it again"
        ) from error
    except (OSError, ValueError) as error:
        raise NoState(
            f"the state file in {place} may not be read by this program. "
            "A person: look at the owner and mode of it and of its folder"
        ) from error


def _mark(seen: os.stat_result) -> _Mark:
    return (seen.st_mtime_ns, seen.st_ino, seen.st_size, seen.st_ctime_ns, seen.st_dev)


def _read(path: str) -> State:
    global _remembered  # noqa: PLW0603 - one tuple, replaced whole
    # Not waiting: a pipe in its place is no state file.
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        seen = os.fstat(file.fileno())
        if not stat.S_ISREG(seen.st_mode):
            raise Unreadable("it is no file")
        body = file.read(LARGEST + 1)
    state = parse(body.decode("utf-8", "surrogateescape"))
    # The system's own clock, because that is what stamps files; it only says whether to look again next time.
    if seen.st_mtime_ns < time.clock_gettime_ns(time.CLOCK_REALTIME) - _SETTLED_NS:
        _remembered = (path, _mark(seen), state)
    return state


def now(place: str, state: State) -> Now:
    """The clock that counts, read only where a pass or a lease needs it. Where it cannot be read, both have run out."""
    if not state.passes and not state.lease_closed:
        return Now("", _NEVER)
    boot = _first_line("/proc/sys/kernel/random/boot_id") or "-"
    lease: Lease | None = parse_lease(_first_line(f"{place}/lease")) if state.lease_closed else None
    return Now(boot, seconds(_NEVER), lease)


def seconds(otherwise: int) -> int:
    """Whole seconds since the machine started."""
    whole = _first_line("/proc/uptime").partition(".")[0]
    return int(whole) if whole.isdigit() else otherwise


def _first_line(path: str) -> str:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            return file.read(300).partition(b"\n")[0].decode("ascii", "replace")
    except OSError:
        return ""

"""Stopping a whole tree of processes with SIGSTOP, letting it go on, and reading back. Blocking."""

from __future__ import annotations

import contextlib
import signal
import time
from dataclasses import dataclass

import psutil

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.process_tree import (
    Kin,
    is_stopped,
    members,
    send,
    sessions,
    states,
    untouchable,
)

_PAUSE_SECONDS = 0.004


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What was seen at the end. unruly: every process that is not in the state that was asked for."""

    processes: int
    sessions: int
    unruly: tuple[str, ...]


def freeze(kin: Kin, deadline: Deadline) -> ReadBack:
    """SIGSTOP the tree until two walks in a row find nobody new and nobody running.

    A process that forks while it is looked at leaves a child the first walk missed; its parent is
    stopped by then, so the walks end. A tree that holds this process or one of its ancestors is not
    touched at all, and named as unruly: such a pid file is wrong, and means more than an agent.
    """
    spared = untouchable()
    before: set[int] | None = None
    while True:
        found = members(kin)
        if any(one.pid in spared for one in found):
            return _own(found, spared)
        refused = [send(one, signal.SIGSTOP) for one in found if not is_stopped(one.pid)]
        settled = all(is_stopped(one.pid) for one in found)
        numbers = {one.pid for one in found}
        if (settled and numbers == before) or deadline.passed():
            break
        before = numbers
        if any(refused) and settled:
            break
        if (
            found
        ):  # whoever was told to stop needs a moment; where nobody is there is nobody to wait for
            time.sleep(_PAUSE_SECONDS)
    unruly = [_named(one) for one in found if not is_stopped(one.pid)]
    return ReadBack(len(found), sessions(found), tuple(unruly))


def _own(found: list[psutil.Process], spared: frozenset[int]) -> ReadBack:
    numbers = ", ".join(str(one.pid) for one in found if one.pid in spared)
    return ReadBack(0, 0, (f"{numbers}: this coordinator runs inside; nothing was touched",))


def thaw(kin: Kin, deadline: Deadline) -> ReadBack:
    """SIGCONT every stopped process of the tree until none is stopped. Own trees: as in `freeze`."""
    spared = untouchable()
    while True:
        found = members(kin)
        if any(one.pid in spared for one in found):
            return _own(found, spared)
        stopped = [one for one in found if "T" in states(one.pid)]
        for process in reversed(found):
            # Children first: a parent that wakes and finds its children stopped may act on it.
            if process in stopped:
                send(process, signal.SIGCONT)
        unruly = [one for one in found if "T" in states(one.pid)]
        if not unruly or deadline.passed():
            return ReadBack(len(found), sessions(found), tuple(_named(one) for one in unruly))
        time.sleep(_PAUSE_SECONDS)


def _named(process: psutil.Process) -> str:
    name = "?"
    with contextlib.suppress(psutil.Error):
        name = process.name()
    return f"{process.pid} {name} ({''.join(sorted(states(process.pid)))})"

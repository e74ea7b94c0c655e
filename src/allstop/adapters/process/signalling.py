"""Ending processes: asked with TERM and waited for, or killed with everything that descends from them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.freezing import freeze
from allstop.adapters.mechanisms.process_handle import (
    ProcessHandle,
    group_is_empty,
    group_members,
    held,
    living_members,
)
from allstop.adapters.mechanisms.process_tree import (
    Kin,
    is_stopped,
    members,
    parent_of,
    send,
    sessions,
)
from allstop.adapters.mechanisms.threads import ShortWork

_FREEZE_NS = 1_000_000_000
_REAPING_SECONDS = (0, 0.0005, 0.002)


class NotTouched(Exception):
    """Nothing was signalled; the text says why."""


@dataclass(slots=True)
class Asked:
    """A process that was sent TERM. group: its whole group was; frozen: so that it does not hear
    of it before it is thawed."""

    handle: ProcessHandle
    group: bool
    frozen: bool


def ask(process: psutil.Process) -> Asked | None:
    """Send TERM to the process's group; None when it has ended meanwhile. Blocking.

    To the process alone when the group is somebody else's, such as the shell script's that started
    it. Raises NotTouched.
    """
    try:
        handle = ProcessHandle(process.pid)
    except ProcessLookupError:
        return None
    if not process.is_running() or handle.has_ended():
        handle.close()
        return None
    group = handle.leads_group()
    _spare_ourselves(process.pid, group=group)
    transmit = handle.send_group if group else handle.send
    frozen = is_stopped(process.pid)
    try:
        transmit(signal.SIGTERM)
    except ProcessLookupError:
        pass  # it has ended meanwhile: the wait will see it
    except PermissionError as error:
        handle.close()
        raise NotTouched(f"not permitted to signal process {process.pid}") from error
    return Asked(handle, group, frozen)


def _spare_ourselves(pid: int, *, group: bool) -> None:
    for own in _line_of_descent():
        with contextlib.suppress(OSError):
            if own == pid or (group and os.getpgid(own) == pid):
                raise NotTouched(f"{pid}: this coordinator runs inside; nothing was touched")


def _line_of_descent() -> Iterator[int]:
    """This process, its parent, and so on up to the first one.

    `untouchable` says the same and takes several times as long, which two hundred stops at once feel.
    """
    pid = os.getpid()
    while pid > 0:
        yield pid
        pid = parent_of(pid)


async def still_there(asked: Sequence[Asked], until: Deadline) -> list[int]:
    """Wait until all that were asked have ended, at most until then; numbers of those that have not.

    Raises UnseenMembersError.
    """
    if len(asked) == 1:  # nearly always, and a task less
        return await _left_of(asked[0], until)
    left = await asyncio.gather(*(_left_of(one, until) for one in asked))
    return [pid for pids in left for pid in pids]


async def _left_of(asked: Asked, until: Deadline) -> list[int]:
    pid = asked.handle.pid
    if not await asked.handle.ended(until.left_ms()):
        return group_members(pid)[0] if asked.group else [pid]
    if asked.group:
        await _reaped(pid)
    while asked.group and (pids := living_members(pid)):
        if until.passed():
            return pids
        handles = held(pids, pid)
        try:
            await asyncio.gather(*(one.ended(until.left_ms()) for one in handles))
        finally:
            for one in handles:
                one.close()
    return []


async def _reaped(group: int) -> None:
    """Wait a moment until the parent has taken note of its end, as parents do at once: until then its group is
    not empty, and to see who is in there takes a walk through /proc."""
    for pause in _REAPING_SECONDS:
        if group_is_empty(group):
            return
        await asyncio.sleep(pause)


@dataclass(frozen=True, slots=True)
class Killed:
    """processes, sessions: how many were killed in all; refused: who did not let itself be killed, and
    why; left: how many were there when time was up."""

    processes: int
    sessions: int
    refused: tuple[str, ...]
    left: int


async def kill_all(kins: Sequence[Kin], deadline: Deadline, threads: ShortWork) -> Killed:
    """Stop the trees, so that nothing forks away, then KILL every process of them, until none is left.

    Raises NotTouched, TimeoutError.
    """
    seen: set[int] = set()
    most = 0
    while True:
        handles, spread, refused = await threads.by(deadline, lambda: _killed(kins, deadline))
        most = max(most, spread)
        seen |= {one.pid for one in handles}
        try:
            await asyncio.gather(*(one.ended(deadline.left_ms()) for one in handles))
        finally:
            for one in handles:
                one.close()
        left = await threads.by(deadline, lambda: _members(kins))
        if not left or refused or deadline.passed():
            return Killed(len(seen), most, tuple(refused), len(left))


def _members(kins: Sequence[Kin]) -> list[psutil.Process]:
    found = {one.pid: one for kin in kins for one in members(kin)}
    return list(found.values())


def _killed(kins: Sequence[Kin], deadline: Deadline) -> tuple[list[ProcessHandle], int, list[str]]:
    """Kill what is there now: handles to wait on, over how many sessions it was spread, who refused."""
    # What cannot be stopped, because it hangs in the kernel, must not keep the others from dying.
    soon = Deadline(min(deadline.at_ns, time.monotonic_ns() + _FREEZE_NS))
    for kin in kins:
        seen = freeze(kin, soon)
        if seen.unruly and not seen.processes:
            raise NotTouched("; ".join(seen.unruly))
    found = _members(kins)
    spread = sessions(found)
    handles: list[ProcessHandle] = []
    refused: list[str] = []
    for process in found:
        with contextlib.suppress(ProcessLookupError):
            handle = ProcessHandle(process.pid)
            why = send(process, signal.SIGKILL)
            # Waiting for one that refuses would only use up the time.
            if why:
                refused.append(why)
                handle.close()
            else:
                handles.append(handle)
    return handles, spread, refused

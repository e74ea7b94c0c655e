"""Processes held by pidfd: the kernel's own name for one, which no later process can inherit."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
from collections.abc import Sequence

import psutil

from allstop.adapters.mechanisms.process_tree import is_gone

# linux/pidfd.h, since Linux 6.9; Python has no name for it.
_PROCESS_GROUP = 4


class ProcessHandle:
    """One process, held until closed. Raises ProcessLookupError when there is none of that number."""

    def __init__(self, pid: int) -> None:
        self._fd = -1
        self.pid = pid
        self._fd = os.pidfd_open(pid)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def has_ended(self) -> bool:
        """Whether it has ended; a zombie has."""
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(0))

    def leads_group(self) -> bool:
        """Whether a process group bears its number: only then is the group its own."""
        try:
            return os.getpgid(self.pid) == self.pid and not self.has_ended()
        except ProcessLookupError:
            return False

    def send(self, number: signal.Signals) -> None:
        """Signal exactly this process. Raises ProcessLookupError, PermissionError."""
        signal.pidfd_send_signal(self._fd, number)

    def send_group(self, number: signal.Signals) -> None:
        """Signal the group that bears its number. Raises ProcessLookupError, PermissionError."""
        try:
            signal.pidfd_send_signal(self._fd, number, None, _PROCESS_GROUP)
        except OSError as error:
            if isinstance(error, ProcessLookupError | PermissionError):
                raise
            # An older kernel. While the leader has not ended, nobody else can have its number.
            if self.has_ended():
                raise ProcessLookupError(f"process {self.pid} has ended") from error
            os.killpg(self.pid, number)

    async def ended(self, within_ms: int) -> bool:
        """Wait for its end, at most so long; whether it has ended. Wakes up at that very moment."""
        if self.has_ended():
            return True
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not woken.done():
                woken.set_result(None)

        loop.add_reader(self._fd, wake)
        timer = loop.call_later(within_ms / 1000, wake)
        try:
            await woken
        finally:
            timer.cancel()
            loop.remove_reader(self._fd)
        return self.has_ended()


def group_members(group: int) -> tuple[list[int], list[int]]:
    """Numbers of the living and of the ended but unreaped processes of a group. Some 100 processes take
    a fraction of a millisecond."""
    living: list[int] = []
    ended: list[int] = []
    # The kernel knows at once whether there is anybody; two hundred stops at a time need not read all of /proc.
    for pid in () if group_is_empty(group) else psutil.pids():
        with contextlib.suppress(OSError):
            if os.getpgid(pid) == group:
                (ended if is_gone(pid) else living).append(pid)
    return living, ended


def group_is_empty(group: int) -> bool:
    """Whether nobody is in the group, not even a zombie."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


class UnseenMembersError(Exception):
    """The group is not empty, and nobody of it can be seen (another user's, and /proc hides them)."""


def living_members(group: int) -> list[int]:
    """Who still lives in a group, quickly when it is empty. Raises UnseenMembersError."""
    if group_is_empty(group):
        return []
    living, ended = group_members(group)
    if not living and not ended and not group_is_empty(group):
        raise UnseenMembersError(f"something is left of process group {group} that cannot be seen")
    return living


def held(pids: Sequence[int], group: int) -> list[ProcessHandle]:
    """Handles of those that are there and still in the group."""
    handles = []
    for pid in pids:
        with contextlib.suppress(OSError):
            handle = ProcessHandle(pid)
            if os.getpgid(pid) == group:
                handles.append(handle)
            else:
                handle.close()
    return handles

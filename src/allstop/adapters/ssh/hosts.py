"""One connection for each place, shared; at most eight commands on it, the rest wait."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.text import seconds
from allstop.adapters.ssh.login import NotSent, log_in
from allstop.adapters.ssh.options import Place

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection

MOST_SESSIONS = 8  # sshd's MaxSessions is 10; beyond it a session is refused, not queued
IDLE_SECONDS = 30.0


@dataclass(eq=False, slots=True)
class Line:
    """A connection in use. uses: commands under way; retired: takes no new ones."""

    connection: SSHClientConnection
    uses: int = 0
    retired: bool = False

    def is_fit(self) -> bool:
        return not self.retired and not self.connection.is_closed()


@dataclass(eq=False, slots=True)
class Host:
    """All that goes to one place."""

    place: Place
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_SESSIONS))
    line: Line | None = None
    opened: int = 0
    _opening: asyncio.Task[Line] | None = None
    _idle: asyncio.TimerHandle | None = None

    @contextlib.asynccontextmanager
    async def using(self, deadline: Deadline) -> AsyncIterator[Line]:
        """The shared connection, with a place for one command. Raises NotSent."""
        try:
            async with asyncio.timeout(deadline.left_ms() / 1000):
                await self.slots.acquire()
        except TimeoutError:
            text = f"all {MOST_SESSIONS} sessions are busy"
            raise NotSent(text) from None
        try:
            line = await self._fit_line(deadline)
            line.uses += 1
            try:
                yield line
            finally:
                line.uses -= 1
                self._rest(line)
        finally:
            self.slots.release()

    def close(self) -> None:
        """End everything; what runs is lost."""
        if self._opening is not None:
            self._opening.cancel()
        if self._idle is not None:
            self._idle.cancel()
        if self.line is not None:
            self.line.connection.abort()

    async def _fit_line(self, deadline: Deadline) -> Line:
        if self.line is not None and self.line.is_fit():
            return self.line
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open())
            self._opening.add_done_callback(_heard)
        limit_ms = deadline.left_ms()
        # Shielded: others may be waiting for the same login.
        await asyncio.wait({self._opening}, timeout=limit_ms / 1000)
        if not self._opening.done():
            raise NotSent(f"no login within {seconds(limit_ms)}")
        try:
            return self._opening.result()
        except asyncio.CancelledError:
            raise NotSent("the login was given up") from None

    async def _open(self) -> Line:
        self.line = Line(await log_in(self.place))
        self.opened += 1
        return self.line

    def _rest(self, line: Line) -> None:
        """Close what nobody needs: at once when it is retired, else after a while."""
        if line.uses:
            return
        if not line.is_fit() or line is not self.line:
            line.connection.abort()
            return
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_idle, line)

    def _close_idle(self, line: Line) -> None:
        if not line.uses:
            line.retired = True
            line.connection.close()


def _heard(task: asyncio.Task[Line]) -> None:
    """Whoever waited may have gone; an error nobody hears of is no mistake here."""
    if not task.cancelled():
        task.exception()


_HOSTS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Place, Host]] = WeakKeyDictionary()


def host(place: Place) -> Host:
    """The one host of this place, in this event loop; actuator and probe share it."""
    known = _HOSTS.setdefault(asyncio.get_running_loop(), {})
    if place not in known:
        known[place] = Host(place)
    return known[place]


async def close_all() -> None:
    """End all connections of this event loop."""
    known = _HOSTS.pop(asyncio.get_running_loop(), {})
    for one in known.values():
        one.close()
    for one in known.values():
        if one.line is not None:
            await one.line.connection.wait_closed()

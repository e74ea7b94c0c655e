"""One command over a shared connection: how it ended, or how far it came."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.ssh.hosts import Line, host
from allstop.adapters.ssh.login import NotSent, load
from allstop.adapters.ssh.options import Place

if TYPE_CHECKING:
    from asyncssh import SSHClientChannel

KEEP_BYTES = 65_536
_HEAD_BYTES = 49_152
_DRAIN_SECONDS = 0.25
_END_SECONDS = 0.15
_WAITS_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.6)
_LOST = "the connection was lost; it may still take effect"
_OF_A_SIGNAL = range(129, 160)  # how a shell says that a signal ended its command


class Unclear(Exception):
    """The command was sent, and nobody knows how it ended."""

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))


@dataclass(frozen=True, slots=True)
class Ended:
    """code: exit code of the command; output, errors: beginnings and ends, some 64 KiB each."""

    code: int
    output: bytes
    errors: bytes


@dataclass(eq=False, slots=True)
class _Kept:
    """The beginning and the end of a stream; what lies between is counted, not kept."""

    body: bytearray = field(default_factory=bytearray)
    left_out: int = 0

    def add(self, chunk: bytes) -> None:
        self.body += chunk
        surplus = len(self.body) - KEEP_BYTES
        if surplus > 0:
            del self.body[_HEAD_BYTES : _HEAD_BYTES + surplus]
            self.left_out += surplus

    def whole(self) -> bytes:
        if not self.left_out:
            return bytes(self.body)
        gap = f"\n... {self.left_out} bytes left out ...\n".encode()
        return bytes(self.body[:_HEAD_BYTES]) + gap + bytes(self.body[_HEAD_BYTES:])


@dataclass(eq=False, slots=True)
class _Session:
    """What asyncssh tells about one session."""

    is_sent: bool = False
    code: int | None = None
    signal: str = ""
    seen: int = 0
    output: _Kept = field(default_factory=_Kept)
    errors: _Kept = field(default_factory=_Kept)
    is_reported: asyncio.Event = field(default_factory=asyncio.Event)
    is_closed: asyncio.Event = field(default_factory=asyncio.Event)
    channel: SSHClientChannel[bytes] | None = None

    def connection_made(self, chan: SSHClientChannel[bytes]) -> None:
        # The session is open, and the command is sent next: from here on it may have been run.
        self.channel, self.is_sent = chan, True

    def session_started(self) -> None: ...

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self.seen += len(data)
        (self.errors if datatype else self.output).add(data)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...

    def xon_xoff_requested(self, client_can_do: bool) -> None: ...

    def exit_status_received(self, status: int) -> None:
        self.code = status
        self.is_reported.set()

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002
        self.signal = signal
        self.is_reported.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - either way it is over
        self.is_reported.set()
        self.is_closed.set()


async def run(place: Place, command: str, deadline: Deadline) -> Ended:
    """Run the command line once. Raises NotSent, Unclear."""
    async with host(place).using(deadline) as line:
        session = _Session()
        began_ms = deadline.left_ms()
        try:
            async with asyncio.timeout(deadline.left_ms() / 1000):
                await _start(line, session, command)
                await session.is_reported.wait()
        except TimeoutError:
            raise await _give_up(line, session, began_ms) from None
        except BaseException:
            line.retired = True
            raise
        await _drain(session, deadline)
        return await _ended(line, session)


async def _start(line: Line, session: _Session, command: str) -> None:
    """Open a session and send the command, once. Raises NotSent, Unclear."""
    asyncssh = load()
    factory: Any = lambda: session  # noqa: E731 - its base would have to be loaded here
    for wait in (*_WAITS_SECONDS, 0.0):
        try:
            channel, _ = await line.connection.create_session(factory, command, encoding=None)
            channel.write_eof()
            return
        except asyncssh.ChannelOpenError as error:
            if session.is_sent or line.connection.is_closed() or not wait:
                raise _refused(line, session, error) from None
            # sshd still counts sessions that have just ended when it is asked for the next ones.
            await asyncio.sleep(wait)
        except (asyncssh.Error, OSError) as error:
            line.retired = True
            if session.is_sent:
                raise Unclear(_LOST) from None
            raise NotSent(f"lost before the command was sent: {error}") from None


def _refused(line: Line, session: _Session, error: Any) -> NotSent | Unclear:
    # The server may hold more sessions than we know of; a new connection has none.
    line.retired = True
    if not session.is_sent:
        return NotSent(f"the server opens no session: {error.reason}")
    if line.connection.is_closed() or error.code != load().OPEN_REQUEST_SESSION_FAILED:
        return Unclear(_LOST)
    return NotSent("the server runs no commands for this account", passing=False)


async def _drain(session: _Session, deadline: Deadline) -> None:
    """Its end may be told before its output. What it has left running may hold that open for ever."""
    seen = -1
    while seen != session.seen and not session.is_closed.is_set() and not deadline.passed():
        seen = session.seen
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await session.is_closed.wait()


async def _ended(line: Line, session: _Session) -> Ended:
    await _close(line, session)
    if session.code is None:
        if session.signal:
            raise Unclear(f"it was ended by signal {session.signal}")
        line.retired = True
        raise Unclear(_LOST)
    if session.code in _OF_A_SIGNAL:
        raise Unclear(f"it was ended by signal {session.code - 128}")
    return Ended(session.code, session.output.whole(), session.errors.whole())


async def _give_up(line: Line, session: _Session, waited_ms: int) -> NotSent | Unclear:
    """Time is up: end the command as far as the server lets us."""
    line.retired = line.retired or not session.is_sent
    if not session.is_sent or session.channel is None:
        return NotSent(f"no session within {seconds(waited_ms)}")
    for name in ("TERM", "KILL"):
        with contextlib.suppress(OSError):
            session.channel.send_signal(name)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await session.is_reported.wait()
                break
    was_ended = session.code is not None or bool(session.signal)
    await _close(line, session)
    if was_ended:
        return Unclear(
            f"no end within {_whole(waited_ms)}; it was ended, and may have taken effect"
        )
    line.retired = True
    return Unclear(f"no end within {_whole(waited_ms)}; it may still take effect")


def _whole(milliseconds: int) -> str:
    return seconds(round(milliseconds, -2))


async def _close(line: Line, session: _Session) -> None:
    """Close the session; a server that does not confirm it may count it for ever."""
    if session.channel is None or session.is_closed.is_set():
        return
    session.channel.close()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_END_SECONDS):
            await session.is_closed.wait()
            return
    line.retired = True

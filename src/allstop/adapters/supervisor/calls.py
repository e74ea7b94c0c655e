"""Calls to one supervisord: one request under way at a time, what is asked meanwhile goes in the next.

supervisord answers in a single thread; two hundred connections at once would only wait in its queue,
and a program that ends would be noticed late. So calls are sent together, as `system.multicall`, and
still each gets its own answer, or its own fault. The connection is kept for what follows soon: opening one costs
supervisord as much as an answer does.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import ssl
import xmlrpc.client
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.parsers.expat import ExpatError

import httptools

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import beginning
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.mechanisms.threads import ThreadPool
from allstop.adapters.supervisor.options import TargetOptions

_MOST_CALLS = 32  # starting a program takes supervisord some ten milliseconds, and others wait
_LARGEST = 8_000_000
# So long a connection is kept after an answer.
LINGER_SECONDS = 1.0
_THREADS = ThreadPool("supervisor", 4)
# What XML cannot carry; supervisord sends it all the same when a log holds it.
_UNFIT = bytes(set(range(32)) - {9, 10, 13})
_FIT = bytes.maketrans(_UNFIT, b"?" * len(_UNFIT))


class NoAnswer(Exception):
    """No answer that makes sense. sent: whether supervisord may have carried out what was asked."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(one_line(why))
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Fault:
    """supervisord's refusal of one call. code: see `supervisor.xmlrpc.Faults`."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call of its interface, such as `supervisor.stopProcess`."""

    method: str
    params: tuple[str | int | bool, ...] = ()


Answer = Any
"""What a call returned, of whatever type; or a Fault."""


@dataclass(slots=True)
class _Asked:
    calls: Sequence[Call]
    deadline: Deadline
    answer: asyncio.Future[list[Answer]]
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where supervisord is, and as whom it is asked."""

    url: str
    user: str
    password_file: str

    @classmethod
    def of(cls, options: TargetOptions) -> Place:
        return cls(options.url, options.user, options.password_file)

    def is_near(self) -> bool:
        """Whether its processes are, as far as one can tell, processes of this machine."""
        parts = urlsplit(self.url)
        return parts.scheme == "unix" or parts.hostname in ("127.0.0.1", "::1", "localhost")


@dataclass(slots=True)
class Supervisord:
    """All calls to one place."""

    place: Place
    _waiting: list[_Asked] = field(default_factory=list)
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _line: _Line | None = None
    _pump: asyncio.Task[None] | None = None

    async def ask(self, calls: Sequence[Call], deadline: Deadline) -> list[Answer]:
        """The answer to each call, in order; nothing else is done between them. Raises NoAnswer."""
        answer: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        asked = _Asked(calls, deadline, answer)
        self._waiting.append(asked)
        self._more.set()
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._send_all())
        try:
            async with asyncio.timeout(deadline.left_ms() / 1000):
                return await answer
        except TimeoutError:
            raise NoAnswer("supervisord does not answer in time", sent=asked.sent) from None

    async def _send_all(self) -> None:
        self._more = asyncio.Event()
        try:
            while await self._is_more():
                together: list[_Asked] = []
                while self._waiting and sum(len(one.calls) for one in together) < _MOST_CALLS:
                    one = self._waiting.pop(0)
                    if not one.answer.done():
                        together.append(one)
                if together:
                    await self._send(together)
        finally:
            if self._line is not None:
                self._line.hang_up()
                self._line = None

    async def _is_more(self) -> bool:
        """Whether something is asked; while there is a connection, for a while also whether something will be."""
        if self._waiting or self._line is None:
            return bool(self._waiting)
        self._more.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                await self._more.wait()
        return bool(self._waiting)

    async def _send(self, together: list[_Asked]) -> None:
        deadline = max((one.deadline for one in together), key=lambda each: each.at_ns)
        calls = [call for one in together for call in one.calls]

        def sending() -> None:
            for one in together:
                one.sent = True

        try:
            async with asyncio.timeout(deadline.left_ms() / 1000):
                answers = await self._answers(calls, sending)
        except (NoAnswer, TimeoutError) as error:
            why = str(error) or "supervisord does not answer in time"
            harmless = isinstance(error, NoAnswer) and not error.sent
            for one in together:
                if not one.answer.done():
                    one.answer.set_exception(NoAnswer(why, sent=one.sent and not harmless))
            return
        for one in together:
            mine, answers = answers[: len(one.calls)], answers[len(one.calls) :]
            if not one.answer.done():
                one.answer.set_result(mine)

    async def _answers(self, calls: list[Call], sending: Any) -> list[Answer]:
        packed = [{"methodName": one.method, "params": list(one.params)} for one in calls]
        body = xmlrpc.client.dumps((packed,), "system.multicall").encode()
        request = await _head(self.place, len(body)) + body
        line, self._line = self._line, None
        if line is None or not line.is_fit():
            line = await _connected(self.place)
        try:
            sending()
            reply = await line.ask(request)
        finally:
            # A call that was given up leaves its answer on the way.
            if line.is_fit():
                self._line = line
            else:
                line.hang_up()
        return _read(reply, len(calls))


def _read(reply: bytes, count: int) -> list[Answer]:
    """The answers of so many calls. Raises NoAnswer."""
    if b"<!DOCTYPE" in reply:
        raise NoAnswer("supervisord's answer defines entities", sent=True)
    try:
        (found,), _ = xmlrpc.client.loads(reply.translate(_FIT), use_builtin_types=True)
    except xmlrpc.client.Fault as fault:
        raise NoAnswer(f"supervisord refused: {fault.faultString}", sent=True) from fault
    except (
        ExpatError, xmlrpc.client.Error, ValueError, TypeError, LookupError, AttributeError,
        ArithmeticError, RecursionError,
    ) as error:  # fmt: skip
        raise NoAnswer("supervisord's answer is no XML-RPC", sent=True) from error
    if not isinstance(found, list) or len(found) != count:
        raise NoAnswer("supervisord's answer does not fit the question", sent=True)
    return [_answer(one) for one in found]


def _answer(value: Any) -> Answer:
    if isinstance(value, dict) and "faultCode" in value:
        code, text = value["faultCode"], value.get("faultString")
        return Fault(code if isinstance(code, int) else 0, one_line(str(text)))
    return value


class _Line(asyncio.Protocol):
    """A connection, and the one answer that is awaited on it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._awaited: asyncio.Future[bytes] | None = None
        self._parser: Any = None
        self._body = bytearray()
        self._is_open = True

    def is_fit(self) -> bool:
        """Whether another request may be sent on it."""
        return self._is_open and self._awaited is None

    async def ask(self, request: bytes) -> bytes:
        """Send a request, and return the body of its answer. Raises NoAnswer."""
        assert self._transport is not None
        self._parser, self._body = httptools.HttpResponseParser(self), bytearray()
        self._awaited = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        reply = await self._awaited
        # Given up above, it stays awaited: then the line is not fit any more.
        self._awaited = None
        return reply

    def hang_up(self) -> None:
        self._is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._awaited is None or self._awaited.done():
            # Nobody has asked: it would be taken for the next answer.
            self.hang_up()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._broken(_why(error))

    def eof_received(self) -> None:
        self._broken("")

    def connection_lost(self, exc: Exception | None) -> None:
        self._broken(_why(exc) if exc else "")

    def on_message_begin(self) -> None:
        if self._awaited is not None and self._awaited.done():
            self._is_open = False

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > _LARGEST:
            text = f"supervisord's answer is longer than {_LARGEST} bytes"
            self._end(NoAnswer(text, sent=True))

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self._is_open = self._is_open and self._parser.should_keep_alive()
        if status == 401:
            self._end(NoAnswer("supervisord refuses user and password", sent=False))
        elif status != 200:
            self._end(NoAnswer(f"supervisord answered {status}", sent=True))
        elif self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(bytes(self._body))

    def _broken(self, why: str) -> None:
        text = "supervisord's answer broke off"
        self._end(NoAnswer(f"{text}: {why}" if why else text, sent=True))

    def _end(self, error: NoAnswer) -> None:
        self._is_open = False
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(error)


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _connected(place: Place) -> _Line:
    """A new connection. Raises NoAnswer."""
    parts, loop = urlsplit(place.url), asyncio.get_running_loop()
    try:
        if parts.scheme == "unix":
            _, line = await loop.create_unix_connection(_Line, parts.path)
        else:
            tls = _tls() if parts.scheme == "https" else None
            port = parts.port or (443 if tls else 80)
            _, line = await loop.create_connection(_Line, parts.hostname or "", port, ssl=tls)
    except (OSError, ValueError) as error:
        raise NoAnswer(f"supervisord cannot be reached: {_why(error)}", sent=False) from error
    return line


def _why(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


async def _head(place: Place, length: int) -> bytes:
    parts = urlsplit(place.url)
    lines = [
        f"POST {parts.path if parts.path not in ('', '/') and parts.netloc else '/RPC2'} HTTP/1.1",
        f"Host: {parts.netloc or 'localhost'}",
        "User-Agent: allstop",
        "Content-Type: text/xml",
        f"Content-Length: {length}",
    ]
    if place.user:
        path = Path(place.password_file)
        try:
            password = await _THREADS.run(lambda: beginning(path, 4096).strip("\r\n"), 2000)
        except (OSError, ValueError, TimeoutError) as error:
            raise NoAnswer(f"the password cannot be read: {_why(error)}", sent=False) from error
        pair = base64.b64encode(f"{place.user}:{password}".encode()).decode()
        lines.append(f"Authorization: Basic {pair}")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()

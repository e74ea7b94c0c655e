"""Calls to one supervisord: one request under way at a time, what is asked meanwhile goes in the next.

supervisord answers in a single thread; two hundred connections at once would only wait in its queue,
and a program that ends would be noticed late. So calls are sent together, as `system.multicall`, and
still each gets its own answer, or its own fault.
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
    _pump: asyncio.Task[None] | None = None

    async def ask(self, calls: Sequence[Call], deadline: Deadline) -> list[Answer]:
        """The answer to each call, in order; nothing else is done between them. Raises NoAnswer."""
        answer: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        asked = _Asked(calls, deadline, answer)
        self._waiting.append(asked)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._send_all())
        try:
            async with asyncio.timeout(deadline.left_ms() / 1000):
                return await answer
        except TimeoutError:
            raise NoAnswer("supervisord does not answer in time", sent=asked.sent) from None

    async def _send_all(self) -> None:
        while self._waiting:
            together: list[_Asked] = []
            while self._waiting and sum(len(one.calls) for one in together) < _MOST_CALLS:
                one = self._waiting.pop(0)
                if not one.answer.done():
                    together.append(one)
            if together:
                await self._send(together)

    async def _send(self, together: list[_Asked]) -> None:
        deadline = max((one.deadline for one in together), key=lambda each: each.at_ns)
        calls = [call for one in together for call in one.calls]

        def sending() -> None:
            for one in together:
                one.sent = True

        try:
            async with asyncio.timeout(deadline.left_ms() / 1000):
                answers = await _answers(self.place, calls, sending)
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


async def _answers(place: Place, calls: list[Call], sending: Any) -> list[Answer]:
    packed = [{"methodName": one.method, "params": list(one.params)} for one in calls]
    body = xmlrpc.client.dumps((packed,), "system.multicall").encode()
    reply = await _exchange(place, body, sending)
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
    if not isinstance(found, list) or len(found) != len(calls):
        raise NoAnswer("supervisord's answer does not fit the question", sent=True)
    return [_answer(one) for one in found]


def _answer(value: Any) -> Answer:
    if isinstance(value, dict) and "faultCode" in value:
        code, text = value["faultCode"], value.get("faultString")
        return Fault(code if isinstance(code, int) else 0, one_line(str(text)))
    return value


class _Reply:
    """Takes an HTTP answer apart."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.complete = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _exchange(place: Place, body: bytes, sending: Any) -> bytes:
    """POST the body and return the answer's. Raises NoAnswer."""
    head = await _head(place, len(body))
    parts = urlsplit(place.url)
    try:
        if parts.scheme == "unix":
            reader, writer = await asyncio.open_unix_connection(parts.path)
        else:
            tls = _tls() if parts.scheme == "https" else None
            port = parts.port or (443 if tls else 80)
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
    except (OSError, ValueError) as error:
        raise NoAnswer(f"supervisord cannot be reached: {_why(error)}", sent=False) from error
    try:
        sending()
        writer.write(head + body)
        return await _read(reader)
    except (OSError, httptools.HttpParserError) as error:
        raise NoAnswer(f"supervisord's answer broke off: {_why(error)}", sent=True) from error
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            writer.transport.abort()


def _why(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__


async def _head(place: Place, length: int) -> bytes:
    parts = urlsplit(place.url)
    lines = [
        f"POST {parts.path if parts.path not in ('', '/') and parts.netloc else '/RPC2'} HTTP/1.1",
        f"Host: {parts.netloc or 'localhost'}",
        "User-Agent: allstop",
        "Content-Type: text/xml",
        "Connection: close",
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


async def _read(reader: asyncio.StreamReader) -> bytes:
    reply = _Reply()
    parser = httptools.HttpResponseParser(reply)
    while not reply.complete:
        chunk = await reader.read(65_536)
        if not chunk:
            raise NoAnswer("supervisord's answer broke off", sent=True)
        parser.feed_data(chunk)
        if len(reply.body) > _LARGEST:
            raise NoAnswer(f"supervisord's answer is longer than {_LARGEST} bytes", sent=True)
    status = parser.get_status_code()
    if status == 401:
        raise NoAnswer("supervisord refuses user and password", sent=False)
    if status != 200:
        raise NoAnswer(f"supervisord answered {status}", sent=True)
    return bytes(reply.body)

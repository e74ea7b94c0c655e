"""Redis' protocol (RESP2): one connection, one question after another, answers of bounded size.

Its own few lines rather than a library: an attempt must know whether a command has gone out, a
command must never be sent a second time behind its back, and an answer that is announced with ten
gigabytes must not be awaited in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import beginning
from allstop.adapters.mechanisms.options import Options
from allstop.adapters.mechanisms.text import decoded, one_line, seconds

Answer = str | int | None | list[Any]

_LARGEST = 4_000_000
_MOST_DIGITS = 20
_DEEPEST = 8
_GRACE_SECONDS = 0.3


class LoginOptions(Options):
    """Where a server is, and who asks."""

    host: str = Field(
        min_length=1,
        title="Host",
        description="Name or address; or the path of its Unix socket, with a leading slash.",
    )
    port: int = Field(default=6379, ge=1, le=65_535, title="Port", description="TCP port.")
    user: str = Field(default="", title="User", description="Who logs in; empty: `default`.")
    password_file: str = Field(
        default="",
        title="Password file",
        description="File with the password on one line; empty: none is sent.",
    )
    tls: bool = Field(default=False, title="TLS", description="Whether the port speaks TLS.")
    root_certificate: str = Field(
        default="",
        title="Root certificate",
        description="File with the authorities to trust; empty: those of the system.",
    )
    connect_ms: int = Field(
        default=3000, ge=1, title="Connect time-out", description="Milliseconds to get in."
    )

    @property
    def place(self) -> str:
        """The server as people name it, and as its marks and snapshots do."""
        return self.host if self.host.startswith("/") else f"{self.host}:{self.port}"

    @property
    def is_near(self) -> bool:
        """Whether it runs on this machine, by its address."""
        return self.host in ("::1", "localhost") or self.host.startswith(("/", "127."))


class Unreachable(Exception):
    """Nobody let us in: nothing was asked. refused: because nobody listens; passing: later may do."""

    def __init__(self, text: str, *, refused: bool = False, passing: bool = True) -> None:
        super().__init__(one_line(text))
        self.refused, self.passing = refused, passing


class Lost(Exception):
    """A command was sent, and no complete answer came."""


class Nonsense(Exception):
    """An answer came that no Redis would give."""


class Refusal(Exception):
    """The server answered with an error. code: its first word, such as NOREPLICAS."""

    def __init__(self, text: str) -> None:
        super().__init__(one_line(text))
        self.code = text.partition(" ")[0]

    @property
    def passing(self) -> bool:
        """Whether the same command may do better later."""
        return self.code in ("LOADING", "BUSY", "TRYAGAIN", "MASTERDOWN")


class Line:
    """A connection in use. Not for two questions at once."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, deadline: Deadline
    ) -> None:
        self._reader, self._writer = reader, writer
        self.deadline = deadline

    async def ask(self, *words: str) -> Answer:
        """Send one command and await its answer. Raises Refusal, Lost, Nonsense."""
        (answer,) = await self.ask_at_once(words)
        return answer

    async def ask_at_once(self, *commands: tuple[str, ...]) -> list[Answer]:
        """Send commands in one piece, so that nobody else's come between. Raises as `ask`."""
        try:
            async with asyncio.timeout(self.deadline.left_ms() / 1000):
                self._writer.write(b"".join(_command(words) for words in commands))
                await self._writer.drain()
                return [await _Reading(self._reader).answer() for _ in commands]
        except TimeoutError:
            raise Lost("the server does not answer") from None
        except (OSError, EOFError) as error:
            reason = getattr(error, "strerror", None) or "hung up"
            raise Lost(one_line(f"the connection was lost: {reason}")) from None

    async def text(self, *words: str) -> str:
        """An answer that must be text. Raises as `ask`."""
        answer = await self.ask(*words)
        if not isinstance(answer, str):
            raise Nonsense(f"{words[0]} is answered with {type(answer).__name__}")
        return answer

    async def setting(self, name: str) -> str | None:
        """A value of the configuration; None when the server has no such setting. Raises as `ask`."""
        answer = await self.ask("CONFIG", "GET", name)
        if not isinstance(answer, list) or len(answer) not in (0, 2):
            raise Nonsense("CONFIG GET is not answered with a name and a value")
        return str(answer[1]) if answer else None

    def drop(self) -> None:
        self._writer.transport.abort()


def _command(words: tuple[str, ...]) -> bytes:
    parts = [word.encode() for word in words]
    body = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%s" % (len(parts), body)


class _Reading:
    """One answer, of at most so many bytes and so deep."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader, self._left = reader, _LARGEST

    async def answer(self, depth: int = 0) -> Answer:
        line = await self._line()
        kind, rest = line[:1], line[1:]
        match kind:
            case b"+":
                return decoded(rest)
            case b"-":
                raise Refusal(decoded(rest))
            case b":":
                return _number(rest)
            case b"$":
                return await self._bulk(_number(rest))
            case b"*" if depth < _DEEPEST:
                return await self._list(_number(rest), depth)
        raise Nonsense(one_line(f"no Redis answers {decoded(line[:40])!r}", 120))

    async def _line(self) -> bytes:
        try:
            line = await self._reader.readuntil(b"\r\n")
        except asyncio.LimitOverrunError:
            raise Nonsense("an answer has a line without end") from None
        self._take(len(line))
        return line[:-2]

    async def _bulk(self, length: int) -> str | None:
        if length < 0:
            return None
        self._take(length)
        body = await self._reader.readexactly(length + 2)
        if not body.endswith(b"\r\n"):
            raise Nonsense("an answer does not end where it should")
        return decoded(body[:-2])

    async def _list(self, length: int, depth: int) -> Answer:
        if length < 0:
            return None
        self._take(length)
        return [await self.answer(depth + 1) for _ in range(length)]

    def _take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Nonsense(f"an answer is longer than {_LARGEST} bytes")


def _number(digits: bytes) -> int:
    plain = digits.removeprefix(b"-")
    if not plain.isdigit() or len(plain) > _MOST_DIGITS:
        raise Nonsense(one_line(f"{decoded(digits[:40])!r} is no number", 120))
    return int(digits)


@contextlib.asynccontextmanager
async def line(login: LoginOptions, deadline: Deadline) -> AsyncIterator[Line]:
    """A connection that is logged in, dropped at the end. Raises Unreachable, Nonsense."""
    opened = Line(*await _connected(login, deadline), deadline)
    try:
        await _log_in(login, opened)
        yield opened
    finally:
        opened.drop()


async def _connected(
    login: LoginOptions, deadline: Deadline
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    limit_ms = min(login.connect_ms, deadline.left_ms())
    try:
        async with asyncio.timeout(limit_ms / 1000):
            if login.host.startswith("/"):
                return await asyncio.open_unix_connection(login.host)
            context = _tls(login)
            name = login.host if context else None
            return await asyncio.open_connection(
                login.host, login.port, ssl=context, server_hostname=name
            )
    except TimeoutError:
        raise Unreachable(f"no connection within {seconds(limit_ms)}") from None
    except (OSError, ValueError) as error:
        raise _unreachable(error, login.place) from None


def _unreachable(error: Exception, place: str) -> Unreachable:
    # Several addresses of one name give one error whose text lists them all.
    nobody = isinstance(error, ConnectionRefusedError | FileNotFoundError) or (
        "Errno 111" in str(error)
    )
    if nobody:
        return Unreachable(f"nobody listens at {place}", refused=True)
    reason = getattr(error, "strerror", None) or str(error)
    # Whom we do not trust now we shall not trust in a minute.
    distrust = isinstance(error, ssl.SSLCertVerificationError)
    return Unreachable(f"no connection to {place}: {reason}", passing=not distrust)


def _tls(login: LoginOptions) -> ssl.SSLContext | None:
    if not login.tls:
        return None
    try:
        return ssl.create_default_context(cafile=login.root_certificate or None)
    except (OSError, ValueError) as error:
        raise Unreachable(f"cannot use the root certificate: {error}", passing=False) from None


async def _log_in(login: LoginOptions, opened: Line) -> None:
    if not login.password_file:
        return
    user = (login.user,) if login.user else ()
    try:
        await opened.ask("AUTH", *user, _password(login))
    except Refusal as error:
        raise Unreachable(f"not let in: {error}", passing=error.passing) from None
    except Lost as error:
        raise Unreachable(f"no answer to the password: {error}") from None


def _password(login: LoginOptions) -> str:
    try:
        text = beginning(Path(login.password_file), 4096).rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise Unreachable(f"cannot read the password: {error}", passing=False) from None
    if not text or "\n" in text:
        raise Unreachable("the password file does not hold one line", passing=False)
    return text


async def settled_within(work: asyncio.Future[Any], milliseconds: int) -> bool:
    """Whether work ends within so long; it goes on otherwise. Raises nothing."""
    await asyncio.wait({work}, timeout=milliseconds / 1000)
    return work.done()


async def abandoned(work: asyncio.Future[Any]) -> None:
    """Give work up, and hear what becomes of it so that nobody warns about it."""
    work.cancel()
    await asyncio.wait({work}, timeout=_GRACE_SECONDS)
    if work.done() and not work.cancelled():
        work.exception()

"""HAProxy's runtime API: one command, one connection, one complete answer, or why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

from pydantic import Field, field_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import Options
from allstop.adapters.mechanisms.order_file import NewerOrder, Unreadable
from allstop.adapters.mechanisms.text import decoded, one_line, seconds
from allstop.domain.effects import Effect, Outcome, failed, retry, unknown

LARGEST = 16_000_000
"""Bytes of an answer that are read; some ten thousand servers fit."""

NAME = r"^[A-Za-z0-9_.:-]+$"
"""What HAProxy allows in names. Nothing in it could end a command and begin another."""

SERVER = r"^[A-Za-z0-9_.:-]+/[A-Za-z0-9_.:-]+$"


class RuntimeOptions(Options):
    """Which HAProxy."""

    socket: str = Field(
        title="Admin socket",
        description="Path of the admin socket, with a leading slash; or HOST:PORT where it listens on TCP.",
    )
    connect_ms: int = Field(
        default=3000,
        ge=1,
        title="Connect time-out",
        description="Milliseconds to get a connection.",
    )

    @field_validator("socket")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value.startswith("/") and "\0" not in value:
            return value
        host, _, port = value.rpartition(":")
        if not host or "/" in host or not (port.isascii() and port.isdigit() and len(port) < 6):
            raise ValueError("neither a path with a leading slash nor HOST:PORT")
        if not 1 <= int(port) <= 65_535:
            raise ValueError("no such port")
        return value

    @property
    def is_path(self) -> bool:
        return self.socket.startswith("/")

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Of a TCP address, `[::1]:9999` included."""
        host, _, port = self.socket.rpartition(":")
        return host.removeprefix("[").removesuffix("]"), int(port)


class Unreachable(Exception):
    """No connection was made: nothing was asked."""


class Lost(Exception):
    """A command was sent, and no complete answer came."""


class Nonsense(Exception):
    """An answer came that HAProxy would not give."""


class Refused(Exception):
    """It will not be done, or was seen not to be done; the text says why."""


class Runtime:
    """The runtime API of one HAProxy for one attempt. changed: an order may have taken effect."""

    def __init__(self, options: RuntimeOptions, deadline: Deadline) -> None:
        self._options, self.deadline = options, deadline
        self.changed = False

    async def ask(self, command: str) -> str:
        """What a command that changes nothing answers. Raises Unreachable, Lost, Nonsense."""
        return await self._exchange(command, order=False)

    async def order(self, command: str) -> str:
        """What a command that changes something answers: empty when HAProxy has taken it."""
        return await self._exchange(command, order=True)

    async def _exchange(self, command: str, *, order: bool) -> str:
        if "\n" in command or ";" in command or "<<" in command:
            raise Refused("a command must be one command")
        reader, writer = await self._connected()
        try:
            async with asyncio.timeout(self.deadline.left_ms() / 1000):
                self.changed = self.changed or order
                writer.write(command.encode() + b"\n")
                await writer.drain()
                return _complete(await _body(reader))
        except TimeoutError:
            raise Lost("HAProxy does not answer") from None
        except OSError as error:
            raise Lost(one_line(f"the connection was lost: {error}")) from None
        finally:
            writer.transport.abort()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        limit_ms = min(self._options.connect_ms, self.deadline.left_ms())
        try:
            async with asyncio.timeout(limit_ms / 1000):
                if self._options.is_path:
                    return await asyncio.open_unix_connection(self._options.socket)
                return await asyncio.open_connection(*self._options.host_and_port)
        except TimeoutError:
            raise Unreachable(f"no connection within {seconds(limit_ms)}") from None
        except PermissionError:
            raise Refused(f"no permission to use {self._options.socket}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise Unreachable(
                one_line(f"no connection to {self._options.socket}: {reason}")
            ) from None


async def _body(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while chunk := await reader.read(65_536):
        body += chunk
        if len(body) > LARGEST:
            raise Nonsense(f"the answer is longer than {LARGEST} bytes")
    return bytes(body)


def _complete(body: bytes) -> str:
    """The answer without its end. HAProxy ends each with an empty line, and then hangs up."""
    if body != b"\n" and not body.endswith(b"\n\n"):
        raise Lost("the answer broke off" if body else "hung up without an answer")
    return decoded(body).rstrip("\n")


async def settled(work: Awaitable[Outcome], runtime: Runtime, effect: Effect) -> Outcome:
    """The outcome of work with HAProxy: what it returns, or what its error means."""
    try:
        return await work
    except (Refused, NewerOrder, Unreadable) as error:
        return failed(one_line(str(error)))
    except (Unreachable, Lost, Nonsense) as error:
        text = one_line(str(error))
        if runtime.changed:
            return unknown(f"{text}; what was ordered may have taken effect")
        return failed(text) if isinstance(error, Nonsense) else retry(text)
    except TimeoutError as error:
        text = one_line(str(error)) or f"no end within {seconds(effect.timeout_ms)}"
        return unknown(text) if runtime.changed else retry(text)
    except OSError as error:
        return failed(one_line(str(error)))


def marks_beside(options: RuntimeOptions, state_file: str) -> Path:
    """Where the numbers of the orders are kept. Raises Refused when nothing says where."""
    if state_file:
        return Path(state_file)
    if not options.is_path:
        raise Refused("a TCP socket has no place beside it: give state_file")
    return Path(f"{options.socket}.allstop")

"""A scripted HTTP server on loopback that can misbehave at the level of bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


Handler = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


def raw(status: int, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """An HTTP/1.1 answer."""
    lines = {"content-length": str(len(body)), "connection": "close", **(headers or {})}
    head = "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode("latin-1") + body


def says(status: int, value: object = None, headers: dict[str, str] | None = None) -> Handler:
    """Answers always the same; bytes as they are, anything else as JSON."""

    async def handle(_: Received, writer: asyncio.StreamWriter) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        writer.write(raw(status, body, headers))

    return handle


async def hangs(_: Received, writer: asyncio.StreamWriter) -> None:
    """Takes the request and never answers."""
    await asyncio.sleep(3600)


async def trickles(_: Received, writer: asyncio.StreamWriter) -> None:
    """Sends a byte every 20 ms, for ever: no silence ever lasts long."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def floods(_: Received, writer: asyncio.StreamWriter) -> None:
    """Sends a body without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def no_http(_: Received, writer: asyncio.StreamWriter) -> None:
    """Answers something that is no HTTP."""
    writer.write(b"\x00\xff\x00 220 smtp ready\r\n" * 10)


async def hangs_up(_: Received, writer: asyncio.StreamWriter) -> None:
    """Closes after the request without a word."""


@dataclass
class Loopback:
    """port: where it listens; requests: everything received, in order."""

    routes: dict[str, Handler]
    port: int = 0
    requests: list[Received] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ", 2)
            headers = {
                key.lower(): value.strip()
                for key, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            received = Received(method, path, headers, body)
            self.requests.append(received)
            await self.routes.get(path, says(404, {"error": "no such page"}))(received, writer)
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def serving(routes: dict[str, Handler]) -> AsyncIterator[Loopback]:
    """A running server; ends with all its connections."""
    world = Loopback(routes)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(world.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(lambda done: writer.close())

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    world.port = server.sockets[0].getsockname()[1]
    try:
        yield world
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

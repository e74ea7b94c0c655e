"""Servers that say nothing, nonsense, or nothing any more; for the tests of PostgreSQL and its pooler."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from tests.adapters.postgres_world import Cluster


class Proxy:
    """Passes everything on until the client says `trigger`; from then on the server's answers are
    `instead`, over and over, or nothing at all."""

    def __init__(self, server: int, trigger: bytes, instead: bytes = b"") -> None:
        self.server, self.trigger, self.instead = server, trigger, instead
        self.heard = asyncio.Event()
        self.port = 0

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            if self.trigger in chunk:
                self.heard.set()
            writer.write(chunk)

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            if not self.heard.is_set():
                writer.write(chunk)
            while self.heard.is_set() and self.instead:
                writer.write(self.instead)
                await writer.drain()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.server)
        try:
            await asyncio.gather(self._up(reader, back), self._down(there, writer))
        except OSError:
            pass  # one of them hung up
        finally:
            back.close()
            writer.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            tasks.add(asyncio.get_running_loop().create_task(self.serve(reader, writer)))

        listening = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listening.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.contextmanager
def silence() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@contextlib.contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    """A server that hangs: its postmaster and every process of it is stopped."""
    try:
        _signal(cluster, signal.SIGSTOP)
        yield
    finally:
        _signal(cluster, signal.SIGCONT)


def _signal(cluster: Cluster, number: signal.Signals) -> None:
    for pid in (cluster.pid(), *_children(cluster.pid())):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in found]


@contextlib.contextmanager
def background(argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A program while the block lasts."""
    process = subprocess.Popen(argv, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)

"""A real HAProxy on loopback for the tests of its adapters, and one that lies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.adapters import loopback

PROGRAM = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

HEAD = """
global
  stats socket {folder}/admin.sock mode 600 level admin
  stats socket {folder}/user.sock mode 600 level user
  stats socket ipv4@127.0.0.1:{admin_port} level admin
defaults
  mode http
  timeout connect 1s
  timeout client 20s
  timeout server 20s
"""


@dataclass
class World:
    """A running HAProxy. folder: where its sockets are; port: of its frontend `shop`."""

    folder: Path
    port: int
    admin_port: int
    config: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def admin(self) -> str:
        return str(self.folder / "admin.sock")

    def ask(self, command: str) -> str:
        """The answer of the runtime API, asked past the adapter."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(10)
            line.connect(self.admin)
            line.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: line.recv(65_536), b"")).decode()

    def order(self, command: str) -> None:
        said = self.ask(command).strip()
        assert not said, said

    def state(self, path: str) -> str:
        """`ready`, `drain` or `maint`, as `show servers state` has it."""
        admin = int(self._state(path)[6])
        return "maint" if admin & 1 else "drain" if admin & 8 else "ready"

    def weight(self, path: str) -> int:
        return int(self._state(path)[7])

    def _state(self, path: str) -> list[str]:
        backend, _, name = path.partition("/")
        rows = [line.split() for line in self.ask(f"show servers state {backend}").splitlines()]
        return next(row for row in rows if len(row) > 9 and row[3] == name)

    def _stat(self, path: str, column: str) -> str:
        lines = self.ask("show stat").removeprefix("# ").splitlines()
        place = lines[0].split(",").index(column)
        rows = [line.split(",") for line in lines[1:]]
        return next(row[place] for row in rows if row[:2] == path.split("/"))

    def sessions(self, path: str) -> int:
        return int(self._stat(path, "scur"))

    def status(self, path: str) -> str:
        return self._stat(path, "status")

    def frontend(self, name: str) -> str:
        return self._stat(f"{name}/FRONTEND", "status")

    def start(self) -> None:
        path = self.folder / "haproxy.cfg"
        path.write_text(self.config)
        assert PROGRAM is not None
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "-db", "-f", str(path)], stdout=log, stderr=log, start_new_session=True
            )
        self.until(lambda: "Uptime" in self.ask("show info"), "HAProxy did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)

    def until(self, met: Callable[[], object], complaint: str) -> None:
        latest = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError):
                if met():
                    return
            assert time.monotonic() < latest, (complaint, (self.folder / "log").read_text())
            time.sleep(0.005)


@contextlib.contextmanager
def running(config: str) -> Iterator[World]:
    """An HAProxy with these frontends and backends; ends with the test. {port} is a free one."""
    if PROGRAM is None:
        pytest.skip("haproxy is not installed (make test-tools)")
    # Short, because the path of a socket may have a hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="allstop-"))
    port, admin_port = loopback.closed_port(), loopback.closed_port()
    text = (HEAD + config).format(folder=folder, port=port, admin_port=admin_port)
    world = World(folder, port, admin_port, text)
    try:
        world.start()
        yield world
    finally:
        world.stop()
        shutil.rmtree(folder)


@dataclass
class Shop:
    """A web service behind HAProxy. `/slow` is answered once `finish` is set; `/broken` with 500."""

    port: int
    begun: asyncio.Event
    finish: asyncio.Event


@contextlib.asynccontextmanager
async def serving_shop() -> AsyncIterator[Shop]:
    begun, finish = asyncio.Event(), asyncio.Event()

    async def slow(_: loopback.Received, writer: asyncio.StreamWriter) -> None:
        begun.set()
        await finish.wait()
        writer.write(loopback.raw(200, b"bought"))

    routes = {"/": loopback.says(200, {}), "/slow": slow, "/broken": loopback.says(500, {})}
    async with loopback.serving(routes) as world:
        yield Shop(world.port, begun, finish)


async def get(port: int, path: str = "/") -> str:
    """The status line of an answer; empty when the line was cut. Raises ConnectionRefusedError."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        answer = await reader.read()
    except ConnectionError:
        return ""
    finally:
        writer.close()
    return answer.decode().partition("\r\n")[0]


Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[Any]]


@contextlib.asynccontextmanager
async def lying(answers: Callable[[str], Answer | None]) -> AsyncIterator[str]:
    """A socket that answers each command with what `answers` gives; None: never. The socket's path."""
    folder = Path(tempfile.mkdtemp(prefix="allstop-"))
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            command = (await reader.readline()).decode().strip()
            answer = answers(command)
            if answer is None:
                await asyncio.sleep(3600)
            elif callable(answer):
                await answer(writer)
            else:
                writer.write(answer)
                await writer.drain()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(lambda _: writer.close())

    path = str(folder / "s")
    server = await asyncio.start_unix_server(accept, path)
    try:
        yield path
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        shutil.rmtree(folder)


def always(answer: Answer | None) -> Callable[[str], Answer | None]:
    """The same answer to everything."""
    return lambda _: answer


async def floods(writer: asyncio.StreamWriter) -> None:
    """An answer without end."""
    writer.write(b"# pxname,svname,type,status,scur,qcur\n")
    while True:
        writer.write(b"be,a,2,UP,0,0\n" * 10_000)
        await writer.drain()


STATES = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight
3 be 1 a 127.0.0.1 2 0 100 100
3 be 2 b 127.0.0.1 2 0 100 100

"""
STATS = """# pxname,svname,type,status,scur,qcur,
be,a,2,UP,0,0,
be,b,2,UP,0,0,
be,BACKEND,1,UP,0,0,

"""


def honest(command: str) -> bytes | None:
    """What an HAProxy with two servers answers to looks."""
    if command == "show servers state":
        return STATES.encode()
    return STATS.encode() if command.startswith("show stat") else None

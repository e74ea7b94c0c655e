"""Real Redis servers on loopback for the tests of their adapters, and servers that lie."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.adapters import loopback

PROGRAM = shutil.which("redis-server")
ALLOWED = ("--enable-debug-command", "yes", "--enable-protected-configs", "yes")
PLAIN = ("--save", "", "--repl-diskless-sync-delay", "0", "--loglevel", "notice")


@dataclass
class Server:
    """A running Redis. folder: with its data; port: on loopback."""

    folder: Path
    port: int
    arguments: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.begin()
        self.until(lambda: self.answers("PING") == "PONG", "it did not start")

    def begin(self, *more: str) -> None:
        """Start it, without awaiting that it answers."""
        assert PROGRAM is not None
        self.process = subprocess.Popen(
            [PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
             "--logfile", str(self.folder / "log"), *PLAIN, *self.arguments, *more],
            start_new_session=True,
        )  # fmt: skip

    def end(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(10)

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def ask(self, *words: str, wait_s: float = 10) -> str:
        """The answer to one command, past the adapter; `silent` when none comes in time."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as line:
            line.settimeout(wait_s)
            line.sendall(" ".join(words).encode() + b"\r\n")
            with line.makefile("rb") as answers:
                try:
                    return _read(answers)
                except TimeoutError:
                    return "silent"

    def answers(self, *words: str) -> str:
        try:
            return self.ask(*words)
        except OSError:
            return "gone"

    def write(self) -> str:
        """What becomes of a write: `OK`, `silent`, or the error."""
        return self.ask("SET", "written", "1", wait_s=0.2).partition(" ")[0]

    def info(self, name: str) -> str:
        rows = dict(row.partition(":")[::2] for row in self.ask("INFO").splitlines())
        return rows.get(name, "")

    def setting(self, name: str) -> str:
        return self.ask("CONFIG", "GET", name).split()[-1]

    def fill(self, keys: int) -> None:
        assert self.ask("DEBUG", "POPULATE", str(keys)) == "OK"

    def until(self, met: Callable[[], object], complaint: str = "it did not come so") -> None:
        latest = time.monotonic() + 10
        while not met():
            assert time.monotonic() < latest, (complaint, (self.folder / "log").read_text())
            time.sleep(0.005)


def _read(answers: Any) -> str:
    line = answers.readline().decode().rstrip("\r\n")
    if line.startswith("$"):
        body = answers.read(int(line[1:]) + 2) if line != "$-1" else b""
        return str(body.decode().removesuffix("\r\n"))
    if line.startswith("*"):
        return " ".join(_read(answers) for _ in range(int(line[1:])))
    return str(line) if line.startswith("-") else str(line[1:])


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Server]:
    """A Redis with these arguments; ends with the test."""
    if PROGRAM is None:
        pytest.skip("redis-server is not installed (make test-tools)")
    folder = Path(tempfile.mkdtemp(prefix="allstop-"))
    server = Server(folder, loopback.closed_port(), (*ALLOWED, *arguments))
    try:
        server.start()
        yield server
    finally:
        server.end()
        shutil.rmtree(folder)


@contextlib.contextmanager
def running_pair(*arguments: str) -> Iterator[tuple[Server, Server]]:
    """A primary and a replica that has caught up."""
    with running(*arguments) as primary, running(*arguments) as replica:
        replica.ask("REPLICAOF", "127.0.0.1", str(primary.port))
        primary.until(lambda: "state=online" in primary.info("slave0"), "no replica came online")
        yield primary, replica


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis of a test")])
    now = datetime.now(UTC)
    address = x509.IPAddress(IPv4Address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return public, private


Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[Any]]


@dataclass
class Liar:
    """A server that answers each command with what `answers` gives; None: never."""

    answers: Callable[[list[str]], Answer | None]
    port: int = 0
    heard: list[list[str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                count = int((await reader.readuntil(b"\r\n"))[1:])
                words = []
                for _ in range(count):
                    length = int((await reader.readuntil(b"\r\n"))[1:])
                    words.append((await reader.readexactly(length + 2))[:-2].decode())
                self.heard.append(words)
                answer = self.answers(words)
                if answer is None:
                    await asyncio.sleep(3600)
                elif callable(answer):
                    await answer(writer)
                elif not answer:
                    break
                else:
                    writer.write(answer)
                    await writer.drain()


@contextlib.asynccontextmanager
async def lying(answers: Callable[[list[str]], Answer | None]) -> AsyncIterator[Liar]:
    liar = Liar(answers)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(liar.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    liar.port = server.sockets[0].getsockname()[1]
    try:
        yield liar
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def always(answer: Answer | None) -> Callable[[list[str]], Answer | None]:
    """The same answer to everything."""
    return lambda _: answer


async def floods(writer: asyncio.StreamWriter) -> None:
    """An answer that is announced with gigabytes, and comes."""
    writer.write(b"$9000000000\r\n")
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


# Hanging up, no Redis, half an answer, too long, too deep, too many, no number, another kind.
NONSENSE: tuple[Answer, ...] = (
    b"",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    floods,
    b"*1\r\n" * 5000,
    b"*1000000000\r\n",
    b"$" + b"9" * 5000 + b"\r\n",
    b":7\r\n",
    b"$5\r\nroleXXXX",
    b"\x00\xff\xfe\r\n",
)


def bulk(text: str) -> bytes:
    return f"${len(text.encode())}\r\n{text}\r\n".encode()


def honest(words: list[str], **fields: str) -> bytes:
    """What a small primary answers; fields: of INFO, that are otherwise."""
    said = {
        "redis_mode": "standalone", "redis_version": "7.0.15", "run_id": "r1", "role": "master",
        "loading": "0", "process_id": "999999999", "uptime_in_seconds": "5",
        "connected_clients": "1", "used_memory": "1000", "rdb_last_bgsave_status": "ok",
        "rdb_bgsave_in_progress": "0", "rdb_last_save_time": "1", "rdb_saves": "1",
        "aof_enabled": "0", "master_repl_offset": "100", "server_time_usec": "9000000",
    }  # fmt: skip
    match [word.upper() for word in words[:2]]:
        case ["INFO", *_]:
            return bulk("".join(f"{name}:{value}\r\n" for name, value in (said | fields).items()))
        case ["PING", *_]:
            return b"+PONG\r\n"
        case ["CONFIG", "GET"]:
            value = {"min-replicas-to-write": "0", "min-replicas-max-lag": "10"}.get(words[2], "10")
            return b"*2\r\n" + bulk(words[2]) + bulk(value)
        case ["SETRANGE", *_]:
            return b":0\r\n"
    return b"+OK\r\n"

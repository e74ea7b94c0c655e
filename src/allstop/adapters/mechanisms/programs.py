"""Running one program with an end: own session, minimal environment, bounded output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil

from allstop.adapters.mechanisms.process_tree import Kin, Mark, end
from allstop.adapters.mechanisms.text import one_line

KEEP_BYTES = 65_536
_RUN_MARK = "ALLSTOP_RUN"
_DRAIN_SECONDS = 0.25
_REAP_SECONDS = 0.5
# Its own threads: the loop's shared pool may be full of look-ups that hang.
_ENDERS = ThreadPoolExecutor(8, thread_name_prefix="allstop-end")


class StartError(Exception):
    """The program could not be started at all; nothing happened."""


@dataclass(frozen=True, slots=True)
class Finished:
    """code: exit code, negative for a signal, None when it was ended because time was up."""

    code: int | None
    output: bytes
    errors: bytes
    cut: bool


class _Kept:
    """The beginning and the end of a stream; what lies between is counted, not kept."""

    def __init__(self, limit: int) -> None:
        self._head_limit = limit * 3 // 4
        self._tail_limit = limit - self._head_limit
        self._head = bytearray()
        self._tail = bytearray()
        self.left_out = 0

    def add(self, chunk: bytes) -> None:
        room = self._head_limit - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room > 0 else chunk
        surplus = len(self._tail) - self._tail_limit
        if surplus > 0:
            del self._tail[:surplus]
            self.left_out += surplus

    def body(self) -> bytes:
        gap = f"\n... {self.left_out} bytes left out ...\n".encode() if self.left_out else b""
        return bytes(self._head + gap + self._tail)


class _Pipe:
    """Reads a pipe of our own making, so that nobody who keeps the other end can hold us up."""

    def __init__(self, limit: int) -> None:
        self.kept = _Kept(limit)
        self.reading, self.writing = os.pipe()
        self._transport: asyncio.ReadTransport | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        self._transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self.reading, "rb", 0)
        )
        self.reading = -1
        self._task = asyncio.create_task(self._pump(reader))

    async def _pump(self, reader: asyncio.StreamReader) -> None:
        while chunk := await reader.read(65_536):
            self.kept.add(chunk)

    def close_writing(self) -> None:
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1

    async def drained(self) -> None:
        """Wait for the end of the stream, not for ever: a daemon may have kept the other end."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=_DRAIN_SECONDS)

    async def close(self) -> None:
        self.close_writing()
        if self.reading >= 0:
            os.close(self.reading)
            self.reading = -1
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._transport is not None:
            self._transport.close()


def minimal_environment() -> dict[str, str]:
    """What a program needs to find other programs and its home, and nothing that steers it."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TZ", "TMPDIR") if key in os.environ}
    return kept | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


async def run(
    argv: Sequence[str],
    *,
    timeout_ms: int,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    keep_bytes: int = KEEP_BYTES,
) -> Finished:
    """Run `argv` (no shell), input empty, and wait at most `timeout_ms` for it.

    At the time-out, or when the caller is cancelled, the program and everything that descends from
    it is killed, sessions of their own or not. When it ends by itself, what it left in its own
    process group is killed; what it put into a session of its own is let live, because that is how
    a program starts a service. Raises StartError.
    """
    mark = Mark(_RUN_MARK, uuid.uuid4().hex)
    out, err = _Pipe(keep_bytes), _Pipe(keep_bytes)
    try:
        environment = {**minimal_environment(), **(env or {}), mark.name: mark.value}
        process = await _start(argv, cwd, environment, out, err)
        try:
            return await _wait(process, out, err, timeout_ms, mark)
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.ensure_future(_end_all(process, mark)))
            raise
    finally:
        await out.close()
        await err.close()


async def _start(
    argv: Sequence[str],
    cwd: str | None,
    env: Mapping[str, str],
    out: _Pipe,
    err: _Pipe,
) -> asyncio.subprocess.Process:
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out.writing,
            stderr=err.writing,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = str(error)
        if isinstance(error, OSError) and error.strerror:
            reason = f"{error.strerror}: {error.filename or argv[0]}"
        raise StartError(one_line(f"cannot start {argv[0]}: {reason}")) from error
    finally:
        out.close_writing()
        err.close_writing()
    return process


async def _wait(
    process: asyncio.subprocess.Process, out: _Pipe, err: _Pipe, timeout_ms: int, mark: Mark
) -> Finished:
    code: int | None = None
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            await out.start()
            await err.start()
            code = await process.wait()
    except TimeoutError:
        await _end_all(process, mark)
    else:
        await _end_group(process.pid, mark)
    await out.drained()
    await err.drained()
    cut = bool(out.kept.left_out or err.kept.left_out)
    return Finished(code, out.kept.body(), err.kept.body(), cut)


async def _end_all(process: asyncio.subprocess.Process, mark: Mark) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGSTOP)  # so that less can fork away while we look
    root = None
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(process.pid)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(_ENDERS, end, Kin(root=root, mark=mark))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_REAP_SECONDS):
            await process.wait()


async def _end_group(pid: int, mark: Mark) -> None:
    """Kill what an ended program left in its own process group."""
    try:
        os.killpg(pid, 0)
    except OSError:
        return  # the usual case: nobody is left
    await asyncio.get_running_loop().run_in_executor(_ENDERS, _end_members_of, pid, mark)


def _end_members_of(group: int, mark: Mark) -> None:
    # The group's number could have gone to a stranger by now; a stranger does not carry the mark.
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == group and process.environ().get(mark.name) == mark.value:
                process.kill()

"""The socket of a host: one line of JSON in, one line out. `ask` reads and changes nothing; `do` changes something; never both.

The two words are apart on purpose: a program that wants to know whether a halt stands can never order one by mistake.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allstop.errors import AllstopError, Invalid, Unavailable

_LARGEST = 65_536
_PATIENCE_S = 5.0
_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end, as the kernel says."""

    pid: int
    uid: int


Answer = Callable[[str, dict[str, Any], Peer], Awaitable[dict[str, Any]]]


class Door:
    """Serves requests on a socket that every local user may connect to; `answer` decides who may do what."""

    def __init__(self, path: Path, ask: Answer, do: Answer) -> None:
        self._path = path
        self._answers = {"ask": ask, "do": do}
        self._server: asyncio.Server | None = None
        self._open = 0

    async def start(self) -> None:
        """Raises Unavailable when another process serves it."""
        if self._path.exists() and _answers(self._path):
            raise Unavailable(
                f"another process serves {self._path}", "allstop host status shows which."
            )
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=_LARGEST)
        self._path.chmod(0o666)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            said = (
                {"ok": False, "because": "too many at once, try again"}
                if self._open > _AT_ONCE
                else await self._answered(reader, _peer(writer))
            )
            writer.write(json.dumps(said).encode() + b"\n")
            async with asyncio.timeout(_PATIENCE_S):
                await writer.drain()
        except (OSError, TimeoutError):
            pass  # whoever asked is gone
        finally:
            self._open -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answered(self, reader: asyncio.StreamReader, peer: Peer) -> dict[str, Any]:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                line = await reader.readline()
            kind, what, body = _request(line)
            return {"ok": True} | await self._answers[kind](what, body, peer)
        except (TimeoutError, ValueError):
            return {"ok": False, "because": "no line of JSON of at most 64 KiB came in time"}
        except AllstopError as error:
            return {"ok": False, "because": error.text, "hint": error.hint}


def _request(line: bytes) -> tuple[str, str, dict[str, Any]]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise Invalid("that is no JSON", "") from None
    if not isinstance(found, dict) or len({"ask", "do"} & set(found)) != 1:
        raise Invalid('a request has either "ask" (reads) or "do" (changes), never both', "")
    kind = "ask" if "ask" in found else "do"
    what = found.pop(kind)
    if not isinstance(what, str):
        raise Invalid(f"{kind} names what, in one word", "")
    return kind, what, found


def _peer(writer: asyncio.StreamWriter) -> Peer:
    raw = writer.get_extra_info("socket").getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
    )
    pid, uid, _ = struct.unpack("3i", raw)
    return Peer(pid, uid)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def call(path: Path, request: dict[str, Any], patience_s: float = _PATIENCE_S) -> dict[str, Any]:
    """Ask the host process once. Raises Unavailable when it does not answer, Invalid with what it refused."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(patience_s)
        try:
            line.connect(str(path))
            line.sendall(json.dumps(request).encode() + b"\n")
            body = b""
            while not body.endswith(b"\n") and (more := line.recv(65_536)):
                body += more
            found = json.loads(body)
        except (OSError, ValueError) as error:
            why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
            raise Unavailable(
                f"no host process answers at {path}: {why}", "Start it: allstop host run"
            ) from error
    if not found.get("ok"):
        raise Invalid(str(found.get("because", "refused")), str(found.get("hint", "")))
    return dict(found)

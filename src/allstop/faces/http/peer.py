"""uvicorn's HTTP protocol, with the peer of the Unix socket and with bounds on the head."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from allstop.faces.http.guards import PEER, SECURITY_HEADERS
from allstop.faces.http.problems import MEDIA_TYPE, Malformed, problem_of

_CREDENTIALS = struct.Struct("3i")  # process id, user id, group id
HEAD_LIMIT = 64_000
HEAD_WITHIN_S = 20.0


class PeerProtocol(HttpToolsProtocol):
    """Puts the peer's user id into the scope's state; ends connections that never finish a head."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._peer: int | None = None
        self._in_head = True
        self._head_bytes = 0
        self._impatience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._peer = peer_uid(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._calm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_LIMIT and not self.transport.is_closing():
            self.send_400_response("the head of the request is too long")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._peer is not None:
            self.scope["state"][PEER] = self._peer

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._calm()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._head_bytes = True, 0

    def send_400_response(self, msg: str) -> None:
        """A problem, as everywhere else. There is no request yet that could have an id or a path."""
        found = problem_of(Malformed(msg), 400, "", "")
        body = msgspec.json.encode(found)
        lines = ["HTTP/1.1 400 Bad Request", f"content-type: {MEDIA_TYPE}", "connection: close"]
        lines += [f"{name.lower()}: {value}" for name, value in SECURITY_HEADERS.items()]
        lines += [f"content-length: {len(body)}", "", ""]
        self.transport.write("\r\n".join(lines).encode("ascii") + body)
        self.transport.close()

    def _expect_head(self) -> None:
        self._impatience = self.loop.call_later(HEAD_WITHIN_S, self._give_up)

    def _give_up(self) -> None:
        if self._in_head and not self.transport.is_closing():
            self.transport.close()

    def _calm(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None


def peer_uid(transport: asyncio.Transport) -> int | None:
    """The user behind a Unix socket, by the kernel's word; None on TCP and where it is not told."""
    sock = transport.get_extra_info("socket")
    if sock is None or sock.family != socket.AF_UNIX:
        return None
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except (AttributeError, OSError):
        return None
    return int(_CREDENTIALS.unpack(raw)[1])

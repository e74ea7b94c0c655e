"""A share of the watchers, in a process of its own: `python audience.py KIND PORT COUNT [TOKEN]`.

Raw protocols on one event loop. Says `ready` when all of them are connected and listen, and then for each message one
line: how many it was, and when the last of them had it (seconds of the clock all processes of a machine share).
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast

import uvloop

AT_ONCE = 200


class Audience:
    """Counts who has which message."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._have: dict[int, int] = {}
        self._ready = 0

    def listens(self) -> None:
        self._ready += 1
        if self._ready == self._count:
            print("ready", flush=True)

    def has(self, number: int) -> None:
        self._have[number] = self._have.get(number, 0) + 1
        if self._have[number] == self._count:
            print(number, time.perf_counter(), flush=True)


class Watcher(asyncio.Protocol):
    """One connection. opening: what it sends; greeting: what it waits for before it listens; message: what begins one,
    end: what ends it."""

    def __init__(
        self, audience: Audience, opening: bytes, greeting: bytes, message: bytes, end: bytes
    ) -> None:
        self._audience = audience
        self._opening, self._greeting, self._message, self._end = opening, greeting, message, end
        self._rest = b""
        self._listens = False
        self._messages = 0
        self.ready = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports write without saying so by their type.
        cast("asyncio.WriteTransport", transport).write(self._opening)

    def data_received(self, data: bytes) -> None:
        rest = self._rest + data if self._rest else data
        if not self._listens:
            if self._greeting not in rest:
                self._rest = rest
                return
            self._listens, rest = True, rest.partition(self._greeting)[2]
            self.ready.set_result(None)
            self._audience.listens()
        while (begins := rest.find(self._message)) >= 0:
            ends = rest.find(self._end, begins + len(self._message))
            if ends < 0:
                break
            rest = rest[ends + len(self._end) :]
            self._messages += 1
            self._audience.has(self._messages)
        self._rest = rest

    def connection_lost(self, error: Exception | None) -> None:
        sys.exit(f"a watcher was cut off: {error}, {self._rest[:300]!r}")


async def watch(kind: str, port: int, count: int, token: str) -> None:
    audience = Audience(count)
    words = _nats() if kind == "nats" else _orders(port, token)
    loop = asyncio.get_running_loop()
    for start in range(0, count, AT_ONCE):
        share = min(AT_ONCE, count - start)
        made = await asyncio.gather(
            *(
                loop.create_connection(lambda: Watcher(audience, *words), "127.0.0.1", port)
                for _ in range(share)
            )
        )
        await asyncio.gather(*(protocol.ready for _, protocol in made))
    await loop.run_in_executor(None, sys.stdin.read)  # until whoever started this is through


def _orders(port: int, token: str) -> tuple[bytes, bytes, bytes, bytes]:
    """The stream of orders; what stands when it is opened is the greeting."""
    head = (
        f"GET /api/v1/orders/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n"
    )
    return head.encode(), b'"}\n\n', b"event: order\ndata: ", b"\n\n"


def _nats() -> tuple[bytes, bytes, bytes, bytes]:
    opening = b'CONNECT {"verbose":false,"pedantic":false}\r\nSUB halts 1\r\nPING\r\n'
    return opening, b"PONG\r\n", b"MSG halts 1 ", b'"}\r\n'


if __name__ == "__main__":
    uvloop.run(watch(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), "".join(sys.argv[4:])))

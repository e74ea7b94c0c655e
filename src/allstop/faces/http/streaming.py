"""Server-sent events: the log as it grows, resumable by position."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from allstop.application.coordinator import Coordinator
from allstop.application.shapes import Entry
from allstop.application.streams import incident_of
from allstop.application.views import Views
from allstop.domain.record import Record
from allstop.errors import Unauthenticated, Unavailable
from allstop.faces.http.shapes import encode

MOST_WATCHERS = 2000
HEARTBEAT_S = 15.0
# How long a browser waits before it comes back, in milliseconds.
RETRY_MS = 2000
KEPT = 1000
Recognise = Callable[[], object]


class Streams:
    """All open streams of the process: bounded, fed from one encoding per entry, ended together."""

    def __init__(self, coordinator: Coordinator, *, most: int = MOST_WATCHERS) -> None:
        self._coordinator = coordinator
        self._most = most
        self._ended = asyncio.Event()
        self._encoded: OrderedDict[tuple[int, str], bytes] = OrderedDict()
        self.watchers = 0

    @property
    def stopping(self) -> bool:
        return self._ended.is_set()

    def end(self) -> None:
        """Close every stream, and open no more."""
        self._ended.set()

    def open(
        self, views: Views, after: int, incident: str, recognise: Recognise, *, head: bool
    ) -> Response:
        """A stream of entries above a position. Raises Unavailable when there are too many.

        views: as the watcher may see them; recognise: asked again and again; the stream ends when it raises Unauthenticated.
        """
        if self.stopping:
            raise Unavailable("the coordinator is stopping", "come back in a moment")
        if self.watchers >= self._most:
            text = f"{self._most} watchers follow the log already"
            raise Unavailable(text, "come back later, or read the timeline instead")
        headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
        if head:
            return Response(headers=headers, media_type="text/event-stream")
        return EventStream(self, views, after, incident, recognise, headers)

    def now_ms(self) -> int:
        return self._coordinator.clock.now().monotonic_ms

    def follow(self, after: int) -> AsyncGenerator[Record, None]:
        # `follow` is written as a generator and typed as an iterator; it has to be closed.
        return cast("AsyncGenerator[Record, None]", self._coordinator.hub.follow(after))

    def encoded(self, views: Views, record: Record) -> bytes:
        """One event; thousands of watchers from whom nothing is hidden share the bytes."""
        (entry,) = views.entries((record,))
        if views.reader.hidden:
            return views.reader.text(_event(entry).decode()).encode()
        key = (record.position, entry.correction)
        found = self._encoded.get(key)
        if found is None:
            found = self._encoded[key] = _event(entry)
            if len(self._encoded) > KEPT:
                self._encoded.popitem(last=False)
        return found

    def concerns(self, record: Record, incident: str) -> bool:
        """Whether an entry belongs to the incident, one of its halts or one of its plans."""
        return incident_of(self._coordinator.post.world, record.stream) == incident

    async def ended(self) -> None:
        await self._ended.wait()


def _event(entry: Entry) -> bytes:
    head = f"id: {entry.position}\nevent: {entry.kind}\ndata: ".encode()
    return head + encode(entry) + b"\n\n"


class EventStream(Response):
    """Sends entries one by one, each as soon as it is durable; waits for a slow reader, not for it alone."""

    media_type = "text/event-stream"

    def __init__(
        self, streams: Streams, views: Views, after: int, incident: str, recognise: Recognise,
        headers: dict[str, str],
    ) -> None:  # fmt: skip
        super().__init__(None, 200, headers)
        del self.headers["content-length"]
        self._recognise = recognise
        self._asked_ms = streams.now_ms()
        self._streams = streams
        self._views = views
        self._after = after
        self._incident = incident

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        self._streams.watchers += 1
        try:
            await send(head)
            await self._run(receive, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._streams.watchers -= 1

    async def _run(self, receive: Receive, send: Send) -> None:
        async def put(chunk: bytes) -> None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

        # The first id, so that a reader who loses the connection before any entry misses none.
        await put(f"retry: {RETRY_MS}\nid: {self._after}\n\n".encode())
        gone = asyncio.create_task(_gone(receive))
        ended = asyncio.create_task(self._streams.ended())
        async with aclosing(self._streams.follow(self._after)) as records:
            try:
                await self._forward(records, put, {gone, ended})
            finally:
                await _cancel(gone, ended)

    async def _forward(
        self,
        records: AsyncGenerator[Record, None],
        put: Callable[[bytes], Awaitable[None]],
        ends: set[asyncio.Task[None]],
    ) -> None:
        coming: asyncio.Task[Record] = asyncio.create_task(_next(records))
        try:
            while True:
                done, _ = await asyncio.wait(
                    {coming, *ends}, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED
                )
                if done & ends or not self._still_known():
                    return
                if not done:
                    await put(b": still here\n\n")
                    continue
                record = coming.result()
                coming = asyncio.create_task(_next(records))
                if self._wanted(record):
                    await put(self._streams.encoded(self._views, record))
        finally:
            await _cancel(coming)

    def _wanted(self, record: Record) -> bool:
        """Of one incident only its entries are sent, and none once it is hidden from the watcher."""
        if not self._incident:
            return True
        visible = self._views.reader.sees(self._incident)
        return visible and self._streams.concerns(record, self._incident)

    def _still_known(self) -> bool:
        """Whether whoever began this may go on; asked about once per heartbeat."""
        now = self._streams.now_ms()
        if now - self._asked_ms < HEARTBEAT_S * 1000:
            return True
        self._asked_ms = now
        try:
            self._recognise()
        except Unauthenticated:
            return False
        return True


async def _next(records: AsyncGenerator[Record, None]) -> Record:
    return await anext(records)


async def _gone(receive: Receive) -> None:
    """Return when the reader has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(*tasks: asyncio.Task[object]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

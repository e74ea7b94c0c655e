"""Server-sent events: the standing order, whole, whenever it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from allstop.application.standing_orders import StandingOrders
from allstop.errors import Unauthenticated, Unavailable
from allstop.faces.http.streaming import RETRY_MS, Streams

MOST_FOLLOWERS = 20_000
HEARTBEAT_S = 15.0


@dataclass(slots=True)
class Followers:
    """How many streams of orders are open."""

    count: int = 0
    most: int = MOST_FOLLOWERS

    def check(self) -> None:
        """Raises Unavailable when there are too many."""
        if self.count >= self.most:
            text = f"{self.most} streams of orders are open already"
            raise Unavailable(text, "ask for /api/v1/orders now and then instead")


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows. recognise: asked again and again, the stream ends when it raises Unauthenticated;
    present: held while the stream is open."""

    recognise: Callable[[], object]
    present: AbstractContextManager[None]


class OrderStream(Response):
    """Sends what stands now, and then every order as it is signed. Thousands share the bytes of each.

    An order says everything, so whoever is slow or was away needs only the newest: none is queued.
    """

    media_type = "text/event-stream"

    def __init__(
        self, orders: StandingOrders, streams: Streams, followers: Followers, who: Follower
    ) -> None:
        super().__init__(None, 200, {"X-Accel-Buffering": "no", "Cache-Control": "no-store"})
        del self.headers["content-length"]
        self._orders = orders
        self._streams = streams
        self._followers = followers
        self._who = who

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        self._followers.count += 1
        try:
            with self._who.present:
                await send(head)
                await self._run(receive, send)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._followers.count -= 1

    async def _run(self, receive: Receive, send: Send) -> None:
        async def put(chunk: bytes) -> None:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

        gone = asyncio.create_task(_gone(receive))
        ended = asyncio.create_task(self._streams.ended())
        waker = self._orders.waker()
        # One thing to wait for, whatever happens: a thousand streams wake without a task for each.
        for task in (gone, ended):
            task.add_done_callback(lambda _: waker.set())
        try:
            await put(b"retry: %d\n\n" % RETRY_MS)
            await self._follow(waker, put, lambda: gone.done() or ended.done())
        finally:
            self._orders.forget(waker)
            for task in (gone, ended):
                task.cancel()
            await asyncio.gather(gone, ended, return_exceptions=True)

    async def _follow(
        self,
        waker: asyncio.Event,
        put: Callable[[bytes], Awaitable[None]],
        over: Callable[[], bool],
    ) -> None:
        loop = asyncio.get_running_loop()
        sent, asked_at = 0, loop.time()
        while not over():
            waker.clear()
            order = self._orders.current()
            if order.seq != sent:
                sent = order.seq
                await put(order.event)
                if waker.is_set():
                    continue  # a newer one was signed meanwhile
            beat = loop.call_later(HEARTBEAT_S, waker.set)
            try:
                await waker.wait()
            finally:
                beat.cancel()
            if loop.time() - asked_at >= HEARTBEAT_S and not over():
                asked_at = loop.time()
                if not self._still_known():
                    return
                await put(b": still here\n\n")

    def _still_known(self) -> bool:
        try:
            self._who.recognise()
        except Unauthenticated:
            return False
        return True


async def _gone(receive: Receive) -> None:
    """Return when the reader has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass

"""Wakes whoever waits for the log to grow: the runner, the timekeeper, live views."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from itertools import takewhile

from allstop.application.codec import read_record
from allstop.application.ports import Committed, Listener, Store
from allstop.domain.record import Record

RING = 5000
BATCH = 500


class Hub:
    """Fans committed entries out, in order, without holding anybody up.

    A watcher that falls behind the ring reads the log; one that disconnects resumes by position.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ring: deque[Record] = deque(maxlen=RING)
        # In order of arrival: the order of waking must not depend on addresses in memory.
        self._wakers: dict[asyncio.Event, None] = {}
        self._listeners: dict[Listener, None] = {}
        # How far this hub was told, which may lag the store by a turn of the event loop. Waiting for
        # the store's own position would spin: the news can only arrive while nobody runs.
        self._told = store.last_position()
        store.on_commit(self._committed)

    def waker(self) -> asyncio.Event:
        """An event that is set at every commit; the holder clears it. Give it back with `forget`."""
        waker = asyncio.Event()
        self._wakers[waker] = None
        return waker

    def forget(self, waker: asyncio.Event) -> None:
        self._wakers.pop(waker, None)

    def listen(self, listener: Listener) -> None:
        """Call it with what was committed, in order, before anybody is woken. End it with `unlisten`."""
        self._listeners[listener] = None

    def unlisten(self, listener: Listener) -> None:
        self._listeners.pop(listener, None)

    async def follow(self, after: int) -> AsyncIterator[Record]:
        """Entries with a position above `after`, for ever."""
        waker = self.waker()
        try:
            while True:
                waker.clear()
                for record in self._since(after):
                    after = record.position
                    yield record
                if self._told <= after:
                    await waker.wait()
        finally:
            self.forget(waker)

    def _since(self, after: int) -> list[Record]:
        if self._ring and self._ring[0].position <= after + 1:
            # From the newest backwards: thousands ask at once, and each for what has just come.
            new = takewhile(lambda record: record.position > after, reversed(self._ring))
            return list(new)[::-1]
        return [read_record(stored) for stored in self._store.records(after, BATCH)]

    def _committed(self, batch: Sequence[Committed]) -> None:
        for one in batch:
            self._ring.extend(one.records)
            if one.records:
                self._told = one.records[-1].position
        for listener in tuple(self._listeners):
            listener(batch)
        for waker in self._wakers:
            waker.set()

"""What waits for the writer, most urgent lane first, in order of arrival within a lane."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allstop import errors
from allstop.adapters.sqlite.pen import Pen
from allstop.domain.effects import LANES, Lane


@dataclass(slots=True, eq=False)
class Job:
    """One thing to do with the pen, and what became of it.

    announce: its result is a Committed that listeners hear of.
    """

    lane: Lane
    action: Callable[[Pen], Any]
    future: asyncio.Future[Any]
    announce: bool = False
    result: Any = None
    error: BaseException | None = None


class LaneQueue:
    """Filled from the event loop, emptied by the writer's thread."""

    def __init__(self) -> None:
        self._lanes: dict[Lane, deque[Job]] = {lane: deque() for lane in LANES}
        self._changed = threading.Condition(threading.Lock())
        self._closed = False

    def put(self, job: Job) -> None:
        """Raises errors.Unavailable once the queue is closed."""
        with self._changed:
            if self._closed:
                raise errors.Unavailable("the store is closed")
            self._lanes[job.lane].append(job)
            self._changed.notify()

    def take(self) -> Job | None:
        """Wait for the most urgent job; None when the queue is closed and empty."""
        with self._changed:
            while True:
                job = self._first(LANES)
                if job is not None or self._closed:
                    return job
                self._changed.wait()

    def more(self, *, halts_only: bool) -> Job | None:
        """The most urgent job that waits now, without waiting for one."""
        with self._changed:
            return self._first(LANES[:1] if halts_only else LANES)

    def close(self) -> None:
        """Take no more; what waits is still done."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def drain(self) -> list[Job]:
        """Close, and take out everything that still waits."""
        with self._changed:
            self._closed = True
            left = [job for lane in self._lanes.values() for job in lane]
            for lane in self._lanes.values():
                lane.clear()
            return left

    def _first(self, lanes: tuple[Lane, ...]) -> Job | None:
        for lane in lanes:
            if self._lanes[lane]:
                return self._lanes[lane].popleft()
        return None

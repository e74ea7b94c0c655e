"""Time that moves only when nobody has anything left to do."""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from allstop.domain.moment import Now

START = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


class Deadlock(RuntimeError):
    """Nobody is waiting for any instant: the program would sleep for ever."""


class VirtualTime:
    """Microseconds since the beginning, and what the outside world does at which of them.

    It outlives the coordinator: what was sent before a crash still arrives after it. wall_us: how
    far the wall clock was stepped; boot: identity of the machine's boot.
    """

    def __init__(self) -> None:
        self.us = 0
        self.wall_us = 0
        self.boot = 1
        self._booted_us = 0
        self._plans: list[tuple[int, int, Callable[[], None]]] = []
        self._count = 0

    def now(self) -> Now:
        monotonic = (self.us - self._booted_us) // 1000
        utc = START + timedelta(microseconds=self.us + self.wall_us)
        return Now(utc, monotonic, f"boot-{self.boot}")

    def reboot(self) -> None:
        """The monotonic clock starts again from nothing."""
        self.boot += 1
        self._booted_us = self.us

    def after(self, us: int, what: Callable[[], None]) -> None:
        """Do something in the outside world that much later."""
        self._count += 1
        heapq.heappush(self._plans, (self.us + max(us, 0), self._count, what))

    def next_plan(self) -> int | None:
        return self._plans[0][0] if self._plans else None

    def move_to(self, us: int) -> None:
        """Let the time pass, and everything happen that the outside world has planned until then."""
        while self._plans and self._plans[0][0] <= us:
            at, _, what = heapq.heappop(self._plans)
            self.us = max(self.us, at)
            what()
        self.us = max(self.us, us)


class VirtualSelector(selectors.BaseSelector):
    """Instead of sleeping it moves the time to the next timer, or to the outside world's next plan."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._keys: dict[Any, selectors.SelectorKey] = {}
        self.ending = False

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is not None and timeout <= 0:
            self._time.move_to(self._time.us)
            return []
        if self.ending:
            raise Deadlock("a task outlived the end of its process")
        plan = self._time.next_plan()
        timer = None if timeout is None else self._time.us + max(1, round(timeout * SECOND))
        if plan is None and timer is None:
            raise Deadlock("nothing is scheduled, neither a timer nor anything outside")
        self._time.move_to(min(one for one in (plan, timer) if one is not None))
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = selectors.SelectorKey(fileobj, 0, events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on virtual time."""

    def __init__(self, time: VirtualTime) -> None:
        self._virtual = time
        self.selector = VirtualSelector(time)
        super().__init__(self.selector)
        # asyncio treats timers within this distance as due; ours are whole microseconds.
        self._clock_resolution = 1e-6
        self.set_exception_handler(lambda *_: None)

    def time(self) -> float:
        return self._virtual.us / SECOND


class InlineLoop(VirtualLoop):
    """What would go to a thread is done at once: threads know nothing of virtual time."""

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        del executor
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  (whoever awaits it gets it)
            done.set_exception(error)
        return done


class VirtualClock:
    """The clock port."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time

    def now(self) -> Now:
        return self._time.now()

    async def sleep(self, milliseconds: int) -> None:
        await asyncio.sleep(max(0, milliseconds) / 1000)

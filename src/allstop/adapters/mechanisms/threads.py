"""Blocking work in threads of its own kind, so that what hangs in one place delays nothing elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from allstop.adapters.mechanisms.deadline import Deadline

T = TypeVar("T")

_SLACK_MS = 200
_JUST_BEGUN_NS = 1_000_000_000
# Ordinary pieces take a tenth of a millisecond; on a machine that is very busy, some.
_LONG_NS = 10_000_000


class ThreadPool:
    """A bounded number of threads for short work."""

    def __init__(self, name: str, size: int) -> None:
        self._threads = ThreadPoolExecutor(size, thread_name_prefix=f"allstop-{name}")

    async def run(self, work: Callable[[], T], timeout_ms: int) -> T:
        """Raises what the work raises, and TimeoutError (without a text) while it goes on."""
        job = asyncio.get_running_loop().run_in_executor(self._threads, work)
        async with asyncio.timeout(timeout_ms / 1000):
            return await job

    async def by(self, deadline: Deadline, work: Callable[[], T]) -> T:
        """`run`, a moment beyond the deadline: what minds it (a lock, a walk) ends by itself, and says why."""
        return await self.run(work, deadline.left_ms() + _SLACK_MS)


class ShortWork:
    """Short blocking work in as few threads as keep it moving.

    Pieces run one after another, because threads that compete for the interpreter hold each other up; as soon
    as one takes long, those that wait run beside it, in up to `size` threads. The threads do not keep the
    process from ending.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = f"allstop-{name}"
        self._size = size
        self._lock = threading.Lock()
        self._waiting: deque[Piece] = deque()
        self._idle: list[_Hand] = []
        self._busy: dict[_Hand, int] = {}
        self._helped_by: asyncio.AbstractEventLoop | None = None

    async def run(self, work: Callable[[], T], timeout_ms: int) -> T:
        """Raises what the work raises, and TimeoutError (without a text) while it goes on.

        Work that nobody waits for any more, and that has not begun, is not done.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self.put(Piece(work, loop, [answer]))
        return await _heard(answer, timeout_ms)

    async def by(self, deadline: Deadline, work: Callable[[], T]) -> T:
        """`run`, a moment beyond the deadline: what minds it (a lock, a walk) ends by itself, and says why."""
        return await self.run(work, deadline.left_ms() + _SLACK_MS)

    def put(self, piece: Piece) -> None:
        """Have it done. Raises RuntimeError when no thread can be had."""
        with self._lock:
            self._waiting.append(piece)
            since = time.monotonic_ns() - _LONG_NS
            if all(began < since for began in self._busy.values()):
                self._call_one()
            elif self._helped_by is not piece.loop:
                self._helped_by = piece.loop
                piece.loop.call_later(_LONG_NS / 1e9, self._help, piece.loop)

    def _help(self, loop: asyncio.AbstractEventLoop) -> None:
        """Somebody has waited for a while: then for somebody who takes long, or there is much to do."""
        with self._lock:
            self._helped_by = None
            since = time.monotonic_ns() - _LONG_NS
            if self._waiting and any(began < since for began in self._busy.values()):
                for _ in range(len(self._waiting)):
                    self._call_one()
            elif self._waiting:
                self._helped_by = loop
                loop.call_later(_LONG_NS / 1e9, self._help, loop)

    def _call_one(self) -> None:
        """Have one more thread work, if there may be one more. The lock is held."""
        if len(self._busy) >= self._size:
            return
        hand = self._idle.pop() if self._idle else _Hand(threading.Lock())
        self._busy[hand] = time.monotonic_ns()
        if hand.thread is not None:
            hand.turn.release()
            return
        hand.turn.acquire()
        hand.thread = threading.Thread(
            target=self._work, args=(hand,), name=self._name, daemon=True
        )
        try:
            hand.thread.start()
        except RuntimeError:
            del self._busy[hand]
            raise

    def _work(self, hand: _Hand) -> None:
        while True:
            with self._lock:
                piece = self._waiting.popleft() if self._waiting else None
                if piece is None:
                    del self._busy[hand]
                    self._idle.append(hand)
                else:
                    self._busy[hand] = time.monotonic_ns()
            if piece is None:
                hand.turn.acquire()
            else:
                piece.do()


@dataclass(slots=True, eq=False)
class _Hand:
    """A thread; `turn` is released when there is something to do for one that had nothing to do."""

    turn: threading.Lock
    thread: threading.Thread | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """One piece of work. answers: who waits for it, on its loop; always: it is done even when nobody does any
    more."""

    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    answers: list[asyncio.Future[Any]]
    always: bool = False

    def do(self) -> None:
        """Do it, and tell whoever waits."""
        if not self.always and all(answer.done() for answer in self.answers):
            return
        found, error = None, None
        try:
            found = self.work()
        except BaseException as raised:  # noqa: BLE001 - handed to whoever waits
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self.loop.call_soon_threadsafe(self._tell, found, error)

    def _tell(self, found: Any, error: BaseException | None) -> None:
        for answer in self.answers:
            if answer.done():
                continue
            if error is None:
                answer.set_result(found)
            else:
                answer.set_exception(error)


async def _heard(answer: asyncio.Future[T], timeout_ms: int) -> T:
    """What is answered. Raises TimeoutError (without a text) when that takes longer."""
    timer = answer.get_loop().call_later(timeout_ms / 1000, _too_late, answer)
    try:
        return await answer
    finally:
        timer.cancel()


def _too_late(answer: asyncio.Future[Any]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


class StillLookingError(Exception):
    """An earlier look at the same thing has not come back yet."""


# As many as there are things to look at: those that hang must leave one for the others.
_LOOKING = ShortWork("look", 100_000)


class HangingLooks(Generic[T]):
    """Looks at things that may hang for ever, such as a file on a mount whose server is away.

    At most one look hangs for each thing: who asks while it has just begun gets its answer, and once
    it hangs later ones at the same thing fail at once, and others not at all. The threads do not keep
    the process from ending.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, tuple[int, Piece]] = {}

    async def look(self, thing: Hashable, work: Callable[[], T], timeout_ms: int) -> T:
        """Raises StillLookingError, TimeoutError, and what the work raises."""
        loop = asyncio.get_running_loop()
        now = time.monotonic_ns()
        began, piece = self._under_way.get(thing, (now, None))
        if piece is None:
            piece = self._begin(thing, work, loop)
        elif now - began > _JUST_BEGUN_NS or piece.loop is not loop:
            raise StillLookingError("an earlier look at it has not come back")
        answer: asyncio.Future[T] = loop.create_future()
        piece.answers.append(answer)
        return await _heard(answer, timeout_ms)

    def _begin(
        self, thing: Hashable, work: Callable[[], T], loop: asyncio.AbstractEventLoop
    ) -> Piece:
        def run() -> T:
            try:
                return work()
            finally:
                self._under_way.pop(thing, None)

        # Whoever asks while it goes on is added: they are told on the loop, where they ask.
        piece = Piece(run, loop, [], always=True)
        self._under_way[thing] = (time.monotonic_ns(), piece)
        try:
            _LOOKING.put(piece)
        except RuntimeError:
            self._under_way.pop(thing, None)
            raise
        return piece

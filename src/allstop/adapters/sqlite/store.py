"""The store port on SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from allstop import errors
from allstop.adapters.sqlite import faults, schema
from allstop.adapters.sqlite.ballast import Ballast
from allstop.adapters.sqlite.connections import Readers
from allstop.adapters.sqlite.lane_queue import Job
from allstop.adapters.sqlite.lock import Lock
from allstop.adapters.sqlite.opening import open_database
from allstop.adapters.sqlite.pen import Pen
from allstop.adapters.sqlite.reading import Reading
from allstop.adapters.sqlite.writer import Dropped, Writer
from allstop.application.ports import (
    Checkpoint,
    Claim,
    Committed,
    CrashPoints,
    Listener,
    TurnView,
    Write,
)
from allstop.domain.effects import LANES, Lane


def _reach_nothing(name: str) -> None:
    """No crash points."""


class SqliteStore(Reading):
    """One database file, one coordinator.

    die: called with one line when the disk can no longer be trusted, must end the process;
    crash: named places for tests (`store.before-commit`, `store.after-commit`,
    `store.before-answer`), reached in the writer's thread; factory, known: for tests.
    """

    def __init__(
        self, path: Path, *, die: Callable[[str], None] = faults.die,
        crash: CrashPoints | None = None, factory: type[sqlite3.Connection] = sqlite3.Connection,
        known: Sequence[schema.Migration] | None = None,
    ) -> None:  # fmt: skip
        self._path = path
        self._die = die
        self._reach = crash.reach if crash is not None else _reach_nothing
        self._factory = factory
        self._known = schema.shipped() if known is None else known
        self._lock = Lock(path.with_name(path.name + ".lock"))
        self._writer: Writer | None = None
        self._listeners: list[Listener] = []
        self._dropped: list[Dropped] = []

    async def open(self, incarnation: str) -> None:
        if self._writer is not None:
            raise errors.Unavailable("the store is open already")
        loop = asyncio.get_running_loop()
        self._writer = await asyncio.to_thread(self._open, incarnation, loop)
        self._writer.start()

    def _open(self, incarnation: str, loop: asyncio.AbstractEventLoop) -> Writer:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock.take()
        except OSError as error:
            raise errors.Unavailable(
                f"the folder of the database cannot be used: {error}",
                "Check that it belongs to you, or name another --home.",
            ) from error
        try:
            opened = open_database(self._path, self._known, self._factory)
            ballast = Ballast(self._path.with_name(self._path.name + ".ballast"))
            pen = Pen(opened, incarnation)
            try:
                self._adopt(pen, ballast)
                self._readers = Readers(self._path)
            except sqlite3.Error as error:
                opened.connection.close()
                raise faults.explain_opening(error, self._path) from error
        except BaseException:
            # Whatever ended it, an interrupt too: a store that is not open holds no lock.
            self._lock.drop()
            raise
        ballast.raise_up()
        writer = Writer(pen, self._path, ballast, loop, self._die, self._reach)
        writer.listeners = self._listeners
        writer.dropped = self._dropped
        return writer

    def _adopt(self, pen: Pen, ballast: Ballast) -> None:
        """A coordinator must be able to start on a full disk, for halts."""
        try:
            pen.adopt()
        except sqlite3.Error as error:
            if not faults.is_full(error) or not ballast.give_up():
                raise
            pen.adopt()

    async def close(self) -> None:
        """Do what waits, then close. Closing twice does nothing."""
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        writer.queue.close()
        await asyncio.to_thread(writer.join)
        if self._readers is not None:
            readers, self._readers = self._readers, None
            readers.close()
        self._lock.drop()

    # --- writing -------------------------------------------------------------------------------

    async def write(self, lane: Lane, turn: Callable[[TurnView], Write]) -> Committed:
        return await self._do(lane, lambda pen: pen.write(turn), announce=True)  # type: ignore[no-any-return]

    async def claim(
        self, lanes: Sequence[Lane], limit: int, now: datetime, *, under_way: int | None = None
    ) -> list[Claim]:
        urgent = min(lanes, key=LANES.index, default=None)
        if urgent is None or limit < 1:
            return []
        return await self._do(urgent, lambda pen: pen.claim(lanes, limit, now, under_way))  # type: ignore[no-any-return]

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        await self._do(Lane.COMMAND, lambda pen: pen.add_checkpoint(checkpoint))

    async def put_token(self, digest: str, principal: str, expires_at: datetime | None) -> None:
        await self._do(Lane.COMMAND, lambda pen: pen.put_token(digest, principal, expires_at))

    async def drop_tokens(self, principal: str) -> int:
        # Revoking is urgent, and must go through on a full disk.
        return int(await self._do(Lane.APPROVAL, lambda pen: pen.drop_tokens(principal)))

    async def _do(self, lane: Lane, action: Callable[[Pen], Any], *, announce: bool = False) -> Any:
        if self._writer is None:
            raise errors.Unavailable("the store is not open")
        future = asyncio.get_running_loop().create_future()
        self._writer.queue.put(Job(lane, action, future, announce))
        return await future

    # --- listening -----------------------------------------------------------------------------

    def on_commit(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def on_dropped(self, listener: Dropped) -> None:
        """Call `listener` in the writer's thread, before the next turn, with the tags (oldest
        first) of writes that were applied but are not kept, because the disk is full."""
        self._dropped.append(listener)

    def size_bytes(self) -> int:
        """The database and its write-ahead log on the disk."""
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

"""The thread that owns the write connection: batches, group commit, and what to do when it fails."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from allstop import errors
from allstop.adapters.sqlite import faults
from allstop.adapters.sqlite.ballast import Ballast
from allstop.adapters.sqlite.lane_queue import Job, LaneQueue
from allstop.adapters.sqlite.pen import Pen
from allstop.application.ports import Committed, Conflict, Listener
from allstop.domain.effects import Lane

BATCH = 256
# How long a batch may grow: as long as so many of the last syncs took, and so many nanoseconds in any case.
SYNC_SHARE = 4
BATCH_NS = 2_000_000
URGENT = (Lane.HALT, Lane.APPROVAL)
_CHECKPOINT_AFTER_CHANGES = 1_000
_CHECKPOINT_AFTER_BYTES = 4_000_000

Dropped = Callable[[Sequence[Any]], None]
_NO_SPACE = errors.Unavailable(
    "the disk is full: only halts and approvals are recorded",
    "Free some space beside the database; writing goes on by itself.",
)


class Writer:
    """Runs jobs in a thread of its own, several to a sync.

    A batch ends at once behind a halt, so that its sync does not wait for less urgent work.
    """

    def __init__(
        self, pen: Pen, path: Path, ballast: Ballast, loop: asyncio.AbstractEventLoop,
        die: Callable[[str], None], reach: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.queue = LaneQueue()
        self.listeners: list[Listener] = []
        self.dropped: list[Dropped] = []
        self._pen = pen
        self._path = path
        self._ballast = ballast
        self._loop = loop
        self._die = die
        self._reach = reach
        self._sync_ns = 0
        self._checkpointed = pen.connection.total_changes
        self._thread = threading.Thread(target=self._run, name="allstop-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Wait until everything taken is done and the connection is closed."""
        self._thread.join()

    # --- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while (job := self.queue.take()) is not None:
                if not self._batch(job):
                    return
            self._close()
        except BaseException as error:  # noqa: BLE001  a writer that is gone must not be waited for
            self._end(f"the writer failed: {type(error).__name__}: {error}", [])

    def _batch(self, first: Job, size: int = BATCH) -> bool:
        """Do and sync one batch; False when the handle may not be used again."""
        jobs: list[Job] = []
        try:
            self._fill(first, jobs, size)
            self._commit()
        except sqlite3.Error as error:
            if first not in jobs:
                jobs.append(first)
            self._take_back(jobs)
            if faults.is_full(error):
                return self._without_space(jobs)
            if faults.is_fatal(error) or self._pen.connection.in_transaction:
                self._end(f"{self._path}: {error}; not trusting the disk any more", jobs)
                return False
            self._fail(jobs, faults.explain(error, self._path))
        self._deliver(jobs)
        return self._checkpoint()

    def _fill(self, first: Job, jobs: list[Job], size: int) -> None:
        self._pen.connection.execute("BEGIN IMMEDIATE")
        job: Job | None = first
        halt = False
        # What was decided first waits for its whole batch: no longer than makes the sync worth while.
        until = time.monotonic_ns() + max(BATCH_NS, SYNC_SHARE * self._sync_ns)
        while job is not None:
            jobs.append(job)
            if self._admit(job):
                self._turn(job, alone=len(jobs) == 1)
            halt = halt or job.lane is Lane.HALT
            full = len(jobs) >= size or time.monotonic_ns() >= until
            job = None if full else self.queue.more(halts_only=halt)

    def _admit(self, job: Job) -> bool:
        """While the ballast is gone the freed space belongs to halts and approvals."""
        if job.lane in URGENT or self._ballast.stands or self._ballast.raise_up():
            return True
        job.error = _NO_SPACE
        return False

    def _turn(self, job: Job, *, alone: bool) -> None:
        """Run one job; take its part back when it raises. Raises what ends the whole batch."""
        connection = self._pen.connection
        if not alone:
            connection.execute("SAVEPOINT turn")
        back, changes = self._pen.mark(), connection.total_changes
        try:
            job.result = job.action(self._pen)
        except sqlite3.Error as error:
            if faults.is_fatal(error) or faults.is_full(error):
                raise
            if isinstance(error, sqlite3.IntegrityError):
                job.error = Conflict(f"the write does not fit what is stored: {error}")
            else:
                job.error = faults.explain(error, self._path)
        except BaseException as error:  # noqa: BLE001  a turn's exception belongs to its author
            job.error = error
        if job.error is not None:
            back()
            if alone and connection.total_changes != changes:
                connection.execute("ROLLBACK")
                connection.execute("BEGIN IMMEDIATE")
            elif not alone:
                connection.execute("ROLLBACK TO turn")
        if not alone:
            connection.execute("RELEASE turn")

    def _commit(self) -> None:
        self._reach("store.before-commit")
        began = time.monotonic_ns()
        try:
            self._pen.connection.execute("COMMIT")
        except sqlite3.Error as error:
            if not faults.is_full(error):
                # Whatever it says: whether the disk holds the batch is not known.
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise
        self._sync_ns = time.monotonic_ns() - began
        self._pen.settle()
        self._reach("store.after-commit")

    # --- when it fails -------------------------------------------------------------------------

    def _take_back(self, jobs: list[Job]) -> None:
        """Undo a batch of which nothing was acknowledged."""
        connection = self._pen.connection
        if connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except sqlite3.Error:
                return  # still in a transaction: the caller ends the process
        self._pen.rewind()
        tags = [job.result.tag for job in jobs if job.announce and job.result is not None]
        for job in jobs:
            job.result = None
        for listener in self.dropped if tags else ():
            listener(tags)

    def _without_space(self, jobs: list[Job]) -> bool:
        """The disk is full. Urgent turns are run once more in the space of the ballast."""
        urgent = [job for job in jobs if job.lane in URGENT]
        freed = bool(urgent) and self._ballast.give_up()
        if not freed:
            self._fail(jobs, _NO_SPACE)
            self._deliver(jobs)
            return True
        others = [job for job in jobs if job.lane not in URGENT]
        self._fail(others, _NO_SPACE)
        self._deliver(others)
        for place, job in enumerate(urgent):
            job.error = None
            # Alone: a less urgent turn would put the ballast back before this one is safe.
            if not self._batch(job, 1):
                self._answer(urgent[place + 1 :], errors.Unavailable("the store has ended"))
                return False
        return True

    def _fail(self, jobs: list[Job], error: errors.AllstopError) -> None:
        for job in jobs:
            job.error = job.error or error

    def _end(self, text: str, jobs: list[Job]) -> None:
        self._die(text)
        # Reached in tests only, where `die` returns.
        self._answer([*jobs, *self.queue.drain()], errors.Unavailable("the store has ended"))

    def _answer(self, jobs: list[Job], error: errors.AllstopError) -> None:
        for job in jobs:
            job.error = error
        self._deliver(jobs)

    # --- after the sync ------------------------------------------------------------------------

    def _deliver(self, jobs: list[Job]) -> None:
        self._reach("store.before-answer")
        try:
            self._loop.call_soon_threadsafe(self._tell, jobs)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    def _tell(self, jobs: list[Job]) -> None:
        """On the event loop: listeners first, then whoever waits."""
        news: list[Committed] = [job.result for job in jobs if job.announce and job.error is None]
        for listener in self.listeners if news else ():
            try:
                listener(news)
            except Exception as error:  # noqa: BLE001  a listener must not hide that a write is durable
                self._loop.call_exception_handler(
                    {"message": "a commit listener failed", "exception": error}
                )
        for job in jobs:
            if job.future.done():
                continue
            if job.error is None:
                job.future.set_result(job.result)
            elif isinstance(job.error, StopIteration):
                job.future.set_exception(RuntimeError("a turn raised StopIteration"))
            else:
                job.future.set_exception(job.error)

    def _checkpoint(self) -> bool:
        """Move the write-ahead log into the database now and then, and look at the result.

        SQLite's automatic checkpoints swallow their errors, a failed sync among them.
        """
        connection = self._pen.connection
        few = connection.total_changes - self._checkpointed < _CHECKPOINT_AFTER_CHANGES
        if few and self._pen.volume < _CHECKPOINT_AFTER_BYTES:
            return True
        self._checkpointed, self._pen.volume = connection.total_changes, 0
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as error:
            if faults.is_fatal(error):
                self._end(f"{self._path}: {error}; not trusting the disk any more", [])
                return False
        return True

    def _close(self) -> None:
        try:
            self._pen.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            if faults.is_fatal(error):
                self._end(f"{self._path}: {error}; not trusting the disk any more", [])
        self._pen.connection.close()

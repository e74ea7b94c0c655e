"""The store port without files or threads."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allstop import errors
from allstop.adapters.memory_store.disk import MemoryDisk, Row
from allstop.application import digests
from allstop.application.claiming import claimed_at_once, with_claims
from allstop.application.codec import read_effect, write_effect
from allstop.application.heads import (
    EPOCH,
    REFUSALS_KEPT,
    REPLIES_LIVE,
    Heads,
    check_ending,
    committed,
    written_at,
)
from allstop.application.ports import (
    Checkpoint,
    Claim,
    Committed,
    Conflict,
    CrashPoints,
    EffectRow,
    EffectState,
    Finish,
    Listener,
    RefusalEntry,
    Reply,
    StoredRecord,
    TokenRow,
    TurnView,
    Write,
)
from allstop.domain.effects import LANES, Effect, Lane

Dropped = Callable[[Sequence[Any]], None]


@dataclass(slots=True, eq=False)
class _Job:
    """plan: checks without changing anything, and returns what to do at the commit."""

    plan: Callable[[_Job], Callable[[], Any]]
    future: asyncio.Future[Any]
    draft: Write | None = None


class MemoryStore:
    """Runs one turn per commit, on the event loop, the most urgent of those waiting first.

    crash: reached at `store.before-commit` and `store.after-commit`. When it raises an
    AllstopError before the commit, that turn fails with it and nothing is written (a full disk);
    when it raises anything else, the program has crashed: everything that waits, and everything
    that comes, gets that exception, and `disk` holds what was durable.
    """

    def __init__(self, disk: MemoryDisk | None = None, crash: CrashPoints | None = None) -> None:
        self.disk = disk if disk is not None else MemoryDisk()
        self._crash = crash
        self._heads = Heads()
        self._latest = EPOCH
        self._incarnation = ""
        self._queue: list[tuple[int, int, _Job]] = []
        self._arrivals = 0
        self._is_open = False
        self._ended: BaseException | None = None
        self._listeners: list[Listener] = []
        self._dropped: list[Dropped] = []

    async def open(self, incarnation: str) -> None:
        if self.disk.held:
            raise errors.Unavailable("another coordinator holds this database", "Close it first.")
        heads = Heads()
        for entry in self.disk.events:
            heads.extend((entry,))
            self._latest = max(self._latest, entry.at)
        heads.settle()
        self._heads = heads
        self._incarnation = incarnation
        for row in list(self.disk.claimed.values()):
            row.state, row.due_at, row.token = EffectState.UNKNOWN, EPOCH, ""
            row.because = f"the coordinator {row.incarnation} ended before it reported"
            self.disk.waiting[read_effect(row.effect).id] = row
        self.disk.claimed.clear()
        self.disk.held = self._is_open = True

    async def close(self) -> None:
        if self._is_open:
            while self._queue:
                self._step()
            self._is_open = self.disk.held = False

    def abandon(self) -> None:
        """Forget everything that is not durable, as a crash does; the disk is free again."""
        self._end(errors.Unavailable("the store has ended"))

    # --- turns ---------------------------------------------------------------------------------

    async def write(self, lane: Lane, turn: Callable[[TurnView], Write]) -> Committed:
        def plan(job: _Job) -> Callable[[], Committed]:
            draft = turn(self)
            commit = self._planned(draft)
            if draft.applied is not None:
                draft.applied()
            job.draft = draft
            return commit

        return await self._do(lane, plan)  # type: ignore[no-any-return]

    async def _do(self, lane: Lane, plan: Callable[[_Job], Callable[[], Any]]) -> Any:
        if self._ended is not None:
            raise self._ended
        if not self._is_open:
            raise errors.Unavailable("the store is not open")
        loop = asyncio.get_running_loop()
        job = _Job(plan, loop.create_future())
        self._arrivals += 1
        heapq.heappush(self._queue, (LANES.index(lane), self._arrivals, job))
        if len(self._queue) == 1:
            loop.call_soon(self._turn)
        return await job.future

    def _turn(self) -> None:
        if self._queue:
            self._step()
        if self._queue:
            asyncio.get_running_loop().call_soon(self._turn)

    def _step(self) -> None:
        job = heapq.heappop(self._queue)[2]
        try:
            commit = self._prepared(job)
            if commit is not None:
                result = commit()
                self._reach("store.after-commit")
                self._tell(job, result)
        except BaseException as error:  # noqa: BLE001  the simulated end of the program
            self._end(error, job)

    def _prepared(self, job: _Job) -> Callable[[], Any] | None:
        """What to do at the commit, or None when the job has failed and been told so."""
        try:
            commit = job.plan(job)
        except Exception as error:  # noqa: BLE001  a turn's exception belongs to its author
            _fail(job, error)
            return None
        try:
            self._reach("store.before-commit")
        except errors.AllstopError as error:
            tags = [] if job.draft is None else [job.draft.tag]
            for listener in self._dropped if tags else ():
                listener(tags)
            _fail(job, error)
            return None
        return commit

    def _tell(self, job: _Job, result: Any) -> None:
        for listener in self._listeners if job.draft is not None else ():
            try:
                listener([result])
            except Exception as error:  # noqa: BLE001  a listener must not hide that a write is durable
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "a commit listener failed", "exception": error}
                )
        if not job.future.done():
            job.future.set_result(result)

    def _reach(self, name: str) -> None:
        if self._crash is not None:
            self._crash.reach(name)

    def _end(self, error: BaseException, job: _Job | None = None) -> None:
        self._ended = error
        self._is_open = self.disk.held = False
        for each in [*([job] if job else []), *(item[2] for item in self._queue)]:
            _fail(each, error)
        self._queue.clear()

    # --- what a write does ---------------------------------------------------------------------

    def _planned(self, draft: Write) -> Callable[[], Committed]:
        entries = self._heads.link(draft)
        digests.check(draft)
        at = written_at(draft, self._latest)
        finished = self._held(draft.finish) if draft.finish is not None else None
        effects = [(effect, write_effect(effect)) for effect in draft.effects]
        if len({effect.id for effect, _ in effects} - self.disk.outbox.keys()) != len(effects):
            raise Conflict("the write does not fit what is stored: an effect with that id exists")

        def commit() -> Committed:
            if draft.finish is not None and finished is not None:
                self._finish(draft.finish, finished, at)
            for entry in entries:
                self.disk.events.append(entry)
                self.disk.streams.setdefault(entry.stream, []).append(entry)
            claims = self._asked_for(draft, effects, at)
            self.disk.policies |= draft.policies
            self.disk.blobs |= draft.blobs
            self._beside(draft, at)
            self._heads.extend(entries)
            self._heads.settle()
            self._latest = max(self._latest, at)
            return with_claims(committed(draft, entries), draft, claims)

        return commit

    def _asked_for(
        self, draft: Write, effects: list[tuple[Effect, str]], at: datetime
    ) -> list[Claim]:
        at_once = claimed_at_once(draft, at, self._under_way, self._waits)
        for effect, text in effects:
            row = Row(
                len(self.disk.outbox) + 1, effect.stream, effect.lane, text,
                draft.effects_due or at,
            )  # fmt: skip
            self.disk.outbox[effect.id] = self.disk.waiting[effect.id] = row
        return [self._claim(effect.id) for effect, _ in effects if effect.id in at_once]

    def _under_way(self, lanes: Sequence[Lane]) -> int:
        return sum(row.lane in lanes for row in self.disk.claimed.values())

    def _waits(self, lanes: Sequence[Lane], at: datetime) -> bool:
        return any(row.lane in lanes and row.due_at <= at for row in self.disk.waiting.values())

    def _held(self, finish: Finish) -> Row:
        check_ending(finish)
        row = self.disk.claimed.get(finish.token)
        if row is None:
            raise Conflict(f"claim {finish.token} is no longer held")
        return row

    def _finish(self, finish: Finish, row: Row, at: datetime) -> None:
        del self.disk.claimed[finish.token]
        row.state, row.because, row.token = finish.state, finish.because, ""
        row.due_at = finish.due_at or at
        if finish.state is EffectState.PENDING:
            self.disk.waiting[read_effect(row.effect).id] = row

    def _beside(self, draft: Write, at: datetime) -> None:
        if draft.refusal is not None:
            self.disk.refusals.append(draft.refusal)
            del self.disk.refusals[:-REFUSALS_KEPT]
        if draft.reply is not None:
            key = (draft.reply.principal, draft.reply.key)
            self.disk.replies.pop(key, None)
            self.disk.replies[key] = (draft.reply, at)
            # Oldest first, so pruning stops at the first one that lives.
            while at - next(iter(self.disk.replies.values()))[1] > REPLIES_LIVE:
                del self.disk.replies[next(iter(self.disk.replies))]

    def recall(self, principal: str, key: str) -> Reply | None:
        found = self.disk.replies.get((principal, key))
        return found[0] if found else None

    # --- claims --------------------------------------------------------------------------------

    async def claim(
        self, lanes: Sequence[Lane], limit: int, now: datetime, *, under_way: int | None = None
    ) -> list[Claim]:
        urgent = min(lanes, key=LANES.index, default=None)
        if urgent is None or limit < 1:
            return []

        def plan(_: _Job) -> Callable[[], list[Claim]]:
            ready = [
                (LANES.index(row.lane), row.due_at, row.seq, id)
                for id, row in self.disk.waiting.items()
                if row.lane in lanes and row.due_at <= now
            ]
            most = limit if under_way is None else min(limit, under_way - self._under_way(lanes))
            return lambda: [self._claim(id) for *_, id in heapq.nsmallest(most, ready)]

        return await self._do(urgent, plan)  # type: ignore[no-any-return]

    def _claim(self, id: str) -> Claim:
        row = self.disk.waiting.pop(id)
        observe = row.state is EffectState.UNKNOWN
        row.attempt += 0 if observe else 1
        row.claims += 1
        row.state, row.incarnation = EffectState.CLAIMED, self._incarnation
        row.token = f"{self._incarnation}/{id}/{row.claims}"
        self.disk.claimed[row.token] = row
        return Claim(read_effect(row.effect), row.token, row.attempt, observe)

    def next_due(self, lanes: Sequence[Lane]) -> datetime | None:
        waiting = self.disk.waiting.values()
        return min((row.due_at for row in waiting if row.lane in lanes), default=None)

    # --- listening -----------------------------------------------------------------------------

    def on_commit(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def on_dropped(self, listener: Dropped) -> None:
        """Call `listener`, before the next turn, with the tags of writes applied but not kept."""
        self._dropped.append(listener)

    # --- reading -------------------------------------------------------------------------------

    def records(self, after: int = 0, limit: int = 1000, stream: str = "") -> list[StoredRecord]:
        if not stream:
            return self.disk.events[after : after + limit]
        found = (entry for entry in self.disk.streams.get(stream, ()) if entry.position > after)
        return [entry for entry, _ in zip(found, range(limit), strict=False)]

    def last_position(self) -> int:
        return len(self.disk.events)

    def policies(self) -> dict[str, str]:
        return dict(self.disk.policies)

    def blob(self, sha256: str) -> bytes | None:
        return self.disk.blobs.get(sha256)

    def blob_digests(self) -> list[str]:
        return sorted(self.disk.blobs)

    def effects(self, stream: str = "", limit: int = 200) -> list[EffectRow]:
        every = reversed(self.disk.outbox.copy().values())  # whoever reads may be in another thread
        rows = (row for row in every if stream in ("", row.stream))
        return [
            EffectRow(read_effect(row.effect), row.state, row.attempt, row.due_at, row.because)
            for row, _ in zip(rows, range(limit), strict=False)
        ]

    def refusals(self, limit: int = 100) -> list[RefusalEntry]:
        return list(reversed(self.disk.refusals[-limit:]))

    # --- beside the log ------------------------------------------------------------------------

    async def add_checkpoint(self, checkpoint: Checkpoint) -> None:
        def plan(_: _Job) -> Callable[[], None]:
            if checkpoint.position > len(self.disk.events):
                raise ValueError(f"there is no position {checkpoint.position} yet")
            if checkpoint.position in self.disk.checkpoints:
                raise Conflict(f"position {checkpoint.position} has a checkpoint already")
            return lambda: self.disk.checkpoints.update({checkpoint.position: checkpoint})

        await self._do(Lane.COMMAND, plan)

    def checkpoints(self) -> list[Checkpoint]:
        return [self.disk.checkpoints[position] for position in sorted(self.disk.checkpoints)]

    async def put_token(self, digest: str, principal: str, expires_at: datetime | None) -> None:
        put = {digest: TokenRow(principal, expires_at)}
        await self._do(Lane.COMMAND, lambda _: lambda: self.disk.tokens.update(put))

    def token(self, digest: str, now: datetime) -> str | None:
        row = self.disk.tokens.get(digest)
        return row.principal if row and (row.expires_at is None or row.expires_at > now) else None

    def tokens(self) -> list[TokenRow]:
        return list(self.disk.tokens.values())

    async def drop_tokens(self, principal: str) -> int:
        def drop() -> int:
            of = [digest for digest, row in self.disk.tokens.items() if row.principal == principal]
            for digest in of:
                del self.disk.tokens[digest]
            return len(of)

        return int(await self._do(Lane.APPROVAL, lambda _: drop))

    def size_bytes(self) -> int:
        return sum(len(entry.body) for entry in self.disk.events)


def _fail(job: _Job, error: BaseException) -> None:
    stopped = isinstance(error, StopIteration)
    if not job.future.done():
        job.future.set_exception(RuntimeError("a turn raised StopIteration") if stopped else error)

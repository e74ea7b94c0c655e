"""Any history of writes, claims, reports, crashes and restarts reads the same on every store."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allstop.adapters.memory_store import MemoryDisk, MemoryStore
from allstop.adapters.sqlite import SqliteStore
from allstop.application.ports import (
    Claim,
    Conflict,
    EffectState,
    Finish,
    Places,
    RefusalEntry,
    Reply,
    Store,
)
from allstop.domain.effects import LANES
from allstop.testing.contracts.store_ground import NOW, after, draft, effect, sha256, writing

STREAMS = ("halt/h", "plan/p", "incident/i")
PLACES = (Places(LANES[:2], 1), Places(LANES[2:], 2))
ENDS = (EffectState.PENDING, EffectState.PARKED, EffectState.DONE, EffectState.FAILED)

small = st.integers(0, 4)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("write"), st.lists(st.tuples(st.integers(0, 2), small), max_size=3), small
        ),
        st.tuples(st.just("claim"), st.sets(small, max_size=5), st.integers(0, 3)),
        st.tuples(st.just("finish"), small, st.integers(0, 3)),
        st.tuples(st.just("restart"), st.booleans(), small),
        st.tuples(st.just("tokens"), small, small),
    ),
    max_size=25,
)


class History:
    """Plays steps on one store and writes down everything it shows."""

    def __init__(self, store: Store, again: Callable[[Store, bool], Awaitable[Store]]) -> None:
        self._store = store
        self._again = again
        self._versions: dict[str, int] = {}
        self._claims: list[Claim] = []
        self._starts = 1
        self._effects = 0
        self.seen: list[Any] = []

    async def play(self, todo: list[tuple[Any, ...]]) -> list[Any]:
        await self._store.open("run1")
        for name, one, two in todo:
            try:
                self.seen.append(await getattr(self, name)(one, two))
            except (Conflict, ValueError) as error:
                self.seen.append(type(error).__name__)
            self.look()
        await self._store.close()
        return self.seen

    async def write(self, records: list[tuple[int, int]], lane: int) -> Any:
        drafts = []
        own = dict(self._versions)
        for number, skew in records:
            stream = STREAMS[number]
            version = own.get(stream, 0) + (1 if skew else 2)
            own[stream] = version
            drafts.append(draft(stream, version, f"{skew}"))
        self._effects += 1
        body = str(lane)
        committed = await self._store.write(
            LANES[lane],
            writing(
                *drafts, effects=(effect(f"e{self._effects % 9}", LANES[lane], STREAMS[lane % 3]),),
                policies={sha256(body.encode()): body}, reply=Reply("person:ada", body, "d", body),
                effects_due=after(lane) if lane > 2 else NOW, places=PLACES if lane % 2 == 0 else (),
                refusal=RefusalEntry(NOW, "person:bob", body, ("x",)),
            ),
        )  # fmt: skip
        self._versions = own
        self._claims += committed.claims
        return committed

    async def claim(self, lanes: set[int], limit: int) -> Any:
        now = NOW + timedelta(seconds=limit)
        named = [LANES[lane] for lane in sorted(lanes)]
        found = await self._store.claim(named, limit, now, under_way=2 if limit == 3 else None)
        self._claims += found
        return found

    async def finish(self, which: int, end: int) -> Any:
        token = self._claims[which % len(self._claims)].token if self._claims else "none"
        finish = Finish(token, ENDS[end], "so", after(end) if end else None)
        return await self._store.write(LANES[which], writing(finish=finish))

    async def restart(self, crash: bool, _: int) -> None:
        self._store = await self._again(self._store, crash)
        self._starts += 1
        await self._store.open(f"run{self._starts}")

    async def tokens(self, one: int, two: int) -> Any:
        await self._store.put_token(f"d{one}", f"person:{two}", after(one) if two else None)
        live = [self._store.token(f"d{n}", after(2)) for n in range(5)]
        return live, await self._store.drop_tokens(f"person:{one}")

    def look(self) -> None:
        store = self._store
        self.seen.append((store.records(), store.records(1, 2), store.last_position()))
        self.seen.append([store.records(stream=stream) for stream in STREAMS])
        self.seen.append((store.effects(), store.effects("plan/p", 2), store.policies()))
        self.seen.append([store.next_due([lane]) for lane in LANES])
        self.seen.append((store.next_due(LANES), store.refusals(3), store.checkpoints()))


async def on_memory(todo: list[tuple[Any, ...]]) -> list[Any]:
    disk = MemoryDisk()

    async def again(store: Store, crash: bool) -> Store:
        assert isinstance(store, MemoryStore)
        if crash:
            store.abandon()
        else:
            await store.close()
        return MemoryStore(disk)

    return await History(MemoryStore(disk), again).play(todo)


async def on_sqlite(todo: list[tuple[Any, ...]], folder: Path) -> list[Any]:
    count = 0
    path = folder / "0" / "allstop.db"

    async def again(store: Store, crash: bool) -> Store:
        nonlocal count, path
        if crash:
            count += 1
            left = folder / str(count) / "allstop.db"
            left.parent.mkdir()
            for suffix in ("", "-wal"):
                shutil.copy(f"{path}{suffix}", f"{left}{suffix}")
            path = left
        await store.close()
        return SqliteStore(path)

    return await History(SqliteStore(path), again).play(todo)


# Each of five hundred histories is written to a real disk; on a busy one that takes more than a minute.
@pytest.mark.timeout(300)
@given(todo=steps)
def test_sqlite_and_memory_show_the_same_after_any_history(todo: list[tuple[Any, ...]]) -> None:
    """Given any steps, when they are played on both stores, then both show the same throughout."""
    with tempfile.TemporaryDirectory() as folder:
        expected = asyncio.run(on_memory(todo))
        found = asyncio.run(on_sqlite(todo, Path(folder)))
    assert found == expected

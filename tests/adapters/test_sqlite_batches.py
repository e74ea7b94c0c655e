"""How the SQLite store shares a sync: who waits for whom, and what a batch that is not kept leaves behind."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from allstop import errors
from allstop.adapters.sqlite import SqliteStore
from allstop.application.ports import Committed, EffectState, Finish, Places, TurnView, Write
from allstop.domain.effects import LANES, Lane
from allstop.testing.contracts.store_ground import after, effect, writing

PLACES = (Places((Lane.COMMAND,), 1),)


class FullAtTimes(sqlite3.Connection):
    """A connection to a disk that is full whenever somebody says so."""

    full = threading.Event()

    def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:
        if sql == "COMMIT" and self.full.is_set():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return super().execute(sql, *more)


async def test_a_batch_ends_when_it_has_taken_long_enough(tmp_path: Path) -> None:
    """Given a turn that takes longer than a batch may, when others wait behind it, then its batch ends with it:
    it is durable and told before they are decided."""
    store = SqliteStore(tmp_path / "allstop.db")
    await store.open("one")
    batches: list[list[str]] = []

    def listen(news: Sequence[Committed]) -> None:
        batches.append([one.tag for one in news])

    store.on_commit(listen)
    queued = threading.Event()

    def turn(name: str, *, seconds: float = 0) -> Callable[[TurnView], Write]:
        def run(_: TurnView) -> Write:
            queued.wait(10)
            time.sleep(seconds)
            return Write(tag=name)

        return run

    async def let_go() -> None:
        queued.set()

    await asyncio.gather(
        store.write(Lane.COMMAND, turn("slow", seconds=0.5)),
        store.write(Lane.COMMAND, turn("second")),
        store.write(Lane.COMMAND, turn("third")),
        let_go(),
    )
    await store.close()
    assert batches[0] == ["slow"]
    assert [name for batch in batches[1:] for name in batch] == ["second", "third"]


async def test_a_batch_that_is_not_kept_gives_its_places_back(tmp_path: Path) -> None:
    """Given a full disk, when a write that claims is not kept, then nothing of it is held, and the next one gets
    the place; and an end that is not kept leaves the place taken."""
    store = SqliteStore(tmp_path / "allstop.db", factory=FullAtTimes)
    await store.open("one")
    try:
        FullAtTimes.full.set()
        with pytest.raises(errors.Unavailable):
            await store.write(Lane.COMMAND, writing(effects=(effect("a"),), places=PLACES))
        FullAtTimes.full.clear()
        committed = await store.write(Lane.COMMAND, writing(effects=(effect("b"),), places=PLACES))
        assert [one.effect.id for one in committed.claims] == ["b"]
        assert store.next_due(LANES) is None
        end = Finish(committed.claims[0].token, EffectState.DONE, "")
        FullAtTimes.full.set()
        with pytest.raises(errors.Unavailable):
            await store.write(Lane.COMMAND, writing(finish=end))
        FullAtTimes.full.clear()
        full = await store.write(Lane.COMMAND, writing(effects=(effect("c"),), places=PLACES))
        assert full.claims == ()
        await store.write(Lane.COMMAND, writing(finish=end))
        freed = await store.claim(LANES, 5, after(0), under_way=1)
        assert [one.effect.id for one in freed] == ["c"]
    finally:
        FullAtTimes.full.clear()
        await store.close()

"""Following the log: in order, once each, and without holding up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from allstop.adapters.sqlite import SqliteStore
from allstop.application.codec import canonical
from allstop.application.hub import Hub
from allstop.application.ports import Committed, TurnView, Write
from allstop.domain.effects import Lane
from allstop.domain.incident.events import NoteAdded
from allstop.domain.record import Record

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
ENTRIES = 200


def note(number: int) -> Write:
    event = NoteAdded(f"note {number}")
    record = Record(0, "incident/INC-1", number, "note.added", 1, AT, "person:ada", "", event)
    return Write(records=(record,), bodies=(canonical(event),))


async def test_a_follower_sees_every_entry_once_while_they_are_written(tmp_path: Path) -> None:
    """Given a follower, when entries are written in a burst, then it gets each once, in order.

    The store commits in its own thread, so for a moment it is ahead of what the hub was told; a
    follower that waited for the store's position would spin and never hear the news.
    """
    store = SqliteStore(tmp_path / "log.db")
    await store.open("first")
    hub = Hub(store)
    seen: list[int] = []

    async def follow() -> None:
        async for record in hub.follow(0):
            seen.append(record.position)
            if len(seen) == ENTRIES:
                return

    follower = asyncio.create_task(follow())
    for number in range(1, ENTRIES + 1):

        def turn(_: TurnView, number: int = number) -> Write:
            return note(number)

        await store.write(Lane.COMMAND, turn)
    await asyncio.wait_for(follower, 10)
    await store.close()

    assert seen == list(range(1, ENTRIES + 1))


async def test_a_follower_resumes_behind_the_position_it_names(tmp_path: Path) -> None:
    """Given a log of five entries, when somebody follows from the third, then two more come."""
    store = SqliteStore(tmp_path / "log.db")
    await store.open("first")
    for number in range(1, 6):

        def turn(_: TurnView, number: int = number) -> Write:
            return note(number)

        await store.write(Lane.COMMAND, turn)
    hub = Hub(store)
    seen = []
    async for record in hub.follow(3):
        seen.append(record.position)
        if len(seen) == 2:
            break
    await store.close()

    assert seen == [4, 5]


async def test_a_listener_hears_every_commit_until_it_has_enough(tmp_path: Path) -> None:
    """Given a listener, when entries are written, then it hears of each before their author does, and of none
    once it does not listen any more."""
    store = SqliteStore(tmp_path / "log.db")
    await store.open("first")
    hub = Hub(store)
    heard: list[int] = []

    def listen(news: Sequence[Committed]) -> None:
        heard.extend(record.position for one in news for record in one.records)

    hub.listen(listen)
    await store.write(Lane.COMMAND, lambda _: note(1))
    assert heard == [1]
    await store.write(Lane.COMMAND, lambda _: note(2))
    assert heard == [1, 2]
    hub.unlisten(listen)
    await store.write(Lane.COMMAND, lambda _: note(3))
    await store.close()
    assert heard == [1, 2]

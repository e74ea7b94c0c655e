"""Where the store contract stands: places, stores on them, and drafts to write."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from allstop.application.codec import canonical
from allstop.application.ports import (
    Store,
    TurnView,
    Write,
)
from allstop.domain.effects import Effect, Lane, Purpose
from allstop.domain.halt.events import AgentConfirmed
from allstop.domain.record import Record
from allstop.domain.registry import kind_of, schema_of

NOW = datetime(2026, 3, 1, 12, 0, 0, 250, UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def draft(stream: str, version: int, text: str = "seen", at: datetime = NOW) -> Record:
    """An entry as the application drafts it."""
    event = AgentConfirmed("agent-1", text)
    return Record(
        0, stream, version, kind_of(event), schema_of(event), at, "person:ada", "req-1", event
    )


def effect(id: str, lane: Lane = Lane.COMMAND, stream: str = "plan/p") -> Effect:
    return Effect(
        id, stream, Purpose.STEP, "step-1", "shell", "run", "checkout", {"n": 1}, lane, 5_000, 7
    )


def writing(*records: Record, **also: Any) -> Callable[[TurnView], Write]:
    """A turn that writes these entries and whatever else is named."""
    bodies = tuple(canonical(record.event) for record in records)
    return lambda _: Write(records=records, bodies=bodies, **also)


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


class StoreGround:
    """`place` is where the durable contents of a store live, of any type."""

    pytestmark = pytest.mark.asyncio

    def place(self, folder: Path) -> Any:
        """A place where no store has been yet."""
        raise NotImplementedError

    def make(self, place: Any) -> Store:
        """A store on that place, not yet open."""
        raise NotImplementedError

    def crashed(self, store: Store, place: Any, folder: Path) -> Any:
        """The place as a crash of the coordinator at this moment would leave it."""
        raise NotImplementedError

    @pytest.fixture
    def here(self, tmp_path: Path) -> Any:
        return self.place(tmp_path)

    @pytest_asyncio.fixture
    async def store(self, here: Any) -> AsyncIterator[Store]:
        store = self.make(here)
        await store.open("one")
        yield store
        await store.close()

    async def reopened_after_crash(self, store: Store, here: Any, folder: Path) -> Store:
        again = self.make(self.crashed(store, here, folder))
        await again.open("two")
        return again

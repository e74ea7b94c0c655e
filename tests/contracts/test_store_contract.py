"""The store contract on each store that comes with Allstop."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from allstop.adapters.memory_store import MemoryDisk, MemoryStore
from allstop.adapters.sqlite import SqliteStore
from allstop.application.ports import Store
from allstop.testing.contracts.store import StoreContract


class TestMemoryStore(StoreContract):
    def place(self, folder: Path) -> Any:
        return MemoryDisk()

    def make(self, place: Any) -> Store:
        return MemoryStore(place)

    def crashed(self, store: Store, place: Any, folder: Path) -> Any:
        assert isinstance(store, MemoryStore)
        store.abandon()
        return place


class TestSqliteStore(StoreContract):
    def place(self, folder: Path) -> Any:
        return folder / "home" / "allstop.db"

    def make(self, place: Any) -> Store:
        return SqliteStore(place)

    def crashed(self, store: Store, place: Any, folder: Path) -> Any:
        """The files as the page cache has them now: what a killed process leaves."""
        left = folder / "crashed" / "allstop.db"
        left.parent.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(f"{place}{suffix}", f"{left}{suffix}")
        return left

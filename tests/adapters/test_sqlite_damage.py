"""Damaged files: the store refuses to run on them and says how to restore, never a traceback."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from allstop import errors
from allstop.adapters.sqlite import SqliteLog, SqliteStore
from allstop.domain.effects import Lane
from allstop.testing.contracts.store_ground import draft, effect, sha256, writing

ENTRIES = 60


async def fill(store: SqliteStore) -> None:
    await store.open("one")
    for version in range(1, ENTRIES + 1):
        turn = writing(
            draft("plan/p", version, f"text {version} " * 20),
            effects=(effect(f"e{version}"),), policies={sha256(b"{}"): "{}"},
        )  # fmt: skip
        await store.write(Lane.COMMAND, turn)


async def read(path: Path) -> list[str]:
    store = SqliteStore(path)
    await store.open("two")
    try:
        assert len(store.records(stream="plan/p")) == store.last_position()
        return [entry.hash for entry in store.records()]
    finally:
        await store.close()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A database closed in order: everything is in the main file."""

    async def make() -> None:
        store = SqliteStore(tmp_path / "good" / "allstop.db")
        await fill(store)
        await store.close()

    asyncio.run(make())
    return tmp_path / "good" / "allstop.db"


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """A database as a kill leaves it: everything is in the write-ahead log."""

    async def make() -> None:
        store = SqliteStore(tmp_path / "live" / "allstop.db")
        await fill(store)
        (tmp_path / "left").mkdir()
        for name in ("allstop.db", "allstop.db-wal"):
            shutil.copy(tmp_path / "live" / name, tmp_path / "left" / name)
        await store.close()

    asyncio.run(make())
    return tmp_path / "left" / "allstop.db"


def refused(path: Path, match: str | None = None) -> errors.Corrupt:
    with pytest.raises(errors.Corrupt, match=match) as caught:
        asyncio.run(read(path))
    assert "backup" in caught.value.hint
    return caught.value


@pytest.mark.parametrize("size", [0, 1, 99, 100, 4096, 20_000])
def test_a_cut_file_is_refused(good: Path, size: int) -> None:
    """Given a database cut to any length, when it is opened, then it is called damaged."""
    with good.open("r+b") as file:
        file.truncate(size)
    refused(good)


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    """Given a text file, and a database of another program, then neither is touched."""
    text = tmp_path / "allstop.db"
    text.write_text("not a database\n" * 100)
    refused(text, "not a database")
    other = tmp_path / "other.db"
    connection = sqlite3.connect(other)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    refused(other, "not a database of Allstop")


def test_a_database_that_is_gone_while_its_log_is_there_is_refused(left: Path) -> None:
    """Given only a write-ahead log, when it is opened, then no new database hides the loss."""
    left.unlink()
    refused(left, "still there")


def tamper(path: Path, *statements: str) -> None:
    """Change a database behind the store's back, as someone with a shell could."""
    connection = sqlite3.connect(path, isolation_level=None)
    schema = connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for (name,) in names:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for (sql,) in schema:
        connection.execute(sql)
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET body = replace(body, 'text 7 ', 'text 8 ') WHERE position = 7",
        "UPDATE events SET at = replace(at, 'Z', '+00:00') WHERE position = 7",
        "UPDATE events SET at = 'yesterday' WHERE position = 7",
        "UPDATE events SET actor = 'person:eve' WHERE position = 7",
        "UPDATE events SET cause = '' WHERE position = 7",
        "UPDATE events SET kind = 'agent.told' WHERE position = 7",
        "UPDATE events SET schema = 2 WHERE position = 7",
        "UPDATE events SET stream = 'plan/q' WHERE position = 7",
        "UPDATE events SET prev = hash WHERE position = 7",
        "UPDATE events SET hash = prev WHERE position = 7",
        "DELETE FROM events WHERE position = 7",
        "DELETE FROM events WHERE position = 1",
        "UPDATE policies SET body = '{ }'",
        "UPDATE outbox SET effect = replace(effect, 'checkout', 'payments') WHERE id = 'e9'",
    ],
)
def test_a_changed_row_is_found_at_the_start(good: Path, statement: str) -> None:
    """Given one edited, moved or removed row, when the store opens, then it refuses to run."""
    tamper(good, statement)
    refused(good)


def test_a_removed_trigger_is_found_at_the_start(good: Path) -> None:
    """Given a database without its guards, when the store opens, then it refuses to run."""
    connection = sqlite3.connect(good)
    connection.execute("DROP TRIGGER events_keep")
    connection.close()
    refused(good, "triggers")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'person:eve' WHERE position = 7",
        "DELETE FROM events WHERE position = 7",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE position = 7",
        "REPLACE INTO events SELECT 61, stream, 7, '', 1, at, '', '', body, prev, hash FROM events",
        "REPLACE INTO policies SELECT digest, '{ }' FROM policies",
        "UPDATE policies SET body = '{ }'",
    ],
)
def test_the_database_itself_keeps_the_log_append_only(good: Path, statement: str) -> None:
    """Given any program with the connection settings of ours, then SQL cannot rewrite history."""
    connection = sqlite3.connect(good, isolation_level=None)
    connection.execute("PRAGMA recursive_triggers=ON")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()
    assert len(asyncio.run(read(good))) == ENTRIES


def test_one_flipped_bit_anywhere_is_detected_or_harmless(good: Path, tmp_path: Path) -> None:
    """Given 150 copies with one flipped bit each, then each is refused or reads as before."""
    chance = random.Random(11)
    whole = good.read_bytes()
    before = asyncio.run(read(good))
    seen: Counter[str] = Counter()
    for number in range(150):
        place, bit = chance.randrange(len(whole)), chance.randrange(8)
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        copy = tmp_path / f"copy{number}" / "allstop.db"
        copy.parent.mkdir()
        copy.write_bytes(damaged)
        try:
            after = asyncio.run(read(copy))
        except (errors.Corrupt, errors.Unavailable) as error:
            seen[type(error).__name__ if error.hint else "without a hint"] += 1
        else:
            assert after == before, f"bit {bit} of byte {place}"
            seen["harmless"] += 1
        shutil.rmtree(copy.parent)
    assert seen["Corrupt"] > 40, seen
    assert not seen["without a hint"]


def test_a_flipped_bit_in_the_write_ahead_log_never_loses_an_acknowledged_commit(
    left: Path, tmp_path: Path
) -> None:
    """Given 100 crashed copies with a flipped bit in the log, then refused, or nothing is missing.

    SQLite itself stops its replay at the damaged frame and says nothing. Only damage in the very
    last commit cannot be told from a write that was cut off by the crash.
    """
    chance = random.Random(5)
    whole = left.with_name("allstop.db-wal").read_bytes()
    seen: Counter[str] = Counter()
    for number in range(100):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        copy = tmp_path / f"copy{number}" / "allstop.db"
        copy.parent.mkdir()
        shutil.copy(left, copy)
        copy.with_name("allstop.db-wal").write_bytes(damaged)
        try:
            after = asyncio.run(read(copy))
        except errors.Corrupt:
            seen["refused"] += 1
        else:
            assert len(after) >= ENTRIES - 1
            seen["as before" if len(after) == ENTRIES else "last commit"] += 1
        shutil.rmtree(copy.parent)
    assert seen["refused"] > 80, seen


def test_a_crashed_log_that_ends_in_the_middle_of_a_frame_is_replayed(left: Path) -> None:
    """Given a write that the crash cut off, when the store opens, then the commits before it are there."""
    log = left.with_name("allstop.db-wal")
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size - 3000)
    assert len(asyncio.run(read(left))) == ENTRIES - 1


def test_a_damaged_file_can_still_be_read_for_the_audit(good: Path) -> None:
    """Given a log the store refuses, when the audit reads it, then it gets what there is."""
    tamper(good, "DELETE FROM events WHERE position = 7")
    log = SqliteLog(good)
    assert len(log.records()) == ENTRIES - 1
    log.close()


def test_the_start_checks_the_whole_log_quickly(tmp_path: Path) -> None:
    """Given 20,000 entries, when the store opens, then its checks take well under two seconds."""

    async def run() -> float:
        store = SqliteStore(tmp_path / "allstop.db")
        await store.open("one")
        for start in range(1, 20_001, 1000):
            drafts = [draft("plan/p", version) for version in range(start, start + 1000)]
            await store.write(Lane.COMMAND, writing(*drafts))
        await store.close()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await store.open("two")
        took = loop.time() - begun
        await store.close()
        return took

    assert asyncio.run(run()) < 2

"""What only the SQLite store has: settings, migrations, limits, and what it does without a disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from allstop import errors
from allstop.adapters.sqlite import SqliteStore, schema
from allstop.adapters.sqlite.connections import connect, expect
from allstop.application.heads import REFUSALS_KEPT
from allstop.application.ports import RefusalEntry, Reply, Write
from allstop.domain.effects import Lane
from allstop.testing.contracts.store_ground import NOW, after, draft, effect, writing

FULL = Path(__file__).with_name("full_disk_child.py")
SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "allstop.db"


# --- settings --------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["rw", "ro"])
async def test_every_connection_syncs_in_full(db: Path, mode: str) -> None:
    """Given any connection of ours, when its settings are read back, then WAL and FULL."""
    store = SqliteStore(db)
    await store.open("one")
    connection = connect(db, mode=mode)
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    connection.close()
    await store.close()


async def test_a_setting_that_does_not_stick_is_an_error(db: Path) -> None:
    """Given a setting SQLite did not take, when it is read back, then the store does not open."""
    connection = sqlite3.connect(db)
    connection.execute("PRAGMA synchronous=NORMAL")
    with pytest.raises(errors.Unavailable, match="synchronous=2"):
        expect(connection, "synchronous", 2)
    connection.close()


async def test_readers_cannot_write(db: Path) -> None:
    """Given a connection for reading, when it writes, then SQLite refuses."""
    store = SqliteStore(db)
    await store.open("one")
    connection = connect(db, mode="ro")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM tokens")
    connection.close()
    await store.close()


async def test_nobody_else_may_read_the_database(tmp_path: Path) -> None:
    """Given a new home, when the store makes its files, then only their user can read them."""
    store = SqliteStore(tmp_path / "home" / "allstop.db")
    await store.open("one")
    await store.write(Lane.HALT, writing(draft("halt/h", 1)))
    for file in (tmp_path / "home").iterdir():
        if "ballast" not in file.name:
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    await store.close()


async def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Given a file where the folder should be, when the store opens, then it says so."""
    (tmp_path / "home").write_text("")
    with pytest.raises(errors.Unavailable, match="folder"):
        await SqliteStore(tmp_path / "home" / "allstop.db").open("one")


async def test_a_crash_while_the_database_is_made_leaves_nothing_in_the_way(db: Path) -> None:
    """Given what a crash during the first start leaves, when it starts again, then it works."""
    db.with_name("allstop.db.new").write_bytes(b"half")
    store = SqliteStore(db)
    await store.open("one")
    await store.write(Lane.HALT, writing(draft("halt/h", 1)))
    await store.close()
    assert not db.with_name("allstop.db.new").exists()


# --- migrations ------------------------------------------------------------------------------

SECOND = schema.Migration(2, "0002_second.sql", "-- more\nCREATE TABLE more (x TEXT) STRICT;\n")
BROKEN = schema.Migration(2, "0002_second.sql", "CREATE TABLE more (x TEXT);\nCREATE TABEL y;\n")


async def version_of(db: Path) -> int:
    connection = sqlite3.connect(db)
    with contextlib.closing(connection):
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


async def made_with(db: Path, *known: schema.Migration) -> None:
    store = SqliteStore(db, known=known)
    await store.open("one")
    await store.write(Lane.HALT, writing(draft("halt/h", store.last_position() + 1)))
    await store.close()


async def test_a_newer_binary_upgrades_and_an_older_one_refuses(db: Path) -> None:
    """Given schema 1, when schema 2 has run on it, then schema 1 refuses and nothing is changed."""
    first = schema.shipped()
    await made_with(db, *first)
    await made_with(db, *first, SECOND)
    assert await version_of(db) == len(first) + 1
    with pytest.raises(errors.Unavailable, match="newer Allstop") as caught:
        await made_with(db, *first)
    assert "newer version" in caught.value.hint
    await made_with(db, *first, SECOND)


async def test_a_migration_that_fails_leaves_the_old_schema(db: Path) -> None:
    """Given a migration with an error in the middle, when it fails, then no half of it is there."""
    first = schema.shipped()
    await made_with(db, *first)
    with pytest.raises(errors.AllstopError):
        await made_with(db, *first, BROKEN)
    assert await version_of(db) == len(first)
    await made_with(db, *first, SECOND)


async def test_a_migration_that_was_changed_afterwards_is_noticed(db: Path) -> None:
    """Given a database, when the text of its migration differs today, then it is refused."""
    first = schema.shipped()
    await made_with(db, *first)
    changed = schema.Migration(1, first[0].name, first[0].text + "\n-- touched\n")
    with pytest.raises(errors.Corrupt, match="migrations"):
        await made_with(db, changed)


def test_migrations_are_numbered_without_gaps() -> None:
    """Given the shipped files, then their names begin with their numbers."""
    assert all(step.name.startswith(f"{step.number:04}_") for step in schema.shipped())


# --- limits ----------------------------------------------------------------------------------


async def test_only_the_newest_refusals_are_kept(db: Path) -> None:
    """Given more refusals than are kept, then the oldest make room, and the log is untouched."""
    store = SqliteStore(db)
    await store.open("one")
    await asyncio.gather(
        *(
            store.write(
                Lane.INTAKE, writing(refusal=RefusalEntry(after(n), "person:eve", f"c{n}", ("no",)))
            )
            for n in range(REFUSALS_KEPT + 50)
        )
    )
    kept = store.refusals(REFUSALS_KEPT * 2)
    assert len(kept) == REFUSALS_KEPT
    assert kept[0].command == f"c{REFUSALS_KEPT + 49}"
    await store.close()


async def test_replies_older_than_a_day_are_forgotten(db: Path) -> None:
    """Given replies of two days ago, when a new coordinator keeps another, then they are gone."""
    store = SqliteStore(db)
    for incarnation, hours in (("one", 0), ("two", 20), ("three", 49)):
        await store.open(incarnation)
        at = NOW + timedelta(hours=hours)
        reply = Reply("person:ada", incarnation, "d", "body")
        await store.write(Lane.HALT, writing(draft(f"halt/{hours}", 1, at=at), reply=reply))
        await store.close()
    await store.open("four")
    found = await store.write(
        Lane.HALT,
        lambda view: Write(
            tag=[view.recall("person:ada", key) is not None for key in ("one", "two", "three")]
        ),
    )
    assert found.tag == [False, False, True]
    await store.close()


async def test_a_turn_whose_statement_fails_half_way_takes_its_own_part_back(db: Path) -> None:
    """Given turns sharing a sync, when one fails after its first statement, nothing of it stays."""
    store = SqliteStore(db)
    await store.open("one")
    await store.write(Lane.COMMAND, writing(effects=(effect("a"),)))
    results = await asyncio.gather(
        store.write(Lane.COMMAND, writing(draft("plan/p", 1), effects=(effect("a"),))),
        store.write(Lane.COMMAND, writing(draft("plan/p", 1), effects=(effect("b"),))),
        store.write(Lane.COMMAND, writing(draft("plan/p", 2), effects=(effect("a"),))),
        store.write(Lane.COMMAND, writing(draft("plan/p", 2), effects=(effect("c"),))),
        return_exceptions=True,
    )
    assert [isinstance(each, Exception) for each in results] == [True, False, True, False]
    assert [entry.version for entry in store.records()] == [1, 2]
    await store.close()


async def test_a_listener_that_fails_hides_nothing(db: Path) -> None:
    """Given a listener that raises, when a write commits, then its author still hears of it."""
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))

    def broken(_: Sequence[object]) -> None:
        raise RuntimeError("mine")

    store = SqliteStore(db)
    store.on_commit(broken)
    await store.open("one")
    assert (await store.write(Lane.HALT, writing(draft("halt/h", 1)))).records
    assert len(heard) == 1
    await store.close()


async def test_a_write_whose_author_gave_up_is_kept_all_the_same(db: Path) -> None:
    """Given a cancelled caller, when its turn runs, then others are served and the log is whole."""
    store = SqliteStore(db)
    await store.open("one")
    task = asyncio.ensure_future(store.write(Lane.INTAKE, writing(draft("plan/p", 1))))
    await asyncio.sleep(0)
    task.cancel()
    await store.write(Lane.INTAKE, writing(draft("plan/q", 1)))
    assert store.last_position() == 2
    await store.close()


async def test_the_write_ahead_log_does_not_grow_without_end(db: Path) -> None:
    """Given 20 MB of writes, when checkpoints run, then the log file stays a fraction of it."""
    store = SqliteStore(db)
    await store.open("one")
    for version in range(1, 2001):
        await store.write(Lane.COMMAND, writing(draft("plan/p", version, "x" * 10_000)))
    assert db.with_name("allstop.db-wal").stat().st_size < 16_000_000
    await store.close()


# --- when the disk fails ---------------------------------------------------------------------


class Failing(sqlite3.Connection):
    """A connection of SQLite whose next COMMIT reports what a failing disk reports."""

    armed = False

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if Failing.armed and sql == "COMMIT":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return super().execute(sql, *values)


async def test_a_failed_sync_is_never_tried_again(db: Path) -> None:
    """Given a sync that fails, then the process is told to die, and nothing is acknowledged."""
    lines: list[str] = []
    store = SqliteStore(db, die=lines.append, factory=Failing)
    await store.open("one")
    await store.write(Lane.HALT, writing(draft("halt/h", 1)))
    Failing.armed = True
    try:
        with pytest.raises(errors.Unavailable, match="ended"):
            await store.write(Lane.HALT, writing(draft("halt/h", 2)))
    finally:
        Failing.armed = False
    assert len(lines) == 1
    assert "disk I/O error" in lines[0]
    with pytest.raises(errors.Unavailable):
        await store.write(Lane.HALT, writing(draft("halt/h", 2)))
    await store.close()


def on_small_disk(tmp_path: Path, mode: str) -> subprocess.CompletedProcess[str]:
    """Run full_disk_child on a file system of 4 MB, in a mount namespace of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    script = 'mount -t tmpfs -o size=4m tmpfs "$1" && exec "$2" "$3" "$1/allstop.db" "$4"'
    return subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script, "sh", place, sys.executable, FULL, mode],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["halt", "again", "start"])
def test_a_full_disk_refuses_intake_and_still_records_a_halt(tmp_path: Path, mode: str) -> None:
    """Given a full disk, then intake hears so, a halt goes through on the ballast, nothing is lost.

    again: when space is free, everything goes on without a restart, and the ballast is back.
    start: a coordinator can also be started on the full disk.
    """
    done = on_small_disk(tmp_path, mode)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this machine allows no mount namespaces")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "fine"

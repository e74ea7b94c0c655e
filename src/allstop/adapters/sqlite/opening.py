"""Opening a database: make it if there is none, and do not run on one that fails a check."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from allstop import errors
from allstop.adapters.sqlite import schema, wal
from allstop.adapters.sqlite.connections import connect
from allstop.adapters.sqlite.faults import corrupt, explain_opening
from allstop.adapters.sqlite.rows import ALL_EVENTS, strict_time
from allstop.application import chain
from allstop.application.digests import sha256
from allstop.application.heads import EPOCH, Heads

_MAGIC = b"SQLite format 3\x00"
_WAL_FORMAT = b"\x02\x02"


@dataclass(frozen=True, slots=True)
class Opened:
    """A checked database. latest: time of the newest entry of the log, or EPOCH."""

    connection: sqlite3.Connection
    heads: Heads
    latest: datetime


def open_database(
    path: Path,
    known: Sequence[schema.Migration],
    factory: type[sqlite3.Connection] = sqlite3.Connection,
) -> Opened:
    """Open for writing. The caller holds the lock.

    Raises errors.Corrupt when a check fails, errors.Unavailable when the file cannot be used.
    """
    connection = None
    try:
        if path.exists():
            _check_files(path)
        else:
            _create(path, known)
        connection = connect(path, factory=factory)
        _check_pages(connection)
        schema.check(connection, known)
        schema.migrate(connection, known)
        _check_bodies(connection)
        heads, latest = _check_log(connection)
        return Opened(connection, heads, latest)
    except (sqlite3.Error, OSError, ValueError, TypeError, errors.AllstopError) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, OSError):
            raise errors.Unavailable(
                f"the database cannot be used: {error}",
                "Check that the folder exists, has space, and belongs to you.",
            ) from error
        raise explain_opening(error, path) from error


def _check_files(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(100)
    if not header:
        raise corrupt(f"{path} is empty")
    if not header.startswith(_MAGIC):
        raise corrupt(f"{path} is not a database")
    if header[18:20] != _WAL_FORMAT:
        # SQLite would ignore the write-ahead log beside it.
        raise corrupt(f"{path} is not marked as having a write-ahead log")
    wal.check(path.with_name(path.name + "-wal"))


def _create(path: Path, known: Sequence[schema.Migration]) -> None:
    """Make the database beside its place and move it there whole: a crash leaves all or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.with_name(path.name + "-wal").exists():
        raise corrupt(f"{path} is gone, but its write-ahead log is still there")
    fresh = path.with_name(path.name + ".new")
    for suffix in ("", "-wal", "-shm"):
        fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    os.close(os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    connection = connect(fresh)
    try:
        schema.migrate(connection, known)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    _sync(fresh)
    fresh.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_pages(connection: sqlite3.Connection) -> None:
    """Structure and indexes: a wrong index would hide rows that the hash check never sees by it."""
    verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if verdict != "ok":
        raise corrupt(f"the database does not pass SQLite's own check: {verdict}")


def _check_bodies(connection: sqlite3.Connection) -> None:
    """Policies decide, and waiting effects act: neither may have changed on the disk."""
    for digest, body in connection.execute("SELECT digest, body FROM policies"):
        if sha256(body.encode()) != digest:
            raise corrupt(f"policy {digest} does not match its digest")
    rows = connection.execute(
        "SELECT id, effect, digest FROM outbox WHERE state NOT IN ('done', 'failed')"
    )
    for id, effect, digest in rows:
        if sha256(effect.encode()) != digest:
            raise corrupt(f"effect {id} does not match its digest")


def _check_log(connection: sqlite3.Connection) -> tuple[Heads, datetime]:
    """Recompute every link. Works on bare rows, because every start waits for it."""
    position, latest, genesis = 0, EPOCH, (0, chain.GENESIS)
    ends: dict[str, tuple[int, str]] = {}
    for row in connection.execute(ALL_EVENTS):
        found, stream, version, kind, schema_number, at, actor, cause, body, prev, digest = row
        last, before = ends.get(stream, genesis)
        position += 1
        if found != position or version != last + 1:
            raise corrupt(f"the log has a gap before position {found}")
        when = strict_time(at)
        again = chain.link(
            before, stream, version, kind, schema_number, when, actor, cause, body.encode()
        )
        if prev != before or again != digest:
            raise corrupt(
                f"entry {found} ({stream} version {version}, {kind}) is not what was written"
            )
        ends[stream] = (version, digest)
        latest = max(latest, when)
    return Heads(position, ends), latest

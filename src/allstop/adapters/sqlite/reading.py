"""Reading what is committed, from a running store or from a file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from allstop import errors
from allstop.adapters.sqlite.connections import Readers
from allstop.adapters.sqlite.faults import explain_opening
from allstop.adapters.sqlite.pen import utc
from allstop.adapters.sqlite.rows import SOME_EVENTS, STREAM_EVENTS, entry, strict_time
from allstop.application.codec import read_effect, read_time
from allstop.application.ports import (
    Checkpoint,
    EffectRow,
    EffectState,
    RefusalEntry,
    StoredRecord,
    TokenRow,
)
from allstop.domain.effects import Lane


class Reading:
    """The questions of the store port. Needs `_readers`, which the heirs set when they open."""

    _readers: Readers | None = None

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        if self._readers is None:
            raise errors.Unavailable("the store is not open")
        with self._readers.lent() as connection:
            yield connection

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._reader() as connection:
            return connection.execute(sql, values).fetchall()

    def records(self, after: int = 0, limit: int = 1000, stream: str = "") -> list[StoredRecord]:
        if stream:
            rows = self._rows(STREAM_EVENTS, [after, stream, limit])
        else:
            rows = self._rows(SOME_EVENTS, [after, limit])
        return [entry(row) for row in rows]

    def last_position(self) -> int:
        return int(self._rows("SELECT coalesce(max(position), 0) FROM events")[0][0])

    def policies(self) -> dict[str, str]:
        return dict(self._rows("SELECT digest, body FROM policies"))

    def blob(self, sha256: str) -> bytes | None:
        rows = self._rows("SELECT body FROM blobs WHERE digest = ?", [sha256])
        return bytes(rows[0][0]) if rows else None

    def blob_digests(self) -> list[str]:
        """The names of all blobs, for the audit."""
        return [row[0] for row in self._rows("SELECT digest FROM blobs ORDER BY digest")]

    def effects(self, stream: str = "", limit: int = 200) -> list[EffectRow]:
        if stream:
            rows = self._rows(
                "SELECT effect, state, attempt, due_at, because FROM outbox "
                "WHERE stream = ? ORDER BY seq DESC LIMIT ?",
                [stream, limit],
            )
        else:
            rows = self._rows(
                "SELECT effect, state, attempt, due_at, because FROM outbox "
                "ORDER BY seq DESC LIMIT ?",
                [limit],
            )
        return [
            EffectRow(read_effect(row[0]), EffectState(row[1]), row[2], read_time(row[3]), row[4])
            for row in rows
        ]

    def next_due(self, lanes: Sequence[Lane]) -> datetime | None:
        found = []
        with self._reader() as connection:
            for lane in lanes:
                row = connection.execute(
                    "SELECT due_at FROM outbox WHERE lane = ? "
                    "AND state IN ('pending', 'unknown') ORDER BY due_at LIMIT 1",
                    (str(lane),),
                ).fetchone()
                found += [row[0]] if row else []
        return read_time(min(found)) if found else None

    def refusals(self, limit: int = 100) -> list[RefusalEntry]:
        rows = self._rows(
            "SELECT at, actor, command, reasons FROM refusals ORDER BY id DESC LIMIT ?", [limit]
        )
        return [
            RefusalEntry(read_time(row[0]), row[1], row[2], tuple(json.loads(row[3])))
            for row in rows
        ]

    def checkpoints(self) -> list[Checkpoint]:
        rows = self._rows(
            "SELECT position, chain, at, key_id, signature FROM checkpoints ORDER BY position"
        )
        return [Checkpoint(row[0], row[1], strict_time(row[2]), row[3], row[4]) for row in rows]

    def token(self, digest: str, now: datetime) -> str | None:
        rows = self._rows(
            "SELECT principal FROM tokens "
            "WHERE digest = ? AND (expires_at IS NULL OR expires_at > ?)",
            [digest, utc(now)],
        )
        return str(rows[0][0]) if rows else None

    def tokens(self) -> list[TokenRow]:
        rows = self._rows("SELECT principal, expires_at FROM tokens ORDER BY principal")
        return [TokenRow(row[0], read_time(row[1]) if row[1] else None) for row in rows]


class SqliteLog(Reading):
    """A database file for reading only: no lock, no checks, nothing written; for the audit.

    Reads beside a running coordinator, and what a coordinator refuses to run on. Every method
    raises errors.Corrupt when the file cannot be read any further.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            raise errors.Missing(f"there is no database at {path}", "Name the file, or the --home.")
        log = path.with_name(path.name + "-wal")
        idle = not log.exists() or log.stat().st_size == 0
        try:
            self._readers = Readers(path, size=1)
        except sqlite3.Error as error:
            if not idle:
                raise explain_opening(error, path) from error
            # A read-only folder: without a write-ahead log the file alone is all there is.
            self._readers = Readers(path, "immutable", size=1)

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return super()._rows(sql, values)
        except sqlite3.Error as error:
            raise explain_opening(error, self._path) from error

    def close(self) -> None:
        if self._readers is not None:
            self._readers.close()

"""The shop's books: keeping writes out, flushing, snapshots, and the proof of a snapshot by a restore.

`python -m allstop.sandbox book DIR SERVICE VERB`: what a database administrator would have at hand, as a command
for a coordinator. Prints one JSON object; or the reason on standard error, with exit code 1, when it is not so or
cannot be done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from allstop.sandbox.layout import Layout, SandboxError, write_json

BOOKS = {
    "orders": "SELECT * FROM orders WHERE NOT synthetic ORDER BY id",
    "payments": "SELECT * FROM payments WHERE NOT synthetic ORDER BY key",
}
"""The services with a book, and how the rows of customers are read. The table bears the service's name."""

VERBS = (
    "fence", "fenced", "unfence", "unfenced", "flush", "flushed", "snapshot", "kept", "verify",
)  # fmt: skip

_BUSY_SECONDS = 10.0
# A row that nobody ordered. It is never kept: the transaction it stands in is taken back.
_SAMPLES = {
    "orders": (
        "INSERT INTO orders (id, customer, sku, quantity, amount_cents, payment, synthetic)"
        " VALUES ('fence-check', 'nobody', 'nothing', 1, 0, 'none', 0)"
    ),
    "payments": (
        "INSERT INTO payments (key, order_id, amount_cents, currency, synthetic, answer)"
        " VALUES ('fence-check', 'fence-check', 0, 'USD', 0, '{}')"
    ),
}
_FENCED = "fenced"
_WORDS = {
    "fence": "writes are kept out", "fenced": "a write was refused",
    "unfence": "writes are allowed", "unfenced": "a write was tried and taken back",
    "flush": "nothing stands in the log only", "flushed": "nothing stands in the log only",
    "snapshot": "{rows} rows kept as {snapshot}", "kept": "{rows} rows are kept in {snapshot}",
    "verify": "{snapshot} was restored: {rows} rows as noted, whole, and it takes a write",
}  # fmt: skip


@dataclass(frozen=True)
class Contents:
    """What a book says. rows: of customers, test transactions do not count; digest: of every one of them."""

    rows: int
    digest: str


class Book:
    """The book of one service, from outside the service."""

    def __init__(self, layout: Layout, service: str) -> None:
        self.service = service
        self.path = layout.database(service)
        self.snapshots = layout.snapshots / service

    def fence(self, epoch: int) -> dict[str, Any]:
        """No process writes a customer's row any more, whoever it is. Raises SandboxError for an older epoch."""
        with closing(self._open()) as book:
            book.execute("BEGIN IMMEDIATE")
            self._claim(book, epoch)
            for change, row in (("INSERT", "NEW"), ("UPDATE", "OLD"), ("DELETE", "OLD")):
                book.execute(
                    f"CREATE TRIGGER IF NOT EXISTS {_FENCED}_{change.lower()} BEFORE {change} ON {self.service}"
                    f" WHEN NOT {row}.synthetic BEGIN SELECT RAISE(ABORT, '{_FENCED}'); END"
                )
            book.execute("COMMIT")
        return {"fenced": True, "epoch": epoch}

    def unfence(self, epoch: int) -> dict[str, Any]:
        """Writes are allowed again. Raises SandboxError for an older epoch."""
        with closing(self._open()) as book:
            book.execute("BEGIN IMMEDIATE")
            self._claim(book, epoch)
            lift_fence(book)
            book.execute("COMMIT")
        return {"fenced": False, "epoch": epoch}

    def fenced(self) -> dict[str, Any]:
        """Try to write, and be refused. Raises SandboxError if the write goes through."""
        if not self._refuses_writes():
            raise SandboxError(f"the book of {self.service} takes writes")
        return {"fenced": True}

    def unfenced(self) -> dict[str, Any]:
        """Try to write, and not be refused; nothing of it is kept. Raises SandboxError if it is."""
        if self._refuses_writes():
            raise SandboxError(f"the book of {self.service} takes no writes")
        return {"unfenced": True}

    def flush(self) -> dict[str, Any]:
        """Bring the write-ahead log into the file. Raises SandboxError if somebody is in the way."""
        with closing(self._open()) as book:
            busy, *_ = book.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise SandboxError(f"the book of {self.service} is being read")
        return self.flushed()

    def flushed(self) -> dict[str, Any]:
        """Raises SandboxError if anything stands in the write-ahead log only."""
        log = self.path.with_name(f"{self.path.name}-wal")
        size = log.stat().st_size if log.exists() else 0
        if size:
            raise SandboxError(f"{size} bytes of {self.service} stand in the write-ahead log only")
        return {"flushed": True}

    def snapshot(self, epoch: int) -> dict[str, Any]:
        """Copy the book as it stands at one instant, with a note of what it holds."""
        self.snapshots.mkdir(parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{epoch}"
        draft = self.snapshots / f"{name}.draft"
        with closing(self._open()) as book, closing(sqlite3.connect(draft)) as copy:
            book.backup(copy)
            # One file, with no log beside it that could be lost on the way.
            copy.execute("PRAGMA journal_mode=DELETE")
        found = contents_of(draft, self.service)
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.rename(self.snapshots / f"{name}.db")
        note = {"snapshot": name, "rows": found.rows, "digest": found.digest}
        write_json(self.snapshots / f"{name}.json", note)
        return note

    def kept(self) -> dict[str, Any]:
        """The newest snapshot is whole, and holds what was noted. Raises SandboxError if not."""
        note, path = self._newest()
        found = contents_of(path, self.service)
        if (found.rows, found.digest) != (note["rows"], note["digest"]):
            raise SandboxError(
                f"{path.name} holds {found.rows} rows, {note['rows']} others were noted"
            )
        return {**note, "kept": True}

    def verify(self) -> dict[str, Any]:
        """Restore the newest snapshot beside the book, and use it.

        It is whole by its own check, holds what was noted, takes an order, and where the book is fenced holds
        exactly what the book does. Raises SandboxError if one of these is not so.
        """
        note, newest = self._newest()
        with tempfile.TemporaryDirectory(dir=self.snapshots) as folder:
            restored = Path(folder) / self.path.name
            restored.write_bytes(newest.read_bytes())
            found = contents_of(restored, self.service)
            if (found.rows, found.digest) != (note["rows"], note["digest"]):
                raise SandboxError(
                    f"{found.rows} rows were restored, {note['rows']} others were kept"
                )
            with closing(sqlite3.connect(restored, isolation_level=None)) as book:
                whole = str(book.execute("PRAGMA integrity_check").fetchone()[0])
                lift_fence(book)
                book.execute("BEGIN IMMEDIATE")
                book.execute(_SAMPLES[self.service])
                book.execute("ROLLBACK")
        if whole != "ok":
            raise SandboxError(f"the restored book is damaged: {whole}")
        if self._refuses_writes() and contents_of(self.path, self.service) != found:
            raise SandboxError("the snapshot is not what the book holds now")
        return {**note, "integrity": whole, "restored": True}

    def _newest(self) -> tuple[dict[str, Any], Path]:
        """The note of the newest snapshot, and its file. Raises SandboxError if there is none."""
        newest = max(self.snapshots.glob("*.json"), default=None)
        if newest is None:
            raise SandboxError(f"there is no snapshot of {self.service}")
        note: dict[str, Any] = json.loads(newest.read_text(encoding="utf-8"))
        return note, newest.with_suffix(".db")

    def _refuses_writes(self) -> bool:
        with closing(self._open()) as book:
            book.execute("BEGIN IMMEDIATE")
            try:
                book.execute(_SAMPLES[self.service])
            except sqlite3.IntegrityError as refused:
                return str(refused) == _FENCED
            finally:
                book.execute("ROLLBACK")
        return False

    def _claim(self, book: sqlite3.Connection, epoch: int) -> None:
        """Note who gives this order. Raises SandboxError if a later coordinator has given one."""
        book.execute("CREATE TABLE IF NOT EXISTS fence (epoch INTEGER NOT NULL) STRICT")
        last = book.execute("SELECT max(epoch) FROM fence").fetchone()[0] or 0
        if epoch < last:
            raise SandboxError(f"epoch {epoch} is over, {self.service} obeys {last}")
        book.execute("DELETE FROM fence")
        book.execute("INSERT INTO fence (epoch) VALUES (?)", (epoch,))

    def _open(self) -> sqlite3.Connection:
        if not self.path.exists():
            raise SandboxError(f"{self.service} has no book yet: {self.path}")
        return sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)


def contents_of(path: Path, service: str) -> Contents:
    """The rows of customers in a book, read-only. Raises sqlite3.Error if it cannot be read."""
    digest = hashlib.sha256()
    count = 0
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5.0)) as book:
        for row in book.execute(BOOKS[service]):
            digest.update(json.dumps(row).encode() + b"\n")
            count += 1
    return Contents(count, digest.hexdigest())


def lift_fence(book: sqlite3.Connection) -> None:
    """Drop what keeps writes out."""
    for change in ("insert", "update", "delete"):
        book.execute(f"DROP TRIGGER IF EXISTS {_FENCED}_{change}")


def main(arguments: list[str]) -> int:
    """The `book` command."""
    parser = argparse.ArgumentParser(prog="python -m allstop.sandbox book")
    parser.add_argument("folder", metavar="DIR", help="the sandbox's folder")
    parser.add_argument("service", choices=sorted(BOOKS))
    parser.add_argument("verb", choices=VERBS)
    asked = parser.parse_args(arguments)
    book = Book(Layout.of(asked.folder), asked.service)
    epoch = int(os.environ.get("ALLSTOP_EPOCH", "0"))
    verbs: dict[str, Callable[[], dict[str, Any]]] = {
        "fence": lambda: book.fence(epoch),
        "unfence": lambda: book.unfence(epoch),
        "fenced": book.fenced,
        "unfenced": book.unfenced,
        "flush": book.flush,
        "flushed": book.flushed,
        "snapshot": lambda: book.snapshot(epoch),
        "kept": book.kept,
        "verify": book.verify,
    }
    try:
        told = verbs[asked.verb]()
    except (SandboxError, sqlite3.Error, OSError) as error:
        print(str(error), file=sys.stderr)
        return 1
    text = _WORDS[asked.verb].format(**told)
    print(json.dumps({"book": asked.service, **told, "text": text}))
    return 0

"""Numbered migrations: found, applied in a transaction each, and recognised by their checksums."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from allstop import errors
from allstop.adapters.sqlite.faults import corrupt

APPLICATION_ID = 0x414C5354  # "ALST"

_REGISTER = """CREATE TABLE migrations (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL
) STRICT"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file. checksum: SHA-256 of its text."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def shipped() -> tuple[Migration, ...]:
    """The migrations this version of Allstop knows, numbered from 1 without gaps."""
    folder = files("allstop.adapters.sqlite") / "migrations"
    found = sorted(item.name for item in folder.iterdir() if item.name.endswith(".sql"))
    return tuple(
        Migration(number, name, (folder / name).read_text("utf-8"))
        for number, name in enumerate(found, 1)
    )


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check(connection: sqlite3.Connection, known: Sequence[Migration]) -> None:
    """Refuse a database that is not ours, is newer than we are, or is not as migrations made it.

    Raises errors.Unavailable for a newer schema, errors.Corrupt for the rest.
    """
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise corrupt("this file is not a database of Allstop")
    found = version(connection)
    if found > len(known):
        raise errors.Unavailable(
            f"a newer Allstop wrote this database (schema {found}, this one knows {len(known)})",
            "Run the newer version, or put back a backup copy from before the upgrade.",
        )
    rows = connection.execute(
        "SELECT number, name, checksum FROM migrations ORDER BY number"
    ).fetchall()
    if [tuple(row) for row in rows] != [(m.number, m.name, m.checksum) for m in known[:found]]:
        raise corrupt("the database was not made by the migrations it names")
    if _objects(connection) != _objects(_model(known[:found])):
        raise corrupt("tables, indexes or triggers differ from what the migrations made")


def migrate(connection: sqlite3.Connection, known: Sequence[Migration]) -> None:
    """Apply what is missing, each migration in a transaction of its own."""
    if version(connection) == 0:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(_REGISTER)
    for step in known[version(connection) :]:
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _statements(step.text):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO migrations (number, name, checksum) VALUES (?, ?, ?)",
                (step.number, step.name, step.checksum),
            )
            connection.execute(f"PRAGMA user_version={step.number}")
            connection.execute("COMMIT")
        except BaseException:
            # Whatever ended it, an interrupt too: no half of a migration stays.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _statements(text: str) -> Iterator[str]:
    waiting = ""
    for line in text.splitlines(keepends=True):
        if not waiting and (not line.strip() or line.startswith("--")):
            continue
        waiting += line
        if sqlite3.complete_statement(waiting):
            yield waiting.strip().removesuffix(";")
            waiting = ""
    if waiting.strip():
        raise ValueError(f"a migration ends in the middle of a statement: {waiting.strip()[:60]}")


def _model(known: Sequence[Migration]) -> sqlite3.Connection:
    model = sqlite3.connect(":memory:", isolation_level=None)
    migrate(model, known)
    return model


def _objects(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    rows = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema "
        "WHERE name <> 'sqlite_stat1' AND name <> 'sqlite_stat4' ORDER BY type, name"
    ).fetchall()
    return [tuple(row) for row in rows]

"""Connections whose settings are set and then read back, and a small pool of them for reading."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import quote

from allstop import errors

READERS = 4
BUSY_SECONDS = 5.0

# Checkpoints are run by the writer itself: SQLite ignores the errors of automatic ones, and a
# failed sync must end the process. fullfsync matters on macOS only.
_ALWAYS = {
    "synchronous": 2,
    "foreign_keys": 1,
    "recursive_triggers": 1,
    "fullfsync": 1,
    "checkpoint_fullfsync": 1,
    "wal_autocheckpoint": 0,
    "cell_size_check": 1,
    "trusted_schema": 0,
}


def connect(
    path: Path, *, mode: str = "rw", factory: type[sqlite3.Connection] = sqlite3.Connection
) -> sqlite3.Connection:
    """Open a database that exists. mode: `rw`, `ro`, or `immutable` for a file nobody writes.

    Raises sqlite3.Error, and errors.Unavailable when a setting does not stick.
    """
    how = "mode=ro&immutable=1" if mode == "immutable" else f"mode={mode}"
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{how}",
        uri=True, isolation_level=None, check_same_thread=False,
        timeout=BUSY_SECONDS, factory=factory,
    )  # fmt: skip
    try:
        for name, value in _ALWAYS.items():
            connection.execute(f"PRAGMA {name}={value}")
            expect(connection, name, value)
        if mode == "rw":
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA journal_size_limit=67108864")
            expect(connection, "journal_mode", "wal")
        else:
            connection.execute("PRAGMA query_only=1")
    except BaseException:
        # Whatever ended it, an interrupt too: no connection is left open.
        connection.close()
        raise
    return connection


def expect(connection: sqlite3.Connection, pragma: str, value: int | str) -> None:
    """Read a setting back. Raises errors.Unavailable when SQLite did not take it."""
    row = connection.execute(f"PRAGMA {pragma}").fetchone()
    if row is None or row[0] != value:
        raise errors.Unavailable(
            f"SQLite did not accept {pragma}={value} (it says {row[0] if row else 'nothing'})",
            "Put the database on a local disk; network and overlay file systems may not do.",
        )


class Readers:
    """A few read-only connections, lent one at a time to any thread."""

    def __init__(self, path: Path, mode: str = "ro", size: int = READERS) -> None:
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._all = [connect(path, mode=mode) for _ in range(size)]
        for connection in self._all:
            self._idle.put(connection)
        self._closed = False

    @contextmanager
    def lent(self) -> Iterator[sqlite3.Connection]:
        """One connection; waits when all are lent. Raises errors.Unavailable after `close`."""
        if self._closed:
            raise errors.Unavailable("the store is closed")
        connection = self._idle.get()
        try:
            yield connection
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        """Close all, each once it is back."""
        if not self._closed:
            self._closed = True
            for _ in self._all:
                self._idle.get().close()

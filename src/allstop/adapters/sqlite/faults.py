"""What an error of SQLite means, and how a process ends when the disk cannot be trusted."""

from __future__ import annotations

import os
import sqlite3
import sys

from allstop import errors

EXIT_CODE = 70
RESTORE = (
    "Copy allstop.db, allstop.db-wal and allstop.db-shm aside first. `allstop audit verify` names "
    "what is damaged. Then put a backup copy of allstop.db in its place, without -wal and -shm "
    "files, and start again: the start compares it with the exported checkpoints."
)

_TRANSIENT = {
    sqlite3.SQLITE_BUSY: "another program has locked the database",
    sqlite3.SQLITE_LOCKED: "another program has locked the database",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
    sqlite3.SQLITE_READONLY: "the database cannot be written to",
    sqlite3.SQLITE_PERM: "the database may not be used by this user",
    sqlite3.SQLITE_AUTH: "the database may not be used by this user",
    sqlite3.SQLITE_FULL: "the disk is full",
}
_FATAL = {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}


def code(error: sqlite3.Error) -> int:
    """The primary result code, or 0 when the error comes from Python's own module."""
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def is_full(error: sqlite3.Error) -> bool:
    return code(error) == sqlite3.SQLITE_FULL


def is_fatal(error: sqlite3.Error) -> bool:
    """Whether the handle may not be used again: the disk or the file let us down."""
    return code(error) in _FATAL


def explain(error: sqlite3.Error, path: object) -> errors.AllstopError:
    """A running store's error in words."""
    because = _TRANSIENT.get(code(error), "the database refused the statement")
    return errors.Unavailable(
        f"{because}: {path} ({error})", "Free the disk or the lock, then try again."
    )


def explain_opening(error: Exception, path: object) -> errors.AllstopError:
    """An error while a database is opened and checked: in doubt it is damaged."""
    if isinstance(error, errors.AllstopError):
        return error
    if isinstance(error, sqlite3.Error):
        short = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHORT_READ
        if not short and (code(error) in _TRANSIENT or code(error) == sqlite3.SQLITE_IOERR):
            because = _TRANSIENT.get(code(error), "the disk reports an error")
            return errors.Unavailable(
                f"{because}: {path} ({error})",
                "Check that the folder exists, is on a local disk with space, and is yours.",
            )
    return corrupt(f"{path} is damaged: {error}")


def corrupt(text: str) -> errors.Corrupt:
    return errors.Corrupt(text, RESTORE)


def die(text: str) -> None:
    """End the process at once: after a failed sync nobody knows what the disk holds.

    A retry on the same handle could report success for pages the kernel has already dropped.
    """
    sys.stderr.write(f"allstop: {text}; exit {EXIT_CODE}\n")
    sys.stderr.flush()
    os._exit(EXIT_CODE)

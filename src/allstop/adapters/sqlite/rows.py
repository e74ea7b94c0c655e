"""Rows of the log as values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allstop.application.codec import read_time, write_time
from allstop.application.heads import EPOCH
from allstop.application.ports import StoredRecord

ALL_EVENTS = (
    "SELECT position, stream, version, kind, schema, at, actor, cause, body, prev, hash "
    "FROM events ORDER BY position"
)
SOME_EVENTS = (
    "SELECT position, stream, version, kind, schema, at, actor, cause, body, prev, hash "
    "FROM events WHERE position > ? ORDER BY position LIMIT ?"
)
# Whoever reads on begins at an entry of the same stream: from its version on, nothing is passed twice.
STREAM_EVENTS = (
    "SELECT position, stream, version, kind, schema, at, actor, cause, body, prev, hash "
    "FROM events WHERE position > ?1 AND stream = ?2 AND version > "
    "coalesce((SELECT version FROM events WHERE position = ?1 AND stream = ?2), 0) "
    "ORDER BY version LIMIT ?3"
)


def strict_time(text: str) -> datetime:
    """A time as `write_time` writes it; EPOCH for any other text, so that its hash cannot match."""
    try:
        at = read_time(text)
    except ValueError:
        return EPOCH
    return at if write_time(at) == text else EPOCH


def entry(row: Any) -> StoredRecord:
    """A row of `events`."""
    return StoredRecord(
        row[0], row[1], row[2], row[3], row[4], strict_time(row[5]),
        row[6], row[7], row[8], row[9], row[10],
    )  # fmt: skip

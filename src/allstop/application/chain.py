"""The hash chain: what links each entry to the one before it, and the log to its checkpoints."""

from __future__ import annotations

import hashlib
from datetime import datetime

from allstop.application.codec import write_time

GENESIS = "0" * 64


def link(  # noqa: PLR0913, PLR0917 (everything an entry says goes into its hash)
    prev: str,
    stream: str,
    version: int,
    kind: str,
    schema: int,
    at: datetime,
    actor: str,
    cause: str,
    body: bytes,
) -> str:
    """SHA-256 over the previous hash of the stream and everything the entry says.

    Fields are joined by newlines, which none of them but the canonical body (a single line) could
    contain; the body comes last.
    """
    head = f"{prev}\n{stream}\n{version}\n{kind}\n{schema}\n{write_time(at)}\n{actor}\n{cause}\n"
    return hashlib.sha256(head.encode() + body).hexdigest()


def seal(chain: str, position: int, entry_hash: str) -> str:
    """The chain over global positions: previous chain value, position and the entry's own hash."""
    return hashlib.sha256(f"{chain}\n{position}\n{entry_hash}".encode()).hexdigest()

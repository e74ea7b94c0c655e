"""Checkpoints as texts: what is signed, and the lines of the export file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Protocol

from allstop.application.codec import canonical, read_time, write_time
from allstop.application.ports import Checkpoint


class Signer(Protocol):
    """Signs checkpoints. key_id: names the key, so that keys can change and old ones stay known."""

    @property
    def key_id(self) -> str: ...

    def sign(self, message: bytes) -> str:
        """The signature in hexadecimal."""


class Signatures(Protocol):
    """Checks signatures with the public keys that are known."""

    def check(self, key_id: str, message: bytes, signature: str) -> bool | None:
        """Whether the key made the signature; None when no such key is known."""


class CheckpointExport(Protocol):
    """A place outside the database, best one that the server cannot rewrite."""

    def append(self, line: str) -> None:
        """Durably add one line. Raises errors.Unavailable when it cannot be written."""

    def lines(self) -> Iterator[str]:
        """All lines so far, oldest first."""


def message(checkpoint: Checkpoint) -> bytes:
    """The bytes that are signed: everything but the signature, as canonical JSON."""
    return canonical(
        {
            "allstop": "checkpoint",
            "position": checkpoint.position,
            "chain": checkpoint.chain,
            "at": write_time(checkpoint.at),
            "key_id": checkpoint.key_id,
        }
    )


def write_line(checkpoint: Checkpoint) -> str:
    """One JSON line, without its newline."""
    return canonical(
        {
            "position": checkpoint.position,
            "chain": checkpoint.chain,
            "at": write_time(checkpoint.at),
            "key_id": checkpoint.key_id,
            "signature": checkpoint.signature,
        }
    ).decode()


def read_line(line: str) -> Checkpoint:
    """Raises ValueError for a line that is not a checkpoint."""
    try:
        found = json.loads(line)
        checkpoint = Checkpoint(
            int(found["position"]), str(found["chain"]), read_time(found["at"]),
            str(found["key_id"]), str(found["signature"]),
        )  # fmt: skip
        write_time(checkpoint.at)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a checkpoint: {line[:80]}") from error
    return checkpoint

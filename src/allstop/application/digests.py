"""Content addresses: a policy or a blob is stored under the SHA-256 of its body."""

from __future__ import annotations

import hashlib

from allstop.application.ports import Write


def sha256(body: bytes) -> str:
    """Hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(body).hexdigest()


def check(write: Write) -> None:
    """Raise ValueError when a policy or blob of the write is not what its digest says."""
    for digest, text in write.policies.items():
        if sha256(text.encode()) != digest:
            raise ValueError(f"policy {digest} does not match its body")
    for digest, body in write.blobs.items():
        if sha256(body) != digest:
            raise ValueError(f"blob {digest} does not match its body")

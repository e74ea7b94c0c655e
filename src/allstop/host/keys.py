"""The keys a host trusts: whose orders it takes, and whose signature ends a halt that asks for one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from allstop.errors import Invalid

KINDS = ("order", "release")


@dataclass(frozen=True, slots=True)
class Pinned:
    """One trusted key. kind: `order` or `release`; id: first 16 hexadecimal digits of the SHA-256 of the key."""

    kind: str
    id: str
    key: str
    owner: str

    def line(self) -> str:
        return f"{self.kind} {self.id} {self.key} {self.owner}".rstrip()


class Keys:
    """The keys of a file, one per line: `order|release ID HEX OWNER`. Raises Invalid."""

    def __init__(self, pinned: tuple[Pinned, ...]) -> None:
        self.pinned = pinned
        self._keys = {
            (one.kind, one.id): Ed25519PublicKey.from_public_bytes(bytes.fromhex(one.key))
            for one in pinned
        }

    @classmethod
    def of(cls, path: Path) -> Keys:
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise Invalid(f"{path}: {error}", "Join again: allstop host join") from error
        found = tuple(_pinned(line, path) for line in lines if line.strip() and line[0] != "#")
        if not any(one.kind == "order" for one in found):
            raise Invalid(f"{path} pins no key for orders", "Join again: allstop host join")
        return cls(found)

    def check(self, kind: str, key_id: str, message: bytes, signature: str) -> bool | None:
        """Whether a key of that kind signed exactly this; None when it is not pinned."""
        key = self._keys.get((kind, key_id))
        if key is None:
            return None
        try:
            key.verify(bytes.fromhex(signature), message)
        except (InvalidSignature, ValueError):
            return False
        return True


def named(key: str) -> str:
    """The id of a public key in hexadecimal. Raises ValueError when it is none."""
    raw = bytes.fromhex(key)
    Ed25519PublicKey.from_public_bytes(raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def _pinned(line: str, path: Path) -> Pinned:
    kind, _, rest = line.partition(" ")
    id, _, rest = rest.partition(" ")
    key, _, owner = rest.partition(" ")
    try:
        right = kind in KINDS and named(key) == id
    except ValueError:
        right = False
    if not right:
        raise Invalid(f"{path} has a line that pins no key: {line[:80]}", "Join again.")
    return Pinned(kind, id, key, owner.strip())

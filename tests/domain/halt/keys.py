"""Real Ed25519 keys with names, the same in every run."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from allstop.domain.halt.order_text import (
    Release,
    StandingOrder,
    Statement,
    envelope_text,
    order_text,
    release_text,
)

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Key:
    """A key made from its name."""

    name: str

    def sign(self, text: str) -> Statement:
        seed = hashlib.sha256(self.name.encode()).digest()
        signature = Ed25519PrivateKey.from_private_bytes(seed).sign(text.encode())
        return Statement(text, self.name, signature.hex())

    def check(self, message: bytes, signature: str) -> bool:
        seed = hashlib.sha256(self.name.encode()).digest()
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key()
        try:
            public.verify(bytes.fromhex(signature), message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Pinned:
    """The keys that a host has pinned for one purpose."""

    keys: tuple[Key, ...]

    def __call__(self, name: str, message: bytes, signature: str) -> bool | None:
        found = [key for key in self.keys if key.name == name]
        return found[0].check(message, signature) if found else None


COORDINATOR_KEY = Key("coordinator")
ADA_KEY = Key("ada")
EVE_KEY = Key("eve")
MALLORY_KEY = Key("mallory")
ORDER_KEYS = Pinned((COORDINATOR_KEY,))
RELEASE_KEYS = Pinned((ADA_KEY, EVE_KEY))


def sealed(order: StandingOrder, key: Key = COORDINATOR_KEY) -> str:
    """The envelope of an order."""
    return envelope_text(key.sign(order_text(order)))


def statement(halt: str, key: Key, audience: str = "fleet", at: datetime = NOW) -> Statement:
    """A signed statement of release that is good for an hour."""
    return key.sign(release_text(Release(halt, audience, at, at + HOUR)))

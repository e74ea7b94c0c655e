"""Fresh secrets and chance: the only place that draws them."""

from __future__ import annotations

import secrets


def new_secret() -> str:
    """256 random bits as URL-safe text."""
    return secrets.token_urlsafe(32)


def new_name() -> str:
    """A short random name, for telling runs of a program apart; no secret."""
    return secrets.token_hex(4)


def random_share() -> float:
    """A number from 0 to 1."""
    return secrets.randbelow(1_000_001) / 1_000_000

"""Options of an adapter, as the policy keeps them."""

from __future__ import annotations

from typing import Any


def copied(options: dict[str, Any]) -> dict[str, Any]:
    """Options of the policy's own, so that nothing else can change them later."""
    return {key: _copied(value) for key, value in options.items()}


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return copied(value)
    if isinstance(value, list):
        return [_copied(each) for each in value]
    return value

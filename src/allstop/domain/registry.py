"""The register of event kinds: one frozen class per wire name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T", bound=type)

KINDS: dict[str, type[Any]] = {}
_NAMES: dict[type[Any], tuple[str, int]] = {}


def event(kind: str, schema: int = 1) -> Callable[[T], T]:
    """Register a frozen dataclass as the event with wire name `kind` and schema number `schema`."""

    def register(cls: T) -> T:
        if kind in KINDS:
            raise ValueError(f"two events are called {kind}")
        KINDS[kind] = cls
        _NAMES[cls] = (kind, schema)
        return cls

    return register


def kind_of(value: object) -> str:
    """The wire name of an event, such as `incident.declared`."""
    return wire_name(type(value))


def wire_name(kind: type) -> str:
    """The wire name of an event class."""
    return _NAMES[kind][0]


def schema_of(value: object) -> int:
    """The schema number the event is written with."""
    return _NAMES[type(value)][1]

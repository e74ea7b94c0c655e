"""`replace` as `dataclasses` has it, for state that is changed with every entry.

That one calls the constructor with every field, which for an incident takes longer than all the rest
of an entry. A frozen class without slots keeps its fields in one dictionary, and that is copied whole,
but for what it remembers (`World.remembered`).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")


def _replace(value: T, /, **changes: Any) -> T:
    try:
        fields: dict[str, Any] = value.__dict__.copy()
    except AttributeError:
        slotted: T = dataclasses.replace(value, **changes)  # type: ignore[type-var]
        return slotted
    fields.pop("remembered", None)
    size = len(fields)
    fields.update(changes)
    if len(fields) != size:
        raise TypeError(f"{type(value).__name__} has no {', '.join([*fields][size:])}")
    copy = object.__new__(type(value))
    object.__setattr__(copy, "__dict__", fields)
    return copy


if TYPE_CHECKING:
    # So that the fields and their types are checked as they are there.
    from dataclasses import replace as replace
else:
    replace = _replace

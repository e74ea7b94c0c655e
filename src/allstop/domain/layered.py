"""Mappings of thousands of entries that change one at a time, and of which every version is kept."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from math import isqrt
from typing import TypeVar

V = TypeVar("V")

# Below this a copy of the whole is as quick.
LARGE = 512


class Layered(Mapping[str, V]):
    """Read-only, as a dict would be: the same entries in the same order. Most of it is shared with the version
    before; what has changed lies above that, and is laid down once it has become much."""

    __slots__ = ("_above", "_below")

    def __init__(self, below: dict[str, V], above: dict[str, V]) -> None:
        """Neither is changed from now on."""
        self._below, self._above = below, above

    def __getitem__(self, name: str) -> V:
        above = self._above
        return above[name] if name in above else self._below[name]

    def __contains__(self, name: object) -> bool:
        return name in self._above or name in self._below

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._below) + sum(name not in self._below for name in self._above)

    def __repr__(self) -> str:
        return repr(self._whole())

    # Whoever goes through all of it does so in one dict, and does not look each entry up.

    def keys(self) -> KeysView[str]:
        return self._whole().keys()

    def values(self) -> ValuesView[V]:
        return self._whole().values()

    def items(self) -> ItemsView[str, V]:
        return self._whole().items()

    def changed(self, more: Mapping[str, V]) -> Layered[V]:
        """The next version."""
        above = {**self._above, **more}
        if len(above) <= isqrt(len(self._below)):
            return Layered(self._below, above)
        return Layered({**self._below, **above}, {})

    def _whole(self) -> dict[str, V]:
        return {**self._below, **self._above} if self._above else self._below


def changed(found: Mapping[str, V], more: Mapping[str, V]) -> Mapping[str, V]:
    """A mapping with these entries instead of its own, or behind them; the given one stays as it is."""
    if isinstance(found, Layered):
        return found.changed(more)
    whole = {**found, **more}
    return Layered(whole, {}) if len(whole) > LARGE else whole

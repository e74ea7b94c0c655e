"""Limits on how much is under way at once, and who holds what of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

# What is counted and how much of it there may be: `(("host", "alpha"), 8)`.
Limit = tuple[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many may be under way at once: in all, on one host, in one zone, through one adapter. 0: no limit."""

    together: int = 32
    per_host: int = 0
    per_zone: int = 0
    per_adapter: Mapping[str, int] | None = None


class Site(NamedTuple):
    """Whose tokens a service takes while it is under way."""

    host: str = ""
    zone: str = ""
    adapter: str = ""


class Tokens:
    """Who holds what. A service goes only when every limit that concerns it has room."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held: dict[tuple[str, str], int] = {}
        self._known: dict[Site, tuple[Limit, ...]] = {}

    def wanted(self, site: Site) -> tuple[Limit, ...]:
        """The limits that concern a site."""
        known = self._known.get(site)
        if known is None:
            known = self._known[site] = self._looked_up(site)
        return known

    def _looked_up(self, site: Site) -> tuple[Limit, ...]:
        limits = self._limits
        by_adapter = (limits.per_adapter or {}).get(site.adapter, 0)
        rows = [
            (("together", ""), limits.together),
            (("host", site.host), limits.per_host if site.host else 0),
            (("zone", site.zone), limits.per_zone if site.zone else 0),
            (("adapter", site.adapter), by_adapter),
        ]
        return tuple((key, limit) for key, limit in rows if limit > 0)

    def room(self, site: Site) -> bool:
        """Whether one more may go there."""
        return self.full(self.wanted(site)) is None

    def has(self, limits: Iterable[Limit]) -> bool:
        """Whether every one of these limits has room."""
        return self.full(limits) is None

    def full(self, limits: Iterable[Limit]) -> Limit | None:
        """The first of these limits that has no room."""
        held = self._held
        for limit in limits:
            if held.get(limit[0], 0) >= limit[1]:
                return limit
        return None

    def take(self, site: Site) -> None:
        for key, _ in self.wanted(site):
            self._held[key] = self._held.get(key, 0) + 1

    def give(self, site: Site) -> None:
        for key, _ in self.wanted(site):
            self._held[key] -= 1

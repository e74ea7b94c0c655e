"""How long it will take: event-driven list scheduling played through with the expected times.

With unit resources a list schedule is within 2 - 1/m of the best one (Graham, SIAM J. Appl. Math. 17, 1969).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from allstop.domain.fleet.ordering import Ordering


@dataclass(frozen=True, slots=True)
class Limits:
    """How many may be under way at once: in all, on one host, in one zone, through one adapter. 0: no limit."""

    together: int = 32
    per_host: int = 0
    per_zone: int = 0
    per_adapter: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Whose tokens a service takes while it is under way."""

    host: str = ""
    zone: str = ""
    adapter: str = ""


# Limits with what counts for each: `(("host", "alpha"), 8)`.
Demand = list[tuple[tuple[str, str], int]]


class Tokens:
    """Who holds what. A service goes only when every limit that concerns it has room."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held: dict[tuple[str, str], int] = {}
        self._known: dict[Site, Demand] = {}

    def wanted(self, site: Site) -> Demand:
        """The limits that concern a site, to be handed to `has` where it is asked about often."""
        known = self._known.get(site)
        if known is None:
            known = self._known[site] = self._looked_up(site)
        return known

    def _looked_up(self, site: Site) -> Demand:
        limits = self._limits
        by_adapter = (limits.per_adapter or {}).get(site.adapter, 0)
        rows = [
            (("together", ""), limits.together),
            (("host", site.host), limits.per_host if site.host else 0),
            (("zone", site.zone), limits.per_zone if site.zone else 0),
            (("adapter", site.adapter), by_adapter),
        ]
        return [(key, limit) for key, limit in rows if limit > 0]

    def room(self, site: Site) -> bool:
        """Whether one more may go there."""
        return self.has(self.wanted(site))

    def has(self, demand: Demand) -> bool:
        """Whether every one of these limits has room."""
        held = self._held
        for key, limit in demand:
            if held.get(key, 0) >= limit:
                return False
        return True

    def take(self, site: Site) -> None:
        for key, _ in self.wanted(site):
            self._held[key] = self._held.get(key, 0) + 1

    def give(self, site: Site) -> None:
        for key, _ in self.wanted(site):
            self._held[key] -= 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """ends_ms: when each service will have ended, from the beginning; whole_ms: the last of them;
    bound_ms: the longest path, which no number of hands makes shorter."""

    ends_ms: dict[str, int]
    whole_ms: int
    bound_ms: int


def estimate(
    ordering: Ordering,
    time_of: Callable[[str], int],
    limits: Limits | None = None,
    site_of: Callable[[str], Site] | None = None,
) -> Estimate:
    """Play the schedule through. Total: an order has no cycles left."""
    tokens = Tokens(limits or Limits(together=0))
    sites = {name: site_of(name) if site_of else Site() for name in ordering.names}
    waits = {name: len(earlier) for name, earlier in ordering.before.items()}
    after: dict[str, list[str]] = {name: [] for name in ordering.names}
    for name, earlier in ordering.before.items():
        for one in earlier:
            after[one].append(name)
    ready = [ordering.key(name) for name in ordering.names if waits[name] == 0]
    heapq.heapify(ready)
    running: list[tuple[int, str]] = []
    ends: dict[str, int] = {}
    now = 0
    while ready or running:
        _begin(ready, running, tokens, sites, time_of, now)
        now, name = heapq.heappop(running)
        ends[name] = now
        tokens.give(sites[name])
        for one in after[name]:
            waits[one] -= 1
            if waits[one] == 0:
                heapq.heappush(ready, ordering.key(one))
    bound = max((ordering.remaining_ms[name] for name in ordering.names), default=0)
    return Estimate(ends, max(ends.values(), default=0), bound)


def _begin(
    ready: list[tuple[int, int, str]],
    running: list[tuple[int, str]],
    tokens: Tokens,
    sites: dict[str, Site],
    time_of: Callable[[str], int],
    now: int,
) -> None:
    """Everything that is ready and has room, the most urgent first; what has none keeps its place."""
    passed: list[tuple[int, int, str]] = []
    anywhere = tokens.wanted(Site())
    while ready and tokens.has(anywhere):
        key = heapq.heappop(ready)
        site = sites[key[2]]
        if tokens.room(site):
            tokens.take(site)
            heapq.heappush(running, (now + max(0, time_of(key[2])), key[2]))
        else:
            passed.append(key)
    for key in passed:
        heapq.heappush(ready, key)

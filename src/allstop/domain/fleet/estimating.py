"""How long it will take: event-driven list scheduling played through with the expected times.

With unit resources a list schedule is within 2 - 1/m of the best one (Graham, SIAM J. Appl. Math. 17, 1969).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from allstop.domain.fleet.ordering import Ordering
from allstop.domain.fleet.tokens import Limits, Site, Tokens
from allstop.domain.fleet.waiting import Waiting

__all__ = ["Estimate", "Limits", "Site", "Tokens", "estimate"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """ends_ms: when each service will have ended, from the beginning; whole_ms: the last of them;
    bound_ms: the longest path, which no number of hands makes shorter."""

    ends_ms: dict[str, int]
    whole_ms: int
    bound_ms: int


def side_by_side(
    times: Mapping[str, int], rank: Mapping[str, int], limits: Limits,
    site_of: Callable[[str], Site],
) -> Estimate:  # fmt: skip
    """Play through what waits for nobody: only the limits hold it up. times: milliseconds of each, by name."""
    names = tuple(times)
    waits: dict[str, tuple[str, ...]] = dict.fromkeys(names, ())
    order = Ordering(names, names, waits, (), dict(rank), dict(times), ())
    return estimate(order, times.__getitem__, limits, site_of)


def estimate(
    ordering: Ordering,
    time_of: Callable[[str], int],
    limits: Limits | None = None,
    site_of: Callable[[str], Site] | None = None,
) -> Estimate:
    """Play the schedule through. Total: an order has no cycles left."""
    waiting = Waiting(Tokens(limits or Limits(together=0)))
    sites = {name: site_of(name) if site_of else Site() for name in ordering.names}
    waits = {name: len(earlier) for name, earlier in ordering.before.items()}
    after: dict[str, list[str]] = {name: [] for name in ordering.names}
    for name, earlier in ordering.before.items():
        for one in earlier:
            after[one].append(name)
    for name in ordering.names:
        if waits[name] == 0:
            waiting.push(ordering.key(name), sites[name])
    running: list[tuple[int, str]] = []
    ends: dict[str, int] = {}
    now = 0
    while True:
        while (begun := waiting.pop()) is not None:
            heapq.heappush(running, (now + max(0, time_of(begun[0][2])), begun[0][2]))
        if not running:
            break
        now, name = heapq.heappop(running)
        ends[name] = now
        waiting.give(sites[name])
        for one in after[name]:
            waits[one] -= 1
            if waits[one] == 0:
                waiting.push(ordering.key(one), sites[one])
    bound = max((ordering.remaining_ms[name] for name in ordering.names), default=0)
    return Estimate(ends, max(ends.values(), default=0), bound)

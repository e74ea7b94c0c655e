"""Which service may go when: hard order always, importance by inheritance, cycles as one unit.

A service takes the best rank of anything that must wait for it, so that an important one is never held up by
the unimportant ones before it (priority inheritance). Ties go to the longest remaining path, then to the name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from allstop.domain.fleet.components import components
from allstop.domain.fleet.graph import HARD, RUNNING, STARTING, Graph, closure, graph_of
from allstop.domain.policy.fleet import Fleet, Service

# What a stop protects first, and a degradation sheds last.
CATEGORIES = ("revenue", "customer-facing", "internal", "analytics")


@dataclass(frozen=True, slots=True)
class Ordering:
    """The order of a set of services, by name.

    sequence: all of them, each behind what it waits for; before: what must have ended before each; units: cycles, members in the order they go; rank:
    inherited, the smallest first; remaining_ms: its own time and the longest path of what waits for it;
    dropped: soft dependencies left out because they would close a cycle (who, whom).
    """

    names: tuple[str, ...]
    sequence: tuple[str, ...]
    before: dict[str, tuple[str, ...]]
    units: tuple[tuple[str, ...], ...]
    rank: dict[str, int]
    remaining_ms: dict[str, int]
    dropped: tuple[tuple[str, str], ...]

    def key(self, name: str) -> tuple[int, int, str]:
        """Sorts what could go now: the smallest goes first."""
        return (self.rank[name], -self.remaining_ms[name], name)

    def critical_path(self) -> tuple[str, ...]:
        """A chain of services that nothing can make shorter, in the order they go."""
        after: dict[str, list[str]] = {name: [] for name in self.names}
        for name, earlier in self.before.items():
            for one in earlier:
                after[one].append(name)
        way: list[str] = []
        left: Sequence[str] = self.names
        while left:
            way.append(max(left, key=lambda one: (self.remaining_ms[one], one)))
            left = after[way[-1]]
        return tuple(way)


def importance_rank(fleet: Fleet) -> dict[str, int]:
    """The rank of every service."""
    return {service.name: rank_of(service) for service in fleet.services}


def rank_of(service: Service) -> int:
    """0 for the most important: by category, then by importance within it."""
    return CATEGORIES.index(service.category) * 1000 + (100 - service.importance)


def stop_order(
    fleet: Fleet,
    chosen: Collection[str],
    time_of: Callable[[str], int],
    rank: dict[str, int] | None = None,
) -> Ordering:
    """Dependents before what they need. time_of: milliseconds one service takes."""
    hard, soft = graph_of(fleet, HARD), graph_of(fleet, RUNNING)
    return _order(soft, soft.dependents, hard.dependents, chosen, time_of, rank or {})


def start_order(
    fleet: Fleet,
    chosen: Collection[str],
    time_of: Callable[[str], int],
    rank: dict[str, int] | None = None,
) -> Ordering:
    """What is needed before those that need it, what is needed to start only included."""
    hard, every = graph_of(fleet, HARD), graph_of(fleet, STARTING)
    return _order(every, every.needs, hard.needs, chosen, time_of, rank or {})


def _order(
    graph: Graph,
    edges: tuple[tuple[int, ...], ...],
    hard: tuple[tuple[int, ...], ...],
    chosen: Collection[str],
    time_of: Callable[[str], int],
    rank: dict[str, int],
) -> Ordering:
    """edges: by index, what must go before; hard: those of them that are never dropped."""
    members = sorted(graph.indices(chosen))
    place = {one: at for at, one in enumerate(members)}
    before, firm = _among(edges, members, place), _among(hard, members, place)
    names = tuple(graph.names[one] for one in members)
    cycles = components(before)
    dropped = _drop_soft_edges(before, firm, cycles)
    if dropped:
        cycles = components(before)
    own = [rank.get(name, 0) for name in names]
    units = [tuple(sorted(part, key=lambda at: (own[at], names[at]))) for part in cycles]
    before = _opened(before, units)
    inherited, remaining, sequence = _inherited(before, own, [time_of(name) for name in names])
    return Ordering(
        names,
        tuple(names[at] for at in sequence),
        {names[at]: tuple(names[one] for one in sorted(found)) for at, found in enumerate(before)},
        tuple(tuple(names[at] for at in unit) for unit in units),
        dict(zip(names, inherited, strict=True)),
        dict(zip(names, remaining, strict=True)),
        tuple((names[who], names[whom]) for who, whom in dropped),
    )


def _among(
    edges: tuple[tuple[int, ...], ...], members: list[int], place: dict[int, int]
) -> list[list[int]]:
    """For each member, by its place, the members before it: also those that only others stand between, which
    are none. Who calls a service that stays calls what is behind it as well."""
    if len(members) == len(edges):
        return [list(edges[one]) for one in members]
    direct = [[place[other] for other in edges[one] if other in place] for one in members]
    ways = _behind_others(edges, members, place)
    if not ways:
        return direct
    for at, one in enumerate(members):
        found = 0
        for other in edges[one]:
            found |= ways.get(other, 0)
        found &= ~(1 << at)
        for known in direct[at]:
            found &= ~(1 << known)
        direct[at] += _bits(found)
    return direct


def _behind_others(
    edges: tuple[tuple[int, ...], ...], members: list[int], place: dict[int, int]
) -> dict[int, int]:
    """Of everybody else that a member leads to, the members that are reached through others alone, as bits."""
    seen = {other for one in members for other in edges[one] if other not in place}
    left = list(seen)
    while left:
        for other in edges[left.pop()]:
            if other not in place and other not in seen:
                seen.add(other)
                left.append(other)
    others = sorted(seen)
    at = {one: number for number, one in enumerate(others)}
    inner = [[at[other] for other in edges[one] if other in at] for one in others]
    reached = [0] * len(others)
    # Those that edges lead to come first, so that each is looked at once.
    for part in components(inner, single=True):
        found = 0
        for number in part:
            for other in edges[others[number]]:
                found |= 1 << place[other] if other in place else reached[at[other]]
        for number in part:
            reached[number] = found
    return {one: reached[at[one]] for one in others if reached[at[one]]}


def _bits(found: int) -> list[int]:
    """The numbers of the bits that are set, in ascending order."""
    return [number for number, bit in enumerate(reversed(f"{found:b}")) if bit == "1"]


def _drop_soft_edges(
    before: list[list[int]], firm: list[list[int]], cycles: list[tuple[int, ...]]
) -> list[tuple[int, int]]:
    """Inside a cycle, only hard edges count: takes the others away, and returns them."""
    dropped: list[tuple[int, int]] = []
    for part in cycles:
        inner = set(part)
        for at in part:
            hard = set(firm[at])
            loose = [one for one in before[at] if one in inner and one not in hard]
            dropped += [(one, at) for one in loose]
            before[at] = [one for one in before[at] if one not in loose]
    return dropped


def _opened(before: list[list[int]], units: list[tuple[int, ...]]) -> list[list[int]]:
    """Cycles as chains: the whole unit waits for what any member waits for, members go one by one.

    Who waits for a member waits for the last of its unit, so that nobody loses half of a cycle.
    """
    unit_of = {at: unit for unit in units for at in unit}
    opened: list[list[int]] = []
    for at, earlier in enumerate(before):
        mine = unit_of.get(at, ())
        found = {unit_of[one][-1] if one in unit_of else one for one in earlier if one not in mine}
        opened.append(sorted(found))
    for unit in units:
        outside = sorted({one for at in unit for one in opened[at]})
        opened[unit[0]] = outside
        for earlier_at, at in pairwise(unit):
            opened[at] = [earlier_at]
    return opened


def _inherited(
    before: list[list[int]], own: list[int], times: list[int]
) -> tuple[list[int], list[int], list[int]]:
    """Rank and remaining path of each, worked out from those that go last; and all of them in order."""
    waiting = [0] * len(before)
    for earlier in before:
        for one in earlier:
            waiting[one] += 1
    left = [at for at, count in enumerate(waiting) if count == 0]
    rank, remaining = list(own), list(times)
    done: list[int] = []
    while left:
        at = left.pop()
        done.append(at)
        for one in before[at]:
            rank[one] = min(rank[one], rank[at])
            remaining[one] = max(remaining[one], times[one] + remaining[at])
            waiting[one] -= 1
            if waiting[one] == 0:
                left.append(one)
    return rank, remaining, done[::-1]


def with_dependents(fleet: Fleet, names: Collection[str]) -> frozenset[str]:
    """The services and everything that is broken without them: what can be stopped without orphans."""
    graph = graph_of(fleet)
    return graph.named(closure(graph.dependents, graph.indices(names)))


def may_be_shed(fleet: Fleet, keep: Collection[str]) -> frozenset[str]:
    """Everything that `keep` can do without: the complement of `keep` and all it needs.

    No service of it is needed by a kept one: y needs x and y is kept, so x is kept.
    """
    graph = graph_of(fleet)
    kept = closure(graph.needs, graph.indices(keep))
    return frozenset(name for at, name in enumerate(graph.names) if at not in kept)

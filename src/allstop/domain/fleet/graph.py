"""Services and their dependencies as indices, both ways; closures in linear time.

`a -> b` means that a needs b: b is among the needs of a, and a among the dependents of b.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from allstop.domain.policy.fleet import DependencyKind, Fleet

HARD = frozenset({DependencyKind.HARD})
# What orders a stop: who is only degraded without another still stops before it, where that is possible.
RUNNING = frozenset({DependencyKind.HARD, DependencyKind.SOFT})
STARTING = frozenset(DependencyKind)

# Graphs of the fleets asked about last: four kinds of each. A fleet is immutable, so the same one has the
# same graph.
_KEPT: list[tuple[Fleet, frozenset[DependencyKind], Graph]] = []
_KEPT_AT_MOST = 12


@dataclass(frozen=True, slots=True)
class Graph:
    """names, by index; index: by name; needs, dependents: neighbours of each, by index, without doubles."""

    names: tuple[str, ...]
    index: dict[str, int]
    needs: tuple[tuple[int, ...], ...]
    dependents: tuple[tuple[int, ...], ...]

    def indices(self, names: Iterable[str]) -> list[int]:
        """The indices of names that the fleet has; others are left out."""
        return [self.index[name] for name in names if name in self.index]

    def named(self, indices: Iterable[int]) -> frozenset[str]:
        return frozenset(self.names[one] for one in indices)


def graph_of(fleet: Fleet, kinds: frozenset[DependencyKind] = HARD) -> Graph:
    """The graph over dependencies of some kinds. Edges to services that are not in the fleet do not count."""
    for known, of, graph in _KEPT:
        if known is fleet and of == kinds:
            return graph
    graph = _built(fleet, kinds)
    _KEPT.append((fleet, kinds, graph))
    del _KEPT[:-_KEPT_AT_MOST]
    return graph


def _built(fleet: Fleet, kinds: frozenset[DependencyKind]) -> Graph:
    names = tuple(service.name for service in fleet.services)
    index = {name: place for place, name in enumerate(names)}
    # A tuple: enumerations are hashed slowly, and compared by identity at once.
    wanted = tuple(kinds)
    needs: list[tuple[int, ...]] = []
    dependents: list[list[int]] = [[] for _ in names]
    for place, service in enumerate(fleet.services):
        found = {
            index[edge.to]: None
            for edge in service.depends
            if edge.kind in wanted and edge.to in index and edge.to != service.name
        }
        needs.append(tuple(found))
        for one in found:
            dependents[one].append(place)
    return Graph(names, index, tuple(needs), tuple(tuple(one) for one in dependents))


def closure(edges: tuple[tuple[int, ...], ...], start: Iterable[int]) -> set[int]:
    """Everything that can be reached over `edges`, what it starts from included."""
    seen = set(start)
    left = list(seen)
    while left:
        for one in edges[left.pop()]:
            if one not in seen:
                seen.add(one)
                left.append(one)
    return seen


def blast_radius(fleet: Fleet, names: Iterable[str]) -> frozenset[str]:
    """Every service that is broken when `names` are: they reach one over hard dependencies. Without `names`."""
    graph = graph_of(fleet)
    start = graph.indices(names)
    return graph.named(closure(graph.dependents, start) - set(start))


def needed_by(fleet: Fleet, names: Iterable[str]) -> frozenset[str]:
    """Everything `names` cannot run without, over however many hard dependencies. Without `names`."""
    graph = graph_of(fleet)
    start = graph.indices(names)
    return graph.named(closure(graph.needs, start) - set(start))


def inside(graph: Graph, chosen: Collection[int]) -> dict[int, tuple[int, ...]]:
    """The dependents of each chosen service that are chosen too: what must stop before it."""
    members = chosen if isinstance(chosen, set | frozenset) else set(chosen)
    return {
        one: tuple(other for other in graph.dependents[one] if other in members) for one in members
    }

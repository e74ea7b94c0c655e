"""What is lost with some services: who is broken without them, who is degraded, which functions go, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from allstop.domain.fleet.graph import graph_of
from allstop.domain.fleet.ordering import rank_of
from allstop.domain.policy.fleet import DependencyKind, Fleet, Function

SOFT = frozenset({DependencyKind.SOFT})


@dataclass(frozen=True, slots=True)
class Radius:
    """lost: the services asked about; broken: everybody else who is broken without them, the most important
    first; degraded: who only does worse without one of all those; through: of each who is hit, the one next
    on its shortest way to what is lost; functions: that run through something lost or broken.
    """

    lost: tuple[str, ...]
    broken: tuple[str, ...]
    degraded: tuple[str, ...]
    through: Mapping[str, str]
    functions: tuple[Function, ...]

    def way(self, name: str) -> tuple[str, ...]:
        """From a service that is hit to one that is lost, each needing the next."""
        way = [name]
        while way[-1] in self.through:
            way.append(self.through[way[-1]])
        return tuple(way)


def radius_of(fleet: Fleet, names: Iterable[str]) -> Radius:
    """What is lost with services of the fleet; names it does not have are left out.

    Broken is whoever reaches one of them over hard dependencies; degraded is whoever has a soft one to
    something lost or broken. Who needs a degraded service hard goes on: it still answers.
    """
    graph = graph_of(fleet)
    start = graph.indices(dict.fromkeys(names))
    came: dict[int, int] = {}
    seen = set(start)
    queue = list(start)
    # Breadth first, so that the way of each is one of its shortest.
    for one in queue:
        for other in graph.dependents[one]:
            if other not in seen:
                seen.add(other)
                came[other] = one
                queue.append(other)
    gone = {graph.names[one] for one in seen}
    through = {graph.names[one]: graph.names[by] for one, by in came.items()}
    soft = graph_of(fleet, SOFT)
    degraded = {other: one for one in seen for other in soft.dependents[one] if other not in seen}

    def ranked(found: Iterable[int]) -> tuple[str, ...]:
        services = [fleet.services[one] for one in found]
        return tuple(one.name for one in sorted(services, key=lambda one: (rank_of(one), one.name)))

    return Radius(
        tuple(graph.names[one] for one in start), ranked(came), ranked(degraded),
        through | {graph.names[one]: graph.names[by] for one, by in degraded.items()},
        tuple(one for one in fleet.functions if not gone.isdisjoint(one.services)),
    )  # fmt: skip

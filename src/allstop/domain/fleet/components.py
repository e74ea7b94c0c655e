"""Cycles: sets of services that all need each other. None is ever dropped; each is handled as one unit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from allstop.domain.fleet.graph import RUNNING, graph_of
from allstop.domain.policy.fleet import DependencyKind, Fleet


def components(edges: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Strongly connected components of more than one node, members in ascending order.

    Tarjan's algorithm (SIAM J. Comput. 1, 1972) without recursion, so that a chain of any length is fine.
    """
    order = [-1] * len(edges)
    low = [0] * len(edges)
    on_stack = [False] * len(edges)
    stack: list[int] = []
    found: list[tuple[int, ...]] = []
    counter = 0
    for root in range(len(edges)):
        if order[root] != -1:
            continue
        work = [(root, iter(edges[root]))]
        order[root] = low[root] = counter
        counter += 1
        stack.append(root)
        on_stack[root] = True
        while work:
            node, rest = work[-1]
            for one in rest:
                if order[one] == -1:
                    order[one] = low[one] = counter
                    counter += 1
                    stack.append(one)
                    on_stack[one] = True
                    work.append((one, iter(edges[one])))
                    break
                if on_stack[one]:
                    low[node] = min(low[node], order[one])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    found.extend(_popped(stack, on_stack, node))
    return found


def _popped(stack: list[int], on_stack: list[bool], root: int) -> Iterable[tuple[int, ...]]:
    members = []
    while True:
        one = stack.pop()
        on_stack[one] = False
        members.append(one)
        if one == root:
            break
    return [tuple(sorted(members))] if len(members) > 1 else []


@dataclass(frozen=True, slots=True)
class Cycle:
    """Services that all need each other, and the dependencies among them: (who, whom, kind)."""

    services: tuple[str, ...]
    edges: tuple[tuple[str, str, DependencyKind], ...]

    def words(self) -> str:
        """`a -> b (hard), b -> a (soft)`."""
        return ", ".join(f"{one} -> {to} ({kind})" for one, to, kind in self.edges)


def cycles(fleet: Fleet, kinds: frozenset[DependencyKind] = RUNNING) -> tuple[Cycle, ...]:
    """Every cycle over dependencies of some kinds, those with themselves included."""
    graph = graph_of(fleet, kinds)
    sets = [frozenset(graph.names[one] for one in part) for part in components(graph.needs)]
    sets += [
        frozenset({service.name})
        for service in fleet.services
        if any(edge.to == service.name and edge.kind in kinds for edge in service.depends)
        and not any(service.name in part for part in sets)
    ]
    return tuple(
        Cycle(tuple(sorted(part)), _edges(fleet, part, kinds)) for part in sorted(sets, key=min)
    )


def _edges(
    fleet: Fleet, part: frozenset[str], kinds: frozenset[DependencyKind]
) -> tuple[tuple[str, str, DependencyKind], ...]:
    return tuple(
        (service.name, edge.to, edge.kind)
        for service in fleet.services
        if service.name in part
        for edge in service.depends
        if edge.to in part and edge.kind in kinds
    )

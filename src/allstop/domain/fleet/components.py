"""Cycles: sets of services that all need each other. None is ever dropped; each is handled as one unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from allstop.domain.fleet.graph import RUNNING, graph_of
from allstop.domain.policy.fleet import DependencyKind, Fleet


def components(edges: Sequence[Sequence[int]], *, single: bool = False) -> list[tuple[int, ...]]:
    """Strongly connected components of more than one node, members in ascending order; with `single`, those of
    one node as well. Each stands behind those that its edges lead to.

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
                    part = _popped(stack, on_stack, node)
                    if single or len(part) > 1:
                        found.append(tuple(sorted(part)))
    return found


def _popped(stack: list[int], on_stack: list[bool], root: int) -> list[int]:
    members = []
    while True:
        one = stack.pop()
        on_stack[one] = False
        members.append(one)
        if one == root:
            break
    return members


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
    parts = [tuple(graph.names[one] for one in part) for part in components(graph.needs)]
    part_of = {name: number for number, part in enumerate(parts) for name in part}
    for service in fleet.services:
        itself = any(edge.to == service.name and edge.kind in kinds for edge in service.depends)
        if itself and service.name not in part_of:
            part_of[service.name] = len(parts)
            parts.append((service.name,))
    edges: list[list[tuple[str, str, DependencyKind]]] = [[] for _ in parts]
    for service in fleet.services:
        number = part_of.get(service.name)
        for edge in service.depends if number is not None else ():
            if part_of.get(edge.to) == number and edge.kind in kinds:
                edges[part_of[service.name]].append((service.name, edge.to, edge.kind))
    order = sorted(range(len(parts)), key=lambda number: min(parts[number]))
    return tuple(Cycle(tuple(sorted(parts[at])), tuple(edges[at])) for at in order)

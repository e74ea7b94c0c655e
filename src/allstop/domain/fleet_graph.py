"""The dependency graph: who is hit when a service fails, and which failing service is the cause."""

from __future__ import annotations

from collections.abc import Iterable

from allstop.domain.policy import DependencyKind, Fleet


def dependents(fleet: Fleet, names: Iterable[str]) -> frozenset[str]:
    """Every service that reaches one of `names` over hard dependencies, those names excluded."""
    hit = set(names)
    start = frozenset(hit)
    grown = True
    while grown:
        grown = False
        for service in fleet.services:
            needs = {edge.to for edge in service.depends if edge.kind is DependencyKind.HARD}
            if service.name not in hit and needs & hit:
                hit.add(service.name)
                grown = True
    return frozenset(hit - start)


def suspects(fleet: Fleet, failing: Iterable[str]) -> tuple[str, ...]:
    """Of the failing services, those that no other failing one explains: the likeliest causes.

    What explains is what covers: hard dependencies, over healthy ones in between as well. A cycle of failing services has no such member; then all of them are suspects.
    """
    bad = set(failing)
    found = [name for name in sorted(bad) if not covered(fleet, bad - {name}, name)]
    return tuple(found or sorted(bad))


def covered(fleet: Fleet, services: Iterable[str], name: str) -> bool:
    """Whether trouble at `name` is explained by trouble at `services`."""
    known = tuple(services)
    return name in known or name in dependents(fleet, known)

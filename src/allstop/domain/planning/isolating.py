"""Isolation: what does harm is cut off first, by risk. No order among services; collateral is shown."""

from __future__ import annotations

from allstop.domain.draft import Refuse, refuse
from allstop.domain.fleet.graph import blast_radius
from allstop.domain.fleet.ordering import importance_rank
from allstop.domain.plan.asked import Asked, Outlook
from allstop.domain.plan.events import Bite, Node
from allstop.domain.planning.drawn import Drawn
from allstop.domain.planning.node_steps import act
from allstop.domain.planning.safety import bites_of_sets
from allstop.domain.planning.selecting import select
from allstop.domain.planning.stopping import expected_apart, few, pace
from allstop.domain.policy import Fleet, Service
from allstop.domain.verdict import Reason, Verdict
from allstop.domain.world import World

# Domains in the order they are cut off where a fleet does not say its own: what does most harm goes first.
BY_RISK = ("payments", "authentication", "core-data", "integrations", "analytics")


def draw_isolation(world: World, fleet: Fleet, asked: Asked) -> Drawn:
    """Cut services off, each at once and by itself; with few hands, in the order the fleet says."""
    named = select(fleet, asked.targets)
    chosen = {name for name in named if "isolate" not in world.standing_of(name).closed}
    if not chosen:
        hint = "allstop plan isolate SERVICE ..."
        refuse("nothing-to-do", "nothing is named that is not isolated already", hint)
    services = {one.name: one for one in fleet.services if one.name in chosen}
    cannot = [name for name, one in services.items() if "isolate" not in one.actions]
    if cannot:
        hint = "add actions.isolate to fleet.yaml, or leave it out"
        reasons = (Reason("cannot-isolate", f"{one} has no isolation", hint) for one in cannot)
        raise Refuse(Verdict(tuple(reasons)))
    rank = isolation_rank(fleet)
    ordered = sorted(services.values(), key=lambda one: (rank[one.name], one.name))
    radius = blast_radius(fleet, services)
    bites = (
        [Bite("protected", one.name, "it is protected") for one in ordered if one.protected]
        + [
            Bite("own-dependency", one.name, "the coordinator needs it itself")
            for one in ordered
            if one.name in fleet.own
        ]
        + bites_of_sets(world, fleet, chosen)
    )
    lacking = [
        f"{one.name}: no probe proves that it is isolated"
        for one in ordered
        if "isolated" not in one.verify
    ]
    nodes = tuple(
        Node(one.name, one.name, (), "hold", rank[one.name], 0, one.host, one.zone)
        for one in ordered
    )
    steps = tuple(act(one, "isolate") for one in ordered)
    whole, longest = expected_apart(world, fleet, nodes, steps)
    return Drawn(
        f"isolate {few([one.name for one in ordered])}",
        nodes,
        steps,
        pace(fleet.limits),
        tuple(bites),
        Outlook(whole, longest, radius=tuple(sorted(radius)), lacking=tuple(lacking)),
    )


def isolation_rank(fleet: Fleet) -> dict[str, int]:
    """By the fleet's list of domains and services, or by risk; what is not listed comes after, by importance."""
    listed = {name: at for at, name in enumerate(fleet.isolation or BY_RISK)}
    rest = importance_rank(fleet)

    def rank(service: Service) -> int:
        places = [listed[one] for one in (service.name, service.domain) if one in listed]
        return min(places) if places else len(listed) + rest[service.name]

    return {service.name: rank(service) for service in fleet.services}

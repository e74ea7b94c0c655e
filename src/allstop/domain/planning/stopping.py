"""A stop: dependents first, data safe before the service that holds it, cycles as one unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from allstop.domain.draft import Refuse, refuse
from allstop.domain.fleet.estimating import Estimate, Limits, Site, estimate, side_by_side
from allstop.domain.fleet.expected import all_expected_ms, expected_ms
from allstop.domain.fleet.graph import blast_radius
from allstop.domain.fleet.ordering import Ordering, importance_rank, stop_order, with_dependents
from allstop.domain.plan.asked import Asked, Outlook
from allstop.domain.plan.events import Node, Pace, Step
from allstop.domain.plan.routes import NODE
from allstop.domain.planning.deadline import deadline_of
from allstop.domain.planning.drawn import Drawn
from allstop.domain.planning.node_steps import GENTLY, SAFELY
from allstop.domain.planning.offers import Offer, offers_of
from allstop.domain.planning.safety import bites_of_stop
from allstop.domain.planning.selecting import select
from allstop.domain.policy import Fleet, FleetLimits, Service
from allstop.domain.verdict import Reason, Verdict
from allstop.domain.world import World


def draw_stop(world: World, fleet: Fleet, asked: Asked) -> Drawn:
    """The plan to stop services. Refuses targets that do not exist, and services nothing can stop."""
    named = select(fleet, asked.targets)
    allowed = select(fleet, asked.orphans) if asked.orphans else ()
    if not named:
        refuse("no-target", "say what is to be stopped", "allstop plan stop SERVICE ..., or all")
    chosen = with_dependents(fleet, named) if asked.dependents else frozenset(named)
    chosen = frozenset(name for name in chosen if not world.standing_of(name).stopped)
    if not chosen:
        refuse("nothing-to-do", f"{few(named)}: stopped already", "allstop fleet show")
    services = {one.name: one for one in fleet.services if one.name in chosen}
    offers = offers_of(fleet, services.values())
    cannot = [name for name, one in offers.items() if not one.actions]
    if cannot:
        hint = "add actions.stop or actions.isolate to fleet.yaml, or leave it out"
        raise Refuse(
            Verdict(tuple(Reason("cannot-stop", f"nothing can stop {one}", hint) for one in cannot))
        )
    times = {
        name: all_expected_ms(world.durations, one, offers[name].actions)
        for name, one in services.items()
    }
    order = stop_order(fleet, chosen, times.__getitem__, importance_rank(fleet))
    radius = blast_radius(fleet, chosen)
    orphans = frozenset(name for name in radius if not world.standing_of(name).stopped)
    bites = bites_of_stop(
        world, fleet, chosen, named=asked.targets, orphans=orphans, allowed=allowed
    )
    # The members of a cycle begin together; only their stops go one by one.
    heads = {name: unit[0] for unit in order.units for name in unit}
    whole = _played(fleet, services, order, times)
    by = deadline_of(order, services, world.durations, whole, asked.deadline_ms)
    nodes = tuple(
        _node(services[name], offers[name], order, heads.get(name, name), by.force_ms.get(name, 0))
        for name in order.names
    )
    steps = _steps(offers, order)
    outlook = replace(
        _outlook(nodes, order, services, whole, radius), forced=by.forced, late=by.late
    )
    title = f"stop {few(order.names)}"
    return Drawn(title, nodes, steps, pace(fleet.limits), bites, outlook)


def pace(limits: FleetLimits) -> Pace:
    """The limits of the fleet as a plan keeps them."""
    return Pace(
        limits.together, limits.per_host, limits.per_zone, dict(limits.per_adapter), limits.failures
    )


def expected_apart(
    world: World, fleet: Fleet, nodes: Iterable[Node], steps: Iterable[Step]
) -> tuple[int, int]:
    """How long nodes take that wait for nobody, with the limits of the fleet; and the longest of them.

    Whatever the fleet knows no more takes as long as nobody knows.
    """
    found = {node.id: node for node in nodes}
    times = dict.fromkeys(found, 0)
    for step in steps:
        service = fleet.service(step.service)
        if service is not None:
            times[step.node] += expected_ms(world.durations, service, step.action)
    whole = side_by_side(
        times,
        {id: node.rank for id, node in found.items()},
        _limits(fleet),
        lambda id: Site(found[id].host, found[id].zone),
    )
    return whole.whole_ms, whole.bound_ms


def _limits(fleet: Fleet) -> Limits:
    limits = fleet.limits
    return Limits(limits.together, limits.per_host, limits.per_zone, dict(limits.per_adapter))


def _node(service: Service, offer: Offer, order: Ordering, head: str, force_ms: int) -> Node:
    name = service.name
    return Node(
        name, name, order.before[head], offer.policy, order.rank[name], order.remaining_ms[name],
        service.host, service.zone, offer.lacking, force_ms=force_ms,
    )  # fmt: skip


def _steps(offers: dict[str, Offer], order: Ordering) -> tuple[Step, ...]:
    as_one: dict[str, list[Step]] = {}
    for unit in order.units:
        as_one.update({name: list(offers[name].steps) for name in unit})
        _together([as_one[name] for name in unit])
    found: list[Step] = []
    for name in order.names:
        found += as_one.get(name) or offers[name].steps
        found += offers[name].rescues
    return tuple(found)


def _together(members: list[list[Step]]) -> None:
    """A cycle as one unit: all are quiesced, then all drained, then all fenced and so on; then they stop one
    after another, each when the one before has ended, however it did."""
    gently = (*GENTLY, *SAFELY)
    ids = {
        action: [one.id for each in members for one in each if one.action == action]
        for action in gently
    }
    for at, steps in enumerate(members):
        for place, step in enumerate(steps):
            before = gently[: gently.index(step.action)] if step.action in gently else gently
            waits = [id for action in before for id in ids[action]]
            if step.action not in gently and at:
                waits.append(f"{NODE}{members[at - 1][0].node}")
            steps[place] = replace(step, after=tuple(dict.fromkeys((*step.after, *waits))))


def _played(
    fleet: Fleet, services: dict[str, Service], order: Ordering, times: dict[str, int]
) -> Estimate:
    """The schedule played through with the limits of the fleet."""
    sites = {name: Site(one.host, one.zone) for name, one in services.items()}
    return estimate(order, times.__getitem__, _limits(fleet), sites.__getitem__)


def _outlook(
    nodes: tuple[Node, ...], order: Ordering, services: dict[str, Service], whole: Estimate,
    radius: frozenset[str],
) -> Outlook:  # fmt: skip
    at_risk = [
        name
        for name, one in services.items()
        if one.stateful and "verify-snapshot" not in one.actions
    ]
    lacking = [f"{one.service}: {', '.join(one.lacking)}" for one in nodes if one.lacking]
    return Outlook(
        whole.whole_ms, whole.bound_ms, order.critical_path(), tuple(sorted(radius)), order.units,
        order.dropped, tuple(at_risk), lacking=tuple(lacking),
    )  # fmt: skip


def few(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{', '.join(names[:5])}{more}"

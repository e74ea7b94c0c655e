"""Answers about the fleet, from the policy and, where there is one, the published state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from allstop.application.fleet_shapes import (
    BlastRadius,
    EdgeLine,
    FleetService,
    FleetView,
    FunctionLine,
    HitLine,
    SetLine,
)
from allstop.application.shapes import ProbeLine, ServiceLine
from allstop.domain.fleet.components import cycles
from allstop.domain.fleet.estimating import Limits, Site, estimate
from allstop.domain.fleet.expected import Durations, all_expected_ms
from allstop.domain.fleet.ordering import importance_rank, rank_of, stop_order
from allstop.domain.fleet.radius import Radius, radius_of
from allstop.domain.moment import words
from allstop.domain.planning.node_steps import rescues, stop_actions, stop_lacking
from allstop.domain.policy import Fleet, Objective, Policy, Service, Spans
from allstop.domain.span_words import span_words
from allstop.domain.verdict import nearest
from allstop.domain.world import World
from allstop.errors import Missing

Probes = Mapping[str, tuple[ProbeLine, ...]]
# How many services of a way are shown: enough to see where it comes from and where it leads.
_LONGEST_WAY = 40
_HINTS = 5


def state_of(probes: Iterable[ProbeLine]) -> str:
    """up | down | unknown: one bad probe makes it down, and only all good ones make it up."""
    states = {probe.state for probe in probes}
    return "down" if "down" in states else "up" if states == {"up"} else "unknown"


def service_lines(policy: Policy, world: World, probes: Probes) -> tuple[ServiceLine, ...]:
    """The services as the console and `allstop services` show them, in the order of the document."""
    fleet = policy.fleet
    functions = _functions(fleet)
    found = []
    for service in fleet.services:
        good, standing = world.known_good.get(service.name), world.standing_of(service.name)
        found.append(
            ServiceLine(
                service.name, service.title, service.category, state_of(probes[service.name]),
                service.protected, tuple(edge.to for edge in service.depends), probes[service.name],
                good.release if good else "", functions.get(service.name, ()),
                standing.words(), service.host, service.zone, service.failure_policy().value,
                stop_lacking(service), standing.stopped,
            )
        )  # fmt: skip
    return tuple(found)


def fleet_view(
    fleet: Fleet, objectives: tuple[Objective, ...] = (), world: World | None = None,
    probes: Probes | None = None,
) -> FleetView:  # fmt: skip
    """The whole fleet. objectives: of the classes of services; without a world and probes: what the documents
    alone say."""
    world = world or World()
    needed_by: dict[str, list[EdgeLine]] = {}
    for service in fleet.services:
        for edge in service.depends:
            needed_by.setdefault(edge.to, []).append(EdgeLine(service.name, edge.kind.value))
    functions = _functions(fleet)
    ordered = sorted(fleet.services, key=lambda one: (rank_of(one), one.name))
    return FleetView(
        tuple(
            _service(
                one, objectives, world, functions.get(one.name, ()),
                tuple(needed_by.get(one.name, ())), state_of(probes[one.name]) if probes else "",
            )
            for one in ordered
        ),
        tuple(SetLine(one.name, one.title, one.members, one.alive) for one in fleet.sets),
        tuple(stage.name for stage in fleet.stages),
        fleet.own,
        tuple(cycle.words() for cycle in cycles(fleet)),
        probes is not None,
    )  # fmt: skip


def _service(
    service: Service, objectives: tuple[Objective, ...], world: World,
    functions: tuple[str, ...], needed_by: tuple[EdgeLine, ...], state: str,
) -> FleetService:  # fmt: skip
    standing = world.standing_of(service.name)
    rto, rpo = objectives_of(service, objectives)
    policy = service.failure_policy().value
    return FleetService(
        name=service.name,
        title=service.title,
        category=service.category,
        importance=service.importance,
        service_class=service.service_class,
        rto=rto,
        rpo=rpo,
        domain=service.domain,
        host=service.host,
        zone=service.zone,
        stage=service.stage,
        protected=service.protected,
        stateful=service.stateful,
        policy=policy,
        by_default=service.on_failure is None,
        policy_works=policy not in ("force", "isolate") or bool(rescues(service, policy)),
        actions=tuple(service.actions),
        lacking=stop_lacking(service),
        levers=tuple(lever.name for lever in service.levers),
        probes=tuple(probe.name for probe in service.probes),
        functions=functions,
        needs=tuple(EdgeLine(edge.to, edge.kind.value) for edge in service.depends),
        needed_by=needed_by,
        stop_ms=all_expected_ms(world.durations, service, stop_actions(service)),
        state=state,
        standing=standing.words(),
        plan=standing.plan if standing.words() else "",
    )


def objectives_of(service: Service, objectives: tuple[Objective, ...]) -> tuple[str, str]:
    """RTO and RPO in words: its own, else those of its class; empty where none is set."""
    of_class = next((one for one in objectives if one.service_class == service.service_class), None)
    rto = words(service.rto_ms) if service.rto_ms is not None else ""
    rpo = words(service.rpo_ms) if service.rpo_ms is not None else ""
    if of_class is not None:
        rto = rto or _spans(of_class.rto)
        rpo = rpo or (span_words(of_class.rpo) if of_class.rpo else "")
    return rto, rpo


def _spans(spans: Spans) -> str:
    """`15m`, or `SEV1 15m, SEV2 1h`."""
    rest = [span_words(spans.default)] if spans.default else []
    by = [f"{severity} {span_words(span)}" for severity, span in spans.by.items()]
    return ", ".join(by + ([f"else {rest[0]}"] if by and rest else rest))


def _functions(fleet: Fleet) -> dict[str, tuple[str, ...]]:
    """Titles of the functions each service is part of."""
    found: dict[str, list[str]] = {}
    for function in fleet.functions:
        for name in function.services:
            found.setdefault(name, []).append(function.title)
    return {name: tuple(titles) for name, titles in found.items()}


# --- blast radius --------------------------------------------------------------------------------------


def blast_radius_view(
    fleet: Fleet, names: Iterable[str], learned: Durations | None = None
) -> BlastRadius:
    """What is lost with some services. Raises Missing, with the nearest names, when one does not exist."""
    services = {service.name: service for service in fleet.services}
    asked = tuple(dict.fromkeys(names))
    unknown = [name for name in asked if name not in services]
    if unknown:
        # Looking for near names takes long in a large fleet; the first few show what went wrong.
        hints = [nearest(name, services) for name in unknown[:_HINTS]]
        more = f" and {len(unknown) - _HINTS} more" if len(unknown) > _HINTS else ""
        raise Missing(
            f"there is no service {', '.join(unknown[:_HINTS])}{more}",
            "; ".join(dict.fromkeys(hint for hint in hints if hint))
            or "fleet.yaml has no services",
        )
    found = radius_of(fleet, asked)
    gone = [services[name] for name in (*found.lost, *found.broken)]
    named = {one.name for one in gone}
    return BlastRadius(
        found.lost,
        tuple(_hit(services[name], found) for name in found.broken),
        tuple(_hit(services[name], found) for name in found.degraded),
        tuple(
            FunctionLine(
                one.name, one.title, one.core, tuple(name for name in one.services if name in named)
            )
            for one in found.functions
        ),
        tuple(one.name for one in gone if one.category == "revenue"),
        len(fleet.services),
        _stop_ms(fleet, gone, learned or {}),
        tuple(one.name for one in gone if not stop_actions(one)),
    )


def _hit(service: Service, found: Radius) -> HitLine:
    way = found.way(service.name)
    if len(way) > _LONGEST_WAY:
        half = _LONGEST_WAY // 2
        way = (*way[:half], "...", *way[-half:])
    return HitLine(service.name, service.title, service.category, service.importance, way)


def _stop_ms(fleet: Fleet, gone: list[Service], learned: Durations) -> int:
    """How long a stop of all of them is expected to take, with the limits of the fleet."""
    times = {one.name: all_expected_ms(learned, one, stop_actions(one)) for one in gone}
    sites = {one.name: Site(one.host, one.zone) for one in gone}
    order = stop_order(fleet, times.keys(), times.__getitem__, importance_rank(fleet))
    limits = fleet.limits
    allowed = Limits(limits.together, limits.per_host, limits.per_zone, dict(limits.per_adapter))
    return estimate(order, times.__getitem__, allowed, sites.__getitem__).whole_ms

"""The stages of a recovery, each behind a gate; and what a gate looks at when."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.domain.fleet.graph import blast_radius
from allstop.domain.fleet.ordering import Ordering
from allstop.domain.plan.events import Node, Step
from allstop.domain.planning.node_steps import gate
from allstop.domain.planning.returning import FUNCTIONS
from allstop.domain.policy import Policy, Service, Stage

# Where a fleet names no stages: all come back in one.
_ONE = (Stage("recovery", "recovery"),)
# Probes that are good only once services behind their own are back as well, with all that they wait for.
Late = Mapping[str, tuple[str, ...]]


def late_probes(policy: Policy, services: dict[str, Service]) -> Late:
    """Probes of functions of the business that run through a service which comes back behind the probe's own: its
    own gate would wait for what waits for it."""
    late: dict[str, tuple[str, ...]] = {}
    for function in policy.fleet.functions:
        probe = policy.fleet.probe(function.probe)
        if probe is None or probe.service not in services:
            continue
        through = [one for one in function.services if one in services]
        if not blast_radius(policy.fleet, (probe.service,)).isdisjoint(through):
            late[probe.name] = tuple(dict.fromkeys((*late.get(probe.name, ()), *through)))
    return late


def stage_of(policy: Policy, service: Service) -> str:
    """In which stage a service comes back: its own, else by category, else the last one."""
    stages = policy.fleet.stages or _ONE
    names = [stage.name for stage in stages]
    if service.stage in names:
        return service.stage
    by_category = next((one.name for one in stages if service.category in one.categories), None)
    return by_category or names[-1]


def staged(
    policy: Policy, services: dict[str, Service], order: Ordering, late: Late
) -> tuple[tuple[Node, ...], tuple[Step, ...]]:
    """Nodes in their order, each after the gate of the stage before; and the gates as nodes of their own.

    A stage with nothing to bring back has a gate when it names probes and a later one does have something; one
    whose services have no probes has none, and the next waits for these. late: probes that are looked at once all
    of these services are back.
    """
    stages = policy.fleet.stages or _ONE
    at = _stages_of(policy, services, order)
    looks: dict[int, list[str]] = {}
    for name in order.names:
        for probe in services[name].probes:
            number = max(at[one] for one in (name, *late.get(probe.name, ())))
            looks.setdefault(number, []).append(probe.name)
    nodes: list[Node] = []
    gates: list[Step] = []
    closing: tuple[str, ...] = ()
    last, units = max(at.values()), {name: unit for unit in order.units for name in unit}
    for number, stage in enumerate(stages):
        members = [name for name in order.names if at[name] == number]
        if not members and number > last:
            continue
        nodes += [_node(services[name], order, units, closing) for name in members]
        wanted = tuple(dict.fromkeys((*looks.get(number, ()), *stage.probes)))
        if wanted and policy.fleet.stages:
            id = f"stage:{stage.name}"
            nodes.append(Node(id, "", (*members, *closing), "hold"))
            title = f"stage {stage.title}: all of it is well"
            gates.append(gate(policy, id, f"gate-{id}", title, wanted, ()))
            closing = (id,)
        elif policy.fleet.stages:
            # Nothing can be looked at: the next stage waits until all of this one is there.
            closing = (*closing, *members)
    if late and not policy.fleet.stages:
        title = "all of it is well, and what the business needs through it"
        nodes.append(Node(FUNCTIONS, "", order.names, "hold"))
        gates.append(gate(policy, FUNCTIONS, "gate-functions", title, tuple(late), ()))
    return tuple(nodes), tuple(gates)


def _stages_of(policy: Policy, services: dict[str, Service], order: Ordering) -> dict[str, int]:
    """In which stage each comes back, by number. What one of an earlier stage needs comes back in that stage,
    whatever it says of itself; a cycle in the earliest of its members."""
    place = {stage.name: at for at, stage in enumerate(policy.fleet.stages or _ONE)}
    at = {name: place[stage_of(policy, one)] for name, one in services.items()}
    for unit in order.units:
        at.update(dict.fromkeys(unit, min(at[name] for name in unit)))
    for name in reversed(order.sequence):
        for earlier in order.before[name]:
            at[earlier] = min(at[earlier], at[name])
    return at


def _node(
    service: Service, order: Ordering, units: dict[str, tuple[str, ...]], closing: tuple[str, ...]
) -> Node:
    """A cycle begins as one, behind all that any of it needs; who needs one of it waits for all of it."""
    name = service.name
    before = order.before[units.get(name, (name,))[0]]
    whole = (one for each in before for one in units.get(each, (each,)))
    after = tuple(dict.fromkeys((*whole, *closing)))
    return Node(
        name, name, after, "hold", order.rank[name], order.remaining_ms[name], service.host,
        service.zone,
    )  # fmt: skip

"""A recovery: what is needed first, stage by stage, each behind a gate; zero samples never pass one."""

from __future__ import annotations

from allstop.domain.draft import refuse
from allstop.domain.fleet.estimating import Limits, Site, estimate
from allstop.domain.fleet.expected import expected_ms, key
from allstop.domain.fleet.graph import needed_by
from allstop.domain.fleet.ordering import Ordering, importance_rank, start_order
from allstop.domain.plan.asked import Asked, Outlook
from allstop.domain.plan.events import Bite, Node, Step
from allstop.domain.planning.drawn import Drawn
from allstop.domain.planning.node_steps import gate, return_steps
from allstop.domain.planning.selecting import select
from allstop.domain.planning.stopping import few, pace
from allstop.domain.policy import Policy, Service, Stage
from allstop.domain.world import World

# Where a fleet names no stages: all come back in one.
_ONE = (Stage("recovery", "recovery"),)


def draw_recovery(world: World, policy: Policy, asked: Asked) -> Drawn:
    """Bring back services: the named ones, else all that plans have stopped, cut off or fenced."""
    fleet = policy.fleet
    named = select(fleet, asked.targets) if asked.targets else _down(world, policy)
    if not named:
        refuse(
            "nothing-to-do", "no plan has stopped or closed anything", "allstop plan recover NAME"
        )
    chosen = frozenset(named)
    if asked.dependents:
        chosen |= {name for name in needed_by(fleet, named) if not world.standing_of(name).is_usual}
    services = {one.name: one for one in fleet.services if one.name in chosen}
    steps = {name: return_steps(policy, one) for name, one in services.items()}
    lacking = [name for name, found in steps.items() if not found]
    if lacking:
        hint = "add actions.start and probes to fleet.yaml"
        refuse("cannot-start", f"nothing can bring back {few(lacking)}", hint)
    times = {
        name: sum(_expected_ms(world, policy, one, step) for step in steps[name])
        for name, one in services.items()
    }
    order = start_order(fleet, chosen, times.__getitem__, importance_rank(fleet))
    nodes, gates = _staged(policy, services, order)
    whole = estimate(
        order,
        times.__getitem__,
        Limits(fleet.limits.together, fleet.limits.per_host, fleet.limits.per_zone),
        lambda name: Site(services[name].host, services[name].zone),
    )
    outlook = Outlook(
        whole.whole_ms, whole.bound_ms, order.critical_path(), (), order.units, order.dropped,
        lacking=tuple(
            f"{name}: no probe says that it is well"
            for name, one in services.items()
            if not one.probes
        ),
    )  # fmt: skip
    return Drawn(
        f"bring back {few(order.names)}",
        nodes,
        tuple(step for name in order.names for step in steps[name]) + gates,
        pace(fleet.limits),
        _bites(world, policy, services),
        outlook,
    )


def _expected_ms(world: World, policy: Policy, service: Service, step: Step) -> int:
    """Of one step. A gate that was never passed takes as long as its window, or its samples."""
    if step.kind != "gate" or key(service.name, step.action) in world.durations:
        return expected_ms(world.durations, service, step.action)
    return max(step.window_ms, step.min_samples * policy.fleet.monitor.interval_ms)


def _down(world: World, policy: Policy) -> tuple[str, ...]:
    return tuple(
        service.name
        for service in policy.fleet.services
        if world.standing_of(service.name).stopped or world.standing_of(service.name).closed
    )


def _bites(world: World, policy: Policy, services: dict[str, Service]) -> tuple[Bite, ...]:
    """What a service needs and this plan does not bring back."""
    found = []
    for name, service in services.items():
        down = sorted(
            one
            for one in needed_by(policy.fleet, (name,))
            if one not in services and world.standing_of(one).stopped
        )
        if down:
            found.append(Bite("needs-stopped", name, f"it needs {few(down)}, which stays stopped"))
        if not service.probes:
            found.append(Bite("unproven", name, "no probe says that it is well again"))
    return tuple(found)


def stage_of(policy: Policy, service: Service) -> str:
    """In which stage a service comes back: its own, else by category, else the last one."""
    stages = policy.fleet.stages or _ONE
    names = [stage.name for stage in stages]
    if service.stage in names:
        return service.stage
    by_category = next((one.name for one in stages if service.category in one.categories), None)
    return by_category or names[-1]


def _staged(
    policy: Policy, services: dict[str, Service], order: Ordering
) -> tuple[tuple[Node, ...], tuple[Step, ...]]:
    """Nodes in their order, each after the gate of the stage before; and the gates as nodes of their own.

    A service that one of an earlier stage needs comes back in that stage, whatever it says of itself. A stage with
    nothing to bring back has a gate when it names probes and a later one does have something.
    """
    stages = policy.fleet.stages or _ONE
    place = {stage.name: at for at, stage in enumerate(stages)}
    at = {name: place[stage_of(policy, one)] for name, one in services.items()}
    for name in reversed(order.sequence):
        for earlier in order.before[name]:
            at[earlier] = min(at[earlier], at[name])
    nodes: list[Node] = []
    gates: list[Step] = []
    closing, last = "", max(at.values())
    for number, stage in enumerate(stages):
        members = [name for name in order.names if at[name] == number]
        if not members and number > last:
            continue
        nodes += [_node(services[name], order, closing) for name in members]
        probes = [probe.name for name in members for probe in services[name].probes]
        wanted = tuple(dict.fromkeys((*probes, *stage.probes)))
        if wanted and policy.fleet.stages:
            id = f"stage:{stage.name}"
            after = (*members, *((closing,) if closing else ()))
            nodes.append(Node(id, "", after, "hold"))
            title = f"stage {stage.title}: all of it is well"
            gates.append(gate(policy, id, f"gate-{id}", title, wanted, ()))
            closing = id
    return tuple(nodes), tuple(gates)


def _node(service: Service, order: Ordering, closing: str) -> Node:
    name = service.name
    after = (*order.before[name], *((closing,) if closing else ()))
    return Node(
        name, name, after, "hold", order.rank[name], order.remaining_ms[name], service.host,
        service.zone,
    )  # fmt: skip

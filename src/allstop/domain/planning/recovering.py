"""A recovery: what is needed first, stage by stage, each behind a gate; zero samples never pass one."""

from __future__ import annotations

from allstop.domain.copying import replace
from allstop.domain.draft import refuse
from allstop.domain.fleet.estimating import Limits, Site, estimate
from allstop.domain.fleet.expected import expected_ms, key
from allstop.domain.fleet.graph import RUNNING, blast_radius, graph_of, needed_by
from allstop.domain.fleet.ordering import importance_rank, start_order
from allstop.domain.fleet.standing import Standing
from allstop.domain.plan.asked import Asked, Outlook
from allstop.domain.plan.events import Bite, Step
from allstop.domain.planning.drawn import Drawn
from allstop.domain.planning.node_steps import OPENERS, RAMP, return_steps
from allstop.domain.planning.returning import WHOLE, stays_closed
from allstop.domain.planning.selecting import select
from allstop.domain.planning.staging import Late, late_probes, staged
from allstop.domain.planning.stopping import few, pace
from allstop.domain.policy import Policy, Service
from allstop.domain.world import World

# Purposes of plans that let traffic back by shares.
_WAYS_BACK = ("recover", "rollback", "restore", "fix")


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
        chosen |= {name for name in needed_by(fleet, named) if _is_down(world, name)}
    services = {one.name: one for one in fleet.services if one.name in chosen}
    late = late_probes(policy, services)
    steps = _steps(world, policy, services, late)
    lacking = [name for name, found in steps.items() if not found]
    if lacking:
        hint = "add actions.start and probes to fleet.yaml"
        refuse("cannot-start", f"nothing can bring back {few(lacking)}", hint)
    times = {
        name: sum(_expected_ms(world, policy, one, step) for step in steps[name])
        for name, one in services.items()
    }
    order = start_order(fleet, chosen, times.__getitem__, importance_rank(fleet))
    for unit in order.units:
        _together([steps[name] for name in unit])
    nodes, gates = staged(policy, services, order, late)
    whole = estimate(
        order,
        times.__getitem__,
        Limits(fleet.limits.together, fleet.limits.per_host, fleet.limits.per_zone),
        lambda name: Site(services[name].host, services[name].zone),
    )
    outlook = Outlook(
        whole.whole_ms, whole.bound_ms, order.critical_path(), (), order.units, order.dropped,
        lacking=tuple(line for one in services.values() for line in _lacking(world, one)),
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
    return tuple(one.name for one in policy.fleet.services if _is_down(world, one.name))


def _is_down(world: World, name: str) -> bool:
    """Whether plans have left it stopped or closed, or a way back was given up before all of its traffic was back."""
    standing = world.standing_of(name)
    if standing.stopped or standing.closed:
        return True
    plan = world.plans.get(standing.plan)
    return standing.capacity != WHOLE and plan is not None and plan.purpose in _WAYS_BACK


def _steps(
    world: World, policy: Policy, services: dict[str, Service], late: Late
) -> dict[str, list[Step]]:
    cut_off = _ever_cut_off(world)
    users = graph_of(policy.fleet, RUNNING)
    found = {}
    for name, service in services.items():
        standing = world.standing_of(name)
        opens: tuple[str, ...] = OPENERS
        shares: tuple[int, ...] = RAMP
        if not standing.is_usual:
            # A way that nobody has closed is not opened: whoever would do it may be down itself.
            opens = tuple(one for one in OPENERS if one != "reopen" or name in cut_off)
            callers = [users.names[one] for one in users.dependents[users.index[name]]]
            idle = callers and all(world.standing_of(one).stopped for one in callers)
            shares = _shares(standing, idle=bool(idle))
        steps = return_steps(policy, service, opens, shares, late)
        found[name] = steps or return_steps(policy, service, opens, shares)
    return found


def _shares(standing: Standing, *, idle: bool) -> tuple[int, ...]:
    """By which shares traffic returns. idle: whoever uses it is stopped, so that there is none to return."""
    if standing.pulled:
        return RAMP  # its callers do without it, whatever share it would get
    if standing.is_away:
        return () if idle and standing.capacity == WHOLE else RAMP
    # It is there: what it carries is never made less.
    return tuple(one for one in RAMP if one > standing.capacity)


def _ever_cut_off(world: World) -> frozenset[str]:
    """Services that a plan has begun to cut off, whatever came of it; those of containments as well."""
    begun = (plan.step(id) for plan in world.plans.values() for id in plan.progress)
    by_plans = {
        step.service
        for step in begun
        if step is not None
        and step.kind == "act"
        and "isolate" in (step.action, step.id.partition("-")[0])
    }
    standing = {name for name, one in world.standings.items() if "isolate" in one.closed}
    return frozenset(by_plans | standing)


def _together(members: list[list[Step]]) -> None:
    """A cycle as one unit: all are started, one after another, before the first of them has to be well."""
    starts = [step.id for steps in members for step in steps if step.action == "start"]
    for steps in members:
        for place, step in enumerate(steps):
            before = starts[: starts.index(step.id)][-1:] if step.id in starts else starts
            steps[place] = replace(step, after=tuple(dict.fromkeys((*step.after, *before))))


def _lacking(world: World, service: Service) -> list[str]:
    """What it would take to bring a service back whole, and is not offered, in words."""
    name, standing = service.name, world.standing_of(service.name)
    found = [] if service.probes else [f"{name}: no probe says that it is well"]
    if standing.stopped and "start" not in service.actions:
        found.append(f"{name}: no start, so a person starts it")
    return [*found, *stays_closed(service, standing.closed)]


def _bites(world: World, policy: Policy, services: dict[str, Service]) -> tuple[Bite, ...]:
    """What a service needs and this plan does not bring back."""
    found = []
    left = {name for name, one in world.standings.items() if one.stopped and name not in services}
    hit = blast_radius(policy.fleet, left)
    for name, service in services.items():
        down = sorted(needed_by(policy.fleet, (name,)) & left) if name in hit else []
        if down:
            found.append(Bite("needs-stopped", name, f"it needs {few(down)}, which stays stopped"))
        if not service.probes:
            found.append(Bite("unproven", name, "no probe says that it is well again"))
    return tuple(found)

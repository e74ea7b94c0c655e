"""Safety judged once more before each service is taken away: by what is up now, not by what was when it was planned.

A replica that fell by itself, or that another plan takes away, does not count as up. What a person approved by name
stays approved (see `planning.safety`), and an override of the step stands above it.
"""

from __future__ import annotations

from collections.abc import Iterable

from allstop.domain.incident.state import Incident
from allstop.domain.plan.events import Step
from allstop.domain.plan.lifecycle import StepState
from allstop.domain.plan.state import ENDED, Plan
from allstop.domain.policy import Fleet, Policy, Service
from allstop.domain.world import World

# The actions with which a service is no longer there for others.
TAKES_AWAY = frozenset({"quiesce", "drain", "isolate", "stop"})
CLOSED = frozenset({"quiesce", "drain", "isolate"})
# Whom such a step is under way for, or nobody knows how it ended, does not count as up.
TAKING = TAKES_AWAY | {"kill"}
# Of these it is enough that they were tried.
ENDS_IT = frozenset({"stop", "isolate"})


def unsafe_now(world: World, policy: Policy, incident: Incident, plan: Plan, step: Step) -> str:
    """Why a step must not begin now, in words; empty when it may.

    Its first attempt and every further one are judged alike. Steps that only run where another has failed
    (a kill, an isolation instead of a stop) are not, once the service is no use to anybody.
    """
    sets = policy.fleet.sets
    if not sets or step.action not in (TAKING if step.latent else TAKES_AWAY):
        return ""
    if step.latent and _is_no_use(plan, step):
        return ""
    if f"step:{plan.id}/{step.id}" in incident.overrides:
        return ""
    approved = {bite.subject for bite in plan.bites if bite.rule == "min-alive"}
    for one in sets:
        if step.service not in one.members or one.name in approved:
            continue
        away = _being_taken(world)
        up = [
            name
            for name in one.members
            if name != step.service
            and name not in away
            and _is_up(world, policy.fleet, incident, name)
        ]
        if len(up) < one.alive:
            seen = ", ".join(up) or "none of them"
            return (
                f"min-alive {one.name}: {len(up)} of {len(one.members)} would stay up ({seen}), {one.alive} must. "
                f"allstop override step:{plan.id}/{step.id} --because ..., to do it all the same"
            )
    return ""


def _is_no_use(plan: Plan, rescue: Step) -> bool:
    """Whether a service was closed, or half stopped. One that only refused to be drained works on."""
    taking = (plan.routes.steps[id] for id in plan.routes.of_node.get(rescue.node, ()))
    return any(
        plan.standing(step.id).attempt if step.action in ENDS_IT else _is_done(plan, step)
        for step in taking
        if step.action in TAKES_AWAY
    )


def _is_done(plan: Plan, step: Step) -> bool:
    return plan.standing(step.id).state is StepState.DONE


def _being_taken(world: World) -> frozenset[str]:
    """Services that a step takes away at this moment, or may have taken: nobody knows how it ended."""
    return frozenset(
        step.service
        for plan in world.plans.values()
        for step in map(plan.step, _open_steps(plan))
        if step is not None and step.action in TAKING
    )


def _open_steps(plan: Plan) -> Iterable[str]:
    """Steps under way; and of a plan that goes on those that wait for a person to say how they ended."""
    if plan.state in ENDED:
        return (id for id in plan.active if plan.standing(id).state is StepState.RUNNING)
    lost = (id for id in plan.holding if plan.standing(id).state is StepState.UNKNOWN)
    return (*plan.active, *lost)


def _is_up(world: World, fleet: Fleet, incident: Incident, name: str) -> bool:
    """Whether plans have left it there, and no probe says that it is bad. Unmeasured counts as up."""
    standing = world.standing_of(name)
    if standing.stopped or CLOSED & standing.closed:
        return False
    service = fleet.service(name)
    return service is not None and not _seen_bad(incident, service)


def _seen_bad(incident: Incident, service: Service) -> bool:
    samples = (incident.last_samples.get(probe.name) for probe in service.probes)
    return any(sample is not None and sample.good is False for sample in samples)

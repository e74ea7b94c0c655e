"""Undo: the inverses of what a plan has done, in reverse order, down to a step that stays."""

from __future__ import annotations

from datetime import datetime

from allstop.domain.draft import refuse
from allstop.domain.fleet.expected import expected_ms
from allstop.domain.fleet.graph import blast_radius
from allstop.domain.fleet.standing import Standing, after_step
from allstop.domain.plan.asked import Asked, Outlook
from allstop.domain.plan.events import Bite, Inverse, Node, Step
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import Plan
from allstop.domain.planning.drawn import Drawn
from allstop.domain.planning.inverting import by_service, in_order, inverse_of
from allstop.domain.planning.safety import bites_of_undoing
from allstop.domain.planning.stopping import few, pace
from allstop.domain.policy import Fleet
from allstop.domain.verdict import nearest
from allstop.domain.world import World


def draw_undo(world: World, fleet: Fleet, asked: Asked) -> Drawn:
    """Take back the steps of a plan that are done, the last first, down to `asked.to`, which stays done.

    Refuses a plan that is still running. What has no inverse is named, and stays.
    """
    plan = world.plans.get(asked.plan)
    if plan is None:
        refuse("unknown-plan", f"there is no plan {asked.plan}", nearest(asked.plan, world.plans))
    # Of a plan that does not go on, only what changes something is waited for: a gate or a task may never end.
    goes_on = plan.state is PlanState.RUNNING
    acting = sorted(id for id in plan.active if goes_on or plan.routes.steps[id].kind == "act")
    if acting:
        hint = f"allstop plan pause {plan.id}, and wait for what is under way"
        refuse("still-running", f"{few(acting)} of {plan.id} is under way", hint)
    done = in_order(_done_after(plan, asked.to))
    mine = by_service(done)
    nodes: list[Node] = []
    steps: list[Step] = []
    bites = []
    for step in done:
        service = fleet.service(step.service)
        one = inverse_of(plan, step, mine[step.service])
        if one is None or service is None:
            bites.append(Bite("irreversible", step.id, f"{step.title}: nothing takes it back"))
            continue
        id = f"undo-{step.id}"
        steps.append(
            Step(
                id, "act", f"take back: {step.title}", step.service, (), one.adapter, one.verb,
                dict(one.options), one.timeout_ms, node=id, action=one.action,
                proof=one.proof, expires_ms=one.expires_ms,
                inverse=_again(step) if one.expires_ms else None,
            )
        )  # fmt: skip
        after = (nodes[-1].id,) if nodes else ()
        nodes.append(Node(id, step.service, after, "hold", 0, 0, service.host, service.zone))
    if not steps:
        refuse("nothing-to-do", f"nothing of {plan.id} can be taken back", "allstop plan show")
    whole = sum(
        expected_ms(world.durations, service, step.action)
        for step in steps
        if (service := fleet.service(step.service)) is not None
    )
    title = f"take back {few([step.id.removeprefix('undo-') for step in steps])} of {plan.id}"
    taken, hit = _taken_away(world, fleet, steps, plan.made_at)
    bites += bites_of_undoing(world, fleet, services=mine, taken=taken, hit=hit)
    return Drawn(
        title, tuple(nodes), tuple(steps), pace(fleet.limits), tuple(bites),
        Outlook(whole, whole, radius=hit),
    )  # fmt: skip


def _taken_away(
    world: World, fleet: Fleet, steps: list[Step], at: datetime
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Services that are there now and are not once all is taken back; and who stays up, and is broken by it."""
    left: dict[str, Standing] = {}
    for step in steps:
        was = left.get(step.service, world.standing_of(step.service))
        left[step.service] = after_step(was, step, "", at)
    taken = frozenset(
        name for name, one in left.items() if one.is_away and not world.standing_of(name).is_away
    )
    hit = (
        name
        for name in blast_radius(fleet, taken)
        if not left.get(name, world.standing_of(name)).stopped
    )
    return taken, tuple(sorted(hit))


def _again(step: Step) -> Inverse:
    """What takes back a lever that an undo pulls again: the step that had taken it back."""
    return Inverse(
        step.action, step.adapter, step.verb, dict(step.options), step.timeout_ms, step.proof
    )


def _done_after(plan: Plan, to: str) -> list[Step]:
    """The steps that changed something and are done, the newest first, down to `to`."""
    acted = [
        step
        for step in plan.steps
        if step.kind == "act" and plan.standing(step.id).state is StepState.DONE
    ]
    order = {step.id: at for at, step in enumerate(plan.steps)}
    acted.sort(key=lambda step: (plan.standing(step.id).ended_at, order[step.id]), reverse=True)
    if not to:
        return acted
    names = [step.id for step in acted]
    if to not in names:
        refuse("unknown-step", f"{to} is no step of {plan.id} that is done", nearest(to, names))
    return acted[: names.index(to)]

"""The next sensible command for somebody who asks what is going on, and why."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from allstop.application.shapes import HaltView, IncidentLine
from allstop.application.standing_shapes import ProposalLine
from allstop.domain.approvals import waits_for
from allstop.domain.moment import after
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Policy
from allstop.domain.world import World

Command = tuple[str, str]


def next_beside(halts: Iterable[HaltView], proposals: Iterable[ProposalLine]) -> Command:
    """While no incident is open."""
    loose = next((halt for halt in halts if not halt.incident and not halt.private), None)
    if loose is not None:
        why = f"{loose.id} holds {loose.total} agents"
        return (f'allstop release {loose.id} --because "..."', why)
    asked = next((one for one in proposals if one.state == "open"), None)
    if asked is not None:
        return (f"allstop confirm {asked.id}", f"{asked.id} was proposed: {asked.because}")
    return (
        'allstop declare "what fails" --service NAME',
        "nothing is wrong that Allstop knows of",
    )


def next_in(
    world: World, policy: Policy, line: IncidentLine, now: datetime, *, several: bool
) -> Command:
    """In an open incident. several: there are more, so the command says which is meant.

    What is held goes before what waits for somebody, and that before what could be started.
    """
    if world.incidents[line.id].acknowledged_at is None:
        which = f" --incident {line.id}" if several else ""
        return (f"allstop ack{which}", f"nobody has acknowledged {line.id}")
    again = len(world.incidents[line.id].reopened)
    plans = [plan for plan in world.plans_of(line.id) if plan.round >= again]
    found = [*_held(plans), *_asking(plans), *_waiting(plans), *_ready(plans, policy, now)]
    if found:
        return found[0]
    return (
        f"allstop show {line.id}",
        line.waits_for[0] if line.waits_for else f"{line.id} is open",
    )


def _held(plans: Iterable[Plan]) -> Iterable[Command]:
    for plan in plans:
        if plan.state is PlanState.HELD:
            yield (f"allstop plan show {plan.id}", f"{plan.id} is held: {plan.held_because}")


def _asking(plans: Iterable[Plan]) -> Iterable[Command]:
    """Tasks of plans that wait for a person."""
    for plan in plans:
        for id in sorted(plan.active):
            step = plan.routes.steps[id]
            if step.kind == "task":
                why = f"{plan.id} asks {step.options.get('role', 'somebody')}: {step.title}"
                yield (f"allstop plan show {plan.id}", why)


def _waiting(plans: Iterable[Plan]) -> Iterable[Command]:
    for plan in plans:
        if plan.state is PlanState.PROPOSED and plan.approve:
            why = f"{plan.id} waits for approval by {waits_for(plan) or plan.approve}"
            yield (f"allstop approve {plan.id}", why)


def _ready(plans: Iterable[Plan], policy: Policy, now: datetime) -> Iterable[Command]:
    """Plans that a person asked for, and nobody has started. An approval that is over starts nothing."""
    holds = policy.fleet.limits.approval_ms
    for plan in plans:
        agreed = plan.state is PlanState.APPROVED or (
            plan.state is PlanState.PROPOSED and not plan.approve
        )
        over = plan.approved_at is not None and after(plan.approved_at, holds) <= now
        if plan.asked and agreed and not over:
            yield (f"allstop plan run {plan.id}", f"{plan.id} can be run: {plan.title}")

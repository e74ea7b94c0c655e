"""People of a graph: who asks for its plan, and who deals with what holds it. By where the story stands alone, so that
who was not answered asks again."""

from __future__ import annotations

from random import Random
from typing import Any

from allstop.domain.incident.commands import Approve, AssignRole, DeclareIncident
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import DrawPlan, RetryStep, SettleStep, StartPlan, WaiveStep
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import FAILURES, STALLED, Plan
from allstop.domain.world import World
from tests.domain.builders import ADA, EVE
from tests.simulation.graphs.outside import Outside

# A command, and who asks for it.
Request = tuple[Any, Any]


def drawn(world: World) -> list[Plan]:
    """The plans that somebody asked for, in their order; an incident makes others by itself."""
    return [plan for plan in world.plans.values() if plan.asked]


def newest(world: World) -> Plan | None:
    plans = drawn(world)
    return plans[-1] if plans else None


def next_request(world: World, purposes: tuple[str, ...]) -> Request | None:
    """What is asked for before a plan runs. None when it runs, or all are done."""
    if not world.incidents:
        return DeclareIncident("a plan is wanted", (), "person:eve"), EVE
    if "commander" not in world.incidents["INC-1"].roles:
        return AssignRole("INC-1", "commander", "ada"), EVE
    plan, count = newest(world), len(drawn(world))
    if plan is None or (plan.state is PlanState.DONE and count < len(purposes)):
        return DrawPlan("INC-1", Asked(purposes[count], ("all",))), EVE
    if plan.state is PlanState.PROPOSED and plan.approve:
        return Approve("INC-1", f"plan:{plan.id}", plan.hash), EVE
    if plan.state in (PlanState.PROPOSED, PlanState.APPROVED):
        return StartPlan(plan.id), EVE
    return None


def remedy(plan: Plan, outside: Outside) -> Request | None:
    """What a person does about one thing that holds the plan; None when there is nothing."""
    if FAILURES in plan.holding:
        return RetryStep(plan.id, FAILURES), ADA
    held = sorted(step for step in plan.holding if step != STALLED)
    if not held:
        return None
    step = plan.routes.steps[held[0]]
    standing = plan.standing(step.id)
    luck = Random(f"{outside.scene.seed}/{step.id}/{standing.attempt}").random()
    if luck < 0.2:
        return WaiveStep(plan.id, step.id, "it is taken care of by hand"), ADA
    if standing.state is StepState.UNKNOWN and luck < 0.6:
        happened = (f"plan/{plan.id}", step.id) in outside.did
        return SettleStep(plan.id, step.id, happened, "somebody went and looked"), ADA
    if luck < 0.8:
        outside.cured.add(f"{step.service}/{step.verb}")
    return RetryStep(plan.id, step.id), ADA

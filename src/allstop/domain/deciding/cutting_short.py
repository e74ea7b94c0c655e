"""Nodes that have used up their time before the deadline of their plan: killed, and seen to be gone."""

from __future__ import annotations

from allstop.domain.deciding.plan_running import begin_again
from allstop.domain.deciding.safe_again import TAKES_AWAY, unsafe_now
from allstop.domain.draft import Draft, Rules
from allstop.domain.moment import words
from allstop.domain.plan.commands import CutShort
from allstop.domain.plan.cutting import to_cut_short
from allstop.domain.plan.events import NodeCutShort, Step, StepStarted
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import Plan
from allstop.domain.record import plan_stream


def cut_short(draft: Draft, command: CutShort) -> None:
    """Kill what has no time left, beside whatever step of it is under way. Nothing when that is moot by now."""
    plan = draft.world.plans.get(command.plan)
    if plan is None:
        return
    limit = words(int(plan.asked.get("deadline_ms", 0)))
    for node in to_cut_short(plan, draft.now.utc):
        # One that is held by a safety rule may hold the plan.
        if draft.world.plans[plan.id].state is not PlanState.RUNNING:
            return
        unsafe = _unsafe_step(draft, plan, node)
        if unsafe:
            # Refused and held in the usual way: a deadline stands above no safety rule.
            begin_again(draft, plan.id, unsafe)
            continue
        because = f"no time is left for it before the deadline of {limit}"
        draft.emit(plan_stream(plan.id), NodeCutShort(node, because))
        kill = plan.routes.rescues[node]["kill"]
        draft.emit(plan_stream(plan.id), StepStarted(kill, 1))


def _unsafe_step(draft: Draft, plan: Plan, node: str) -> str:
    """The step with which a service that is still there would go next, where by now a safety rule is against it."""
    kill = plan.routes.steps[plan.routes.rescues[node]["kill"]]
    incident = draft.incident(plan.incident, must_be_open=False)
    if not unsafe_now(draft.world, draft.policy(incident), incident, plan, kill):
        return ""
    steps = (plan.routes.steps[id] for id in plan.routes.of_node[node])
    waiting = (step.id for step in steps if _waits(plan, step) and step.action in TAKES_AWAY)
    # Refused in its stead, so that the gentle way stays open to a person.
    return next(waiting, kill.id)


def _waits(plan: Plan, step: Step) -> bool:
    return plan.standing(step.id).state is StepState.WAITING


RULES: Rules = {CutShort: cut_short}
INTERNAL: frozenset[type] = frozenset(RULES)

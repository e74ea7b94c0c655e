"""Nodes that have used up their time before the deadline of their plan: killed, and seen to be gone."""

from __future__ import annotations

from allstop.domain.deciding.plan_running import begin_again
from allstop.domain.deciding.safe_again import unsafe_now
from allstop.domain.draft import Draft, Rules
from allstop.domain.moment import words
from allstop.domain.plan.commands import CutShort
from allstop.domain.plan.cutting import to_cut_short
from allstop.domain.plan.events import NodeCutShort, StepStarted
from allstop.domain.plan.lifecycle import NodeState, PlanState
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
    """The first step of a node that has not begun, where by now a safety rule keeps it from beginning."""
    if plan.node_at(node).state is not NodeState.WAITING:
        return ""
    step = plan.routes.steps[plan.routes.of_node[node][0]]
    incident = draft.incident(plan.incident, must_be_open=False)
    policy = draft.policy(incident)
    return step.id if unsafe_now(draft.world, policy, incident, plan, step) else ""


RULES: Rules = {CutShort: cut_short}
INTERNAL: frozenset[type] = frozenset(RULES)

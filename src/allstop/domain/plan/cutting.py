"""Which nodes of a running plan have used up their time before its deadline."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta

from allstop.domain.moment import after
from allstop.domain.plan.events import Node
from allstop.domain.plan.lifecycle import ENDS, NodeState, PlanState, StepState
from allstop.domain.plan.routes import NODE
from allstop.domain.plan.state import OVER, Plan

# Steps that keep data whole: nobody is killed before they are done.
KEEPS_DATA = frozenset({"fence", "flush", "snapshot", "verify-snapshot"})
_LEFT = (NodeState.WAITING, NodeState.RUNNING)


def to_cut_short(plan: Plan, now: datetime) -> tuple[str, ...]:
    """The nodes whose service is killed now, so that the plan ends by its deadline."""
    return cuts(plan, now)[0]


def cuts(plan: Plan, now: datetime) -> tuple[tuple[str, ...], datetime | None]:
    """These, and when to look again; None when the time of no further node will be over."""
    if plan.state is not PlanState.RUNNING or not plan.asked.get("deadline_ms"):
        return (), None
    begun = plan.started_at or plan.made_at
    # Rounded down: nobody is killed before their time, not by a fraction of a millisecond.
    passed = (now - begun) // timedelta(milliseconds=1)
    forced = plan.routes.by_force
    over = bisect_right(forced, passed, key=lambda node: node.force_ms)
    found = tuple(
        node.id
        for node in forced[:over]
        if plan.node_at(node.id).state in _LEFT and _may(plan, node)
    )
    return found, after(begun, forced[over].force_ms) if over < len(forced) else None


def _may(plan: Plan, node: Node) -> bool:
    """Whether it is its turn, its data is safe and that of a circle it is in, and nobody kills it yet."""
    kill = plan.routes.rescues.get(node.id, {}).get("kill", "")
    if not kill or plan.standing(kill).state is not StepState.WAITING:
        return False
    steps = [plan.routes.steps[id] for id in plan.routes.of_node.get(node.id, ())]
    waits = {one for step in steps for one in step.after}
    if any(_keeps_data_yet(plan, id) for id in waits.union(step.id for step in steps)):
        return False
    earlier = {one.removeprefix(NODE) for one in waits if one.startswith(NODE)}
    return all(plan.node_at(one).state in ENDS for one in earlier.union(node.after))


def _keeps_data_yet(plan: Plan, id: str) -> bool:
    """Whether data is not safe before this step is over: of a node that has ended nothing more is done."""
    step = plan.step(id)
    if step is None or step.action not in KEEPS_DATA or plan.standing(id).state in OVER:
        return False
    return plan.node_at(step.node).state not in ENDS

"""Which nodes of a running plan have used up their time before its deadline."""

from __future__ import annotations

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
    found: list[str] = []
    next_ms: int | None = None
    for node in plan.nodes:
        if node.force_ms > passed:
            next_ms = node.force_ms if next_ms is None else min(next_ms, node.force_ms)
        elif node.force_ms and plan.node_at(node.id).state in _LEFT and _may(plan, node):
            found.append(node.id)
    return tuple(found), after(begun, next_ms) if next_ms is not None else None


def _may(plan: Plan, node: Node) -> bool:
    """Whether it is its turn, its data is safe, and nobody kills it yet."""
    kill = plan.routes.rescues.get(node.id, {}).get("kill", "")
    if not kill or plan.standing(kill).state is not StepState.WAITING:
        return False
    steps = [plan.routes.steps[id] for id in plan.routes.of_node.get(node.id, ())]
    unsafe = any(
        step.action in KEEPS_DATA and plan.standing(step.id).state not in OVER for step in steps
    )
    earlier = {
        one.removeprefix(NODE) for step in steps for one in step.after if one.startswith(NODE)
    }
    return not unsafe and all(plan.node_at(one).state in ENDS for one in earlier.union(node.after))

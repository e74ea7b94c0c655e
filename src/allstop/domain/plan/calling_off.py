"""What is not attempted any more: steps of plans that have ended, and of nodes that have."""

from __future__ import annotations

from allstop.domain.plan.lifecycle import ENDS
from allstop.domain.plan.state import ENDED, Plan


def called_off(plan: Plan, step: str) -> str:
    """Why a step that was asked for must not be attempted any more, in words; empty when it may."""
    if plan.state in ENDED:
        return f"{plan.id} is {plan.state}"
    found = plan.step(step)
    at = plan.node_at(found.node).state if found is not None and found.node else None
    return f"{found.node} is {at}" if found is not None and at in ENDS else ""

"""The states of a plan and of its steps, as tables. The documentation's diagrams are drawn from them."""

from __future__ import annotations

from enum import StrEnum

from allstop.domain.plan import events as e


class PlanState(StrEnum):
    """proposed -> running -> done; held and paused wait for a person."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    RUNNING = "running"
    HELD = "held"
    PAUSED = "paused"
    DONE = "done"
    ABANDONED = "abandoned"


class StepState(StrEnum):
    """unknown is a state: under way when nobody could see how it ended."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WAIVED = "waived"


class NodeState(StrEnum):
    """Where a node of a plan stands. Only a proof makes it reached, forced or isolated."""

    WAITING = "waiting"
    RUNNING = "running"
    HELD = "held"
    REACHED = "reached"
    FORCED = "forced"
    ISOLATED = "isolated"
    LEFT = "left"


PLAN_TRANSITIONS: dict[tuple[PlanState, type], PlanState] = {
    (PlanState.PROPOSED, e.PlanApproved): PlanState.APPROVED,
    (PlanState.PROPOSED, e.PlanStarted): PlanState.RUNNING,
    (PlanState.APPROVED, e.PlanStarted): PlanState.RUNNING,
    (PlanState.RUNNING, e.PlanHeld): PlanState.HELD,
    (PlanState.RUNNING, e.PlanDone): PlanState.DONE,
    (PlanState.HELD, e.StepStarted): PlanState.RUNNING,
    (PlanState.HELD, e.StepDone): PlanState.RUNNING,
    (PlanState.HELD, e.PlanResumed): PlanState.RUNNING,
    (PlanState.HELD, e.StepWaived): PlanState.RUNNING,
    (PlanState.RUNNING, e.PlanPaused): PlanState.PAUSED,
    (PlanState.PAUSED, e.PlanContinued): PlanState.RUNNING,
    (PlanState.PROPOSED, e.PlanAbandoned): PlanState.ABANDONED,
    (PlanState.APPROVED, e.PlanAbandoned): PlanState.ABANDONED,
    (PlanState.RUNNING, e.PlanAbandoned): PlanState.ABANDONED,
    (PlanState.HELD, e.PlanAbandoned): PlanState.ABANDONED,
    (PlanState.PAUSED, e.PlanAbandoned): PlanState.ABANDONED,
}

STEP_TRANSITIONS: dict[tuple[StepState, type], StepState] = {
    (StepState.WAITING, e.StepStarted): StepState.RUNNING,
    (StepState.RUNNING, e.StepDone): StepState.DONE,
    (StepState.RUNNING, e.StepFailed): StepState.FAILED,
    (StepState.RUNNING, e.StepUnknown): StepState.UNKNOWN,
    (StepState.UNKNOWN, e.StepDone): StepState.DONE,
    (StepState.UNKNOWN, e.StepFailed): StepState.FAILED,
    (StepState.UNKNOWN, e.StepStarted): StepState.RUNNING,
    (StepState.FAILED, e.StepStarted): StepState.RUNNING,
    (StepState.FAILED, e.StepWaived): StepState.WAIVED,
    (StepState.UNKNOWN, e.StepWaived): StepState.WAIVED,
}

# How a node can end (`node.ended` says which), and what lets others go on that waited for it.
ENDS = frozenset({NodeState.REACHED, NodeState.FORCED, NodeState.ISOLATED, NodeState.LEFT})

NODE_TRANSITIONS: dict[tuple[NodeState, type], NodeState] = {
    (NodeState.WAITING, e.StepStarted): NodeState.RUNNING,
    (NodeState.HELD, e.StepStarted): NodeState.RUNNING,
    (NodeState.HELD, e.StepDone): NodeState.RUNNING,
    (NodeState.HELD, e.StepWaived): NodeState.RUNNING,
    (NodeState.RUNNING, e.NodeHeld): NodeState.HELD,
}

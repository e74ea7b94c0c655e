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
    ABORTED = "aborted"


class StepState(StrEnum):
    """unknown is a state: under way when nobody could see how it ended."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WAIVED = "waived"


class NodeState(StrEnum):
    """Where a node of a plan stands. Only a proof makes it reached, forced, isolated or returned."""

    WAITING = "waiting"
    RUNNING = "running"
    HELD = "held"
    REACHED = "reached"
    FORCED = "forced"
    ISOLATED = "isolated"
    RETURNED = "returned"
    LEFT = "left"


PLAN_TRANSITIONS: dict[tuple[PlanState, type], PlanState] = {
    (PlanState.PROPOSED, e.PlanApproved): PlanState.APPROVED,
    (PlanState.APPROVED, e.PlanLapsed): PlanState.PROPOSED,
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
    (PlanState.PROPOSED, e.PlanAborted): PlanState.ABORTED,
    (PlanState.APPROVED, e.PlanAborted): PlanState.ABORTED,
    (PlanState.RUNNING, e.PlanAborted): PlanState.ABORTED,
    (PlanState.HELD, e.PlanAborted): PlanState.ABORTED,
    (PlanState.PAUSED, e.PlanAborted): PlanState.ABORTED,
}

STEP_TRANSITIONS: dict[tuple[StepState, type], StepState] = {
    (StepState.WAITING, e.StepStarted): StepState.RUNNING,
    (StepState.WAITING, e.StepRefused): StepState.FAILED,
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
ENDS = frozenset({
    NodeState.REACHED, NodeState.FORCED, NodeState.ISOLATED, NodeState.RETURNED, NodeState.LEFT,
})  # fmt: skip

NODE_TRANSITIONS: dict[tuple[NodeState, type], NodeState] = {
    (NodeState.WAITING, e.StepStarted): NodeState.RUNNING,
    (NodeState.HELD, e.StepStarted): NodeState.RUNNING,
    (NodeState.HELD, e.StepDone): NodeState.RUNNING,
    (NodeState.HELD, e.StepWaived): NodeState.RUNNING,
    (NodeState.RUNNING, e.NodeHeld): NodeState.HELD,
    (NodeState.WAITING, e.NodeHeld): NodeState.HELD,
}

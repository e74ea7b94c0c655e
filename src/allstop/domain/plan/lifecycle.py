"""The states of a plan and of its steps, as tables. The documentation's diagrams are drawn from them."""

from __future__ import annotations

from enum import StrEnum

from allstop.domain.plan import events as e


class PlanState(StrEnum):
    """proposed -> running -> done; held waits for a person."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    RUNNING = "running"
    HELD = "held"
    DONE = "done"
    ABANDONED = "abandoned"


class StepState(StrEnum):
    """unknown is a state: under way when nobody could see how it ended."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


PLAN_TRANSITIONS: dict[tuple[PlanState, type], PlanState] = {
    (PlanState.PROPOSED, e.PlanApproved): PlanState.APPROVED,
    (PlanState.PROPOSED, e.PlanStarted): PlanState.RUNNING,
    (PlanState.APPROVED, e.PlanStarted): PlanState.RUNNING,
    (PlanState.RUNNING, e.PlanHeld): PlanState.HELD,
    (PlanState.RUNNING, e.PlanDone): PlanState.DONE,
    (PlanState.HELD, e.StepStarted): PlanState.RUNNING,
    (PlanState.HELD, e.StepDone): PlanState.RUNNING,
    (PlanState.HELD, e.PlanResumed): PlanState.RUNNING,
    (PlanState.PROPOSED, e.PlanAbandoned): PlanState.ABANDONED,
    (PlanState.APPROVED, e.PlanAbandoned): PlanState.ABANDONED,
    (PlanState.RUNNING, e.PlanAbandoned): PlanState.ABANDONED,
    (PlanState.HELD, e.PlanAbandoned): PlanState.ABANDONED,
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
}

"""Roll calls that end, plans that may start, gates whose limit has passed."""

from __future__ import annotations

from allstop.domain.falling_due.found import Due
from allstop.domain.halt import commands as halt_commands
from allstop.domain.halt.lifecycle import Hold
from allstop.domain.halt.state import Halt
from allstop.domain.moment import Now, after
from allstop.domain.plan import commands as plan_commands
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import PolicyBook

SILENT = frozenset({Hold.ORDERED, Hold.TOLD, Hold.UNREACHABLE, Hold.CONTRADICTED})


def halt_due(found: Due, halt: Halt, book: PolicyBook, now: Now) -> None:
    rules = book.pinned(halt.policy).protocol.all_stop
    if any(line.state in SILENT for line in halt.roll.values()):
        if not halt.reminded and rules.reminder_ms < rules.roll_call_ms:
            found.at(
                after(halt.ordered_at, rules.reminder_ms),
                now,
                halt_commands.RemindRollCall(halt.id),
            )
        found.at(
            after(halt.ordered_at, rules.roll_call_ms), now, halt_commands.CloseRollCall(halt.id)
        )


def plan_due(found: Due, plan: Plan, now: Now) -> None:
    ready = plan.state is PlanState.APPROVED or (
        plan.state is PlanState.PROPOSED and not plan.approve
    )
    if ready:
        found.commands.append(plan_commands.StartPlan(plan.id))
    if plan.state is not PlanState.RUNNING:
        return
    for step in plan.steps:
        standing = plan.standing(step.id)
        if (
            step.kind == "gate"
            and step.limit_ms
            and standing.state is StepState.RUNNING
            and standing.started_at
        ):
            found.at(
                after(standing.started_at, step.limit_ms),
                now,
                plan_commands.FailGate(plan.id, step.id),
            )

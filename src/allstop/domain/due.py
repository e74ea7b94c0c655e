"""`due`: world, policy, now -> the commands that are due, and when to look again.

Everything the coordinator does by itself starts here, derived from state alone: whatever a crash
interrupted is due again after the restart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allstop.domain.gates import phase_standings, verdict_of
from allstop.domain.halt import commands as halt_commands
from allstop.domain.halt.lifecycle import Hold
from allstop.domain.halt.state import Halt
from allstop.domain.incident import commands as incident_commands
from allstop.domain.incident.deadlines import deadlines, update_due_at
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now, after
from allstop.domain.plan import commands as plan_commands
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Policy, PolicyBook
from allstop.domain.world import World

SILENT = frozenset({Hold.ORDERED, Hold.TOLD, Hold.UNREACHABLE, Hold.CONTRADICTED})


@dataclass(slots=True)
class Due:
    """commands: due now, most urgent first; next_at: the next instant at which something falls due."""

    commands: list[Any] = field(default_factory=list)
    next_at: datetime | None = None

    def at(self, instant: datetime, now: Now, command: Any) -> None:
        """Due at `instant`: now, or the wake-up moves there."""
        if instant <= now.utc:
            self.commands.append(command)
        elif self.next_at is None or instant < self.next_at:
            self.next_at = instant


def due(world: World, book: PolicyBook, now: Now) -> Due:
    """Everything that is due. Halts come first."""
    found = Due()
    for halt in world.standing_halts():
        _halt_due(found, halt, book, now)
    for incident in world.open_incidents():
        policy = book.pinned(incident.policy)
        for plan in world.plans_of(incident.id):
            _plan_due(found, plan, now)
        _response_due(found, world, policy, incident, now)
        _promises_due(found, policy, incident, now)
    return found


def _halt_due(found: Due, halt: Halt, book: PolicyBook, now: Now) -> None:
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


def _plan_due(found: Due, plan: Plan, now: Now) -> None:
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


def _response_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    """What follows from the state of the response: plans, the remedy, the next phase."""
    plans = world.plans_of(incident.id)
    if not any(plan.purpose == "contain" for plan in plans):
        found.commands.append(plan_commands.MakePlan(incident.id, "contain"))
    if incident.remedy is None:
        waiting = any(piece.state == "requested" for piece in incident.evidence.values())
        limit = after(incident.declared_at, policy.protocol.remedy.decide_within_ms)
        found.at(limit if waiting else now.utc, now, incident_commands.DecideRemedy(incident.id))
    elif _wants_plan(world, policy, incident):
        found.commands.append(plan_commands.MakePlan(incident.id, "remedy"))
    phase = policy.protocol.phase(incident.phase)
    leaving = phase.automatic and "resolved" not in incident.milestones
    if leaving and verdict_of(phase_standings(world, policy, incident, phase)).allowed:
        found.commands.append(incident_commands.AdvancePhase(incident.id))


def _wants_plan(world: World, policy: Policy, incident: Incident) -> bool:
    """A rollback or fix was decided, containment has ended, and no plan was made for this decision."""
    chosen = incident.remedy
    if chosen is None or chosen.remedy == "investigate":
        return False
    plans = world.plans_of(incident.id)
    contained = any(plan.purpose == "contain" and plan.ended_at is not None for plan in plans)
    service = policy.fleet.service(chosen.service)
    action = "rollback" if chosen.remedy == "rollback" else "restart"
    possible = service is not None and action in service.actions
    if chosen.remedy == "rollback":
        possible = possible and chosen.service in world.known_good
    return contained and possible and not incident.remedy_planned


def _promises_due(found: Due, policy: Policy, incident: Incident, now: Now) -> None:
    """Updates that are owed, and deadlines that can be missed."""
    at = update_due_at(incident, policy)
    number = incident.updates + 1
    if at is not None and incident.update_requested < number:
        found.at(at, now, incident_commands.RequestUpdate(incident.id, number))
    for deadline in deadlines(incident, policy):
        if deadline.id not in incident.missed:
            found.at(deadline.at, now, incident_commands.MissDeadline(incident.id, deadline.id))

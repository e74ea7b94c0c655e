"""Roll calls that end, plans that may start, gates and reviews whose limit has passed, stop rules."""

from __future__ import annotations

from allstop.domain.approvals import awaited_reviews
from allstop.domain.falling_due.found import Due
from allstop.domain.halt import commands as halt_commands
from allstop.domain.halt.lifecycle import SILENT
from allstop.domain.halt.state import Halt
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now, after
from allstop.domain.plan import commands as plan_commands
from allstop.domain.plan.cutting import cuts
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.remedies import remedy_begun
from allstop.domain.plan.state import ENDED, Plan
from allstop.domain.policy import Policy, PolicyBook
from allstop.domain.preflight import lets_start
from allstop.domain.stop_rules import turning_points, violated
from allstop.domain.world import World


def halt_due(found: Due, halt: Halt, book: PolicyBook, now: Now) -> None:
    rules = book.pinned(halt.policy).protocol.all_stop
    if any(line.state in SILENT for line in halt.roll.values()):
        if not halt.reminded and rules.reminder_ms < rules.roll_call_ms:
            found.at(
                after(halt.called_at, rules.reminder_ms),
                now,
                halt_commands.RemindRollCall(halt.id),
            )
        found.at(
            after(halt.called_at, rules.roll_call_ms), now, halt_commands.CloseRollCall(halt.id)
        )


def plans_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    """What the plans of an incident bring, and the reviews that it waits for."""
    plans = world.plans_of(incident.id)
    taken = remedy_begun(plans)
    for plan in plans:
        # What somebody asked for is started by somebody; and two remedies never work beside each other.
        mine = not plan.asked and not (taken and plan.purpose == "remedy")
        if mine and is_ready(plan) and lets_start(policy, incident, plan).allowed:
            found.commands.append(plan_commands.StartPlan(plan.id))
        _phases_due(found, plan, now)
        if plan.state is PlanState.RUNNING:
            _gates_due(found, plan, now)
            _rules_due(found, policy, incident, plan, now)
            _deadline_due(found, plan, now)
    for subject, one in awaited_reviews(incident, plans):
        if one.review_by is not None:
            found.at(one.review_by, now, plan_commands.LateReview(incident.id, subject))


def is_ready(plan: Plan) -> bool:
    """Whether everybody who must agree to it has, or nobody must."""
    return plan.state is PlanState.APPROVED or (
        plan.state is PlanState.PROPOSED and not plan.approve
    )


def _gates_due(found: Due, plan: Plan, now: Now) -> None:
    for id in plan.gates:
        step, standing = plan.step(id), plan.standing(id)
        running = standing.state is StepState.RUNNING and standing.started_at
        if step is not None and step.limit_ms and running:
            found.at(after(running, step.limit_ms), now, plan_commands.FailGate(plan.id, id))


def _phases_due(found: Due, plan: Plan, now: Now) -> None:
    """Phases of a playbook that have not ended; time goes on while a plan is held or paused."""
    if not plan.phases or plan.started_at is None or plan.state in ENDED:
        return
    for phase in plan.phases:
        if phase.name not in plan.late and plan.waits_in(phase.name):
            missed = plan_commands.MissPhase(plan.id, phase.name)
            found.at(after(plan.started_at, phase.within_ms), now, missed)


def _deadline_due(found: Due, plan: Plan, now: Now) -> None:
    rushed, at = cuts(plan, now.utc)
    if rushed:
        found.commands.append(plan_commands.CutShort(plan.id))
    if at is not None:
        found.at(at, now, plan_commands.CutShort(plan.id))


def _rules_due(found: Due, policy: Policy, incident: Incident, plan: Plan, now: Now) -> None:
    """Only time can violate a rule without anything being recorded."""
    if violated(policy, incident, plan, now.utc):
        found.commands.append(plan_commands.CheckRules(plan.id))
        return
    for instant in turning_points(policy, plan):
        if instant > now.utc:
            found.at(instant, now, plan_commands.CheckRules(plan.id))

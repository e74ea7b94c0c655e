"""Approving a plan: exactly the steps that were shown, and anew when the approval has become too old."""

from __future__ import annotations

from allstop.domain.approvals import need_of_plan, waits_for
from allstop.domain.deciding.plan_drawing import check_same, has_lapsed
from allstop.domain.deciding.plan_running import check_not_started
from allstop.domain.deciding.signing import sign
from allstop.domain.draft import Draft, refuse
from allstop.domain.incident.commands import Approve
from allstop.domain.incident.state import Incident
from allstop.domain.plan import events as e
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Policy
from allstop.domain.record import plan_stream
from allstop.domain.verdict import nearest


def approve_plan(draft: Draft, incident: Incident, policy: Policy, command: Approve) -> None:
    """A person approves exactly the steps they were shown."""
    id = command.subject.removeprefix("plan:")
    plan = draft.world.plans.get(id)
    if plan is None:
        refuse("unknown-plan", f"there is no plan {id}", nearest(id, draft.world.plans))
    if plan.incident != incident.id:
        refuse("other-incident", f"{plan.id} belongs to {plan.incident}")
    check_not_started(plan)
    lapsed = has_lapsed(policy, plan, draft.now.utc)
    if plan.state is PlanState.APPROVED and not lapsed:
        refuse("not-proposed", f"{plan.id} is approved")
    if not plan.approve:
        refuse("no-approval-needed", f"{plan.id} needs no approval")
    if command.binds.strip() and command.binds != plan.hash:
        refuse(
            "plan-changed",
            f"{plan.id} is not the plan that was shown",
            f"allstop plan show {plan.id}",
        )
    if lapsed:
        plan = _renewed(draft, policy, plan)
    need = need_of_plan(plan)
    role = sign(draft, policy, incident, need, plan.signatures, as_reviewer=command.as_reviewer)
    if not command.binds.strip():
        text = "an approval names the hash of the plan that was looked at"
        refuse("no-hash", text, f"allstop plan show {plan.id}")
    draft.emit(plan_stream(plan.id), e.PlanSigned(plan.hash, role, command.as_reviewer))
    waits = waits_for(draft.world.plans[plan.id])
    draft.result["waits_for"] = waits
    if not waits:
        draft.emit(plan_stream(plan.id), e.PlanApproved(plan.hash, role))


def _renewed(draft: Draft, policy: Policy, plan: Plan) -> Plan:
    """The plan as it waits for its signatures again. Refused where it would be another one by now."""
    check_same(draft, policy, plan)
    draft.emit(plan_stream(plan.id), e.PlanLapsed(plan.hash))
    return draft.world.plans[plan.id]

"""Which plan somebody means, whose it is, and what holds it instead of the step they name."""

from __future__ import annotations

from allstop.domain.draft import Draft, refuse
from allstop.domain.incident.state import Incident
from allstop.domain.plan import events as e
from allstop.domain.plan.state import Plan
from allstop.domain.verdict import nearest


def incident_of(draft: Draft, plan: Plan) -> Incident:
    """The incident of a plan. What takes levers back may go on after its incident has ended."""
    return draft.incident(plan.incident, must_be_open=plan.purpose != "release")


def refuse_moot(plan: Plan, step: e.Step) -> None:
    """Refuse to try a step again that has failed: what came of that is what counts."""
    mine = [*plan.routes.of_node.get(step.node, ()), *plan.routes.latent.get(step.node, ())]
    by = next((id for id in mine if id in plan.holding), "")
    text = f"{step.id} has failed, and {step.node} is {plan.node_at(step.node).state}"
    hint = f"allstop plan retry {plan.id} {by}" if by else f"allstop plan show {plan.id}"
    refuse("not-held", f"{text}: by {by}" if by else text, hint)


def known_plan(draft: Draft, id: str) -> Plan:
    """Refused where there is none."""
    plan = draft.world.plans.get(id)
    if plan is None:
        refuse("unknown-plan", f"there is no plan {id}", nearest(id, draft.world.plans))
    return plan

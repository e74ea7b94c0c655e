"""Plans that nobody wants any more: what they were made for has ended, or is decided otherwise now."""

from __future__ import annotations

from allstop.domain.draft import Draft
from allstop.domain.plan.events import PlanAborted
from allstop.domain.plan.remedies import REMEDIES
from allstop.domain.plan.state import Plan
from allstop.domain.record import plan_stream


def abort_plans(draft: Draft, incident: str, because: str, purpose: str = "") -> None:
    """End every plan of an incident that has not ended; left as proposed, somebody could still approve it.

    purpose: only those made for it.
    """
    for plan in draft.world.plans_of(incident):
        if plan.ended_at is None and purpose in ("", plan.purpose):
            draft.emit(plan_stream(plan.id), PlanAborted(because))


def abort_beside(draft: Draft, plan: Plan) -> None:
    """Somebody starts a remedy of their own: the one that the table made, and that waits, is not wanted any more."""
    if plan.purpose not in REMEDIES:
        return
    for other in draft.world.plans_of(plan.incident):
        waits = other.started_at is None and other.ended_at is None
        if other.purpose == "remedy" and waits:
            draft.emit(plan_stream(other.id), PlanAborted(f"{plan.id} was started instead"))

"""Plans that nobody wants any more: what they were made for has ended, or is decided otherwise now."""

from __future__ import annotations

from allstop.domain.draft import Draft
from allstop.domain.plan.events import PlanAbandoned
from allstop.domain.record import plan_stream


def abandon_plans(draft: Draft, incident: str, because: str, purpose: str = "") -> None:
    """End every plan of an incident that has not ended; left as proposed, somebody could still approve it.

    purpose: only those made for it.
    """
    for plan in draft.world.plans_of(incident):
        if plan.ended_at is None and purpose in ("", plan.purpose):
            draft.emit(plan_stream(plan.id), PlanAbandoned(because))

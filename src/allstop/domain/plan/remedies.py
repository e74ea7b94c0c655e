"""What plans that somebody asks for mean for an incident: a rollback, a restore or a fix is its remedy."""

from __future__ import annotations

from collections.abc import Iterable

from allstop.domain.incident.state import Incident
from allstop.domain.plan.lifecycle import NodeState, PlanState
from allstop.domain.plan.state import Plan

# Purposes of plans that end an incident's harm, beside the one the table makes by itself.
REMEDIES = frozenset({"rollback", "restore", "fix"})
MILESTONES = {"contain": "contained", "remedy": "mitigated"}
_SEEN = frozenset({NodeState.REACHED, NodeState.RETURNED})


def milestone_of(plan: Plan, incident: Incident) -> str:
    """The milestone of an incident that a plan reaches when it is done, or empty.

    Of a plan that was asked for: only when it was about every service the incident is about, and each was seen
    to be well.
    """
    if plan.purpose not in REMEDIES:
        return MILESTONES.get(plan.purpose, "") if plan.steps else ""
    about = {node.service for node in plan.nodes}
    seen = all(plan.node_at(node.id).state in _SEEN for node in plan.nodes)
    return "mitigated" if seen and about >= set(incident.services) else ""


def is_done_remedy(plan: Plan, incident: Incident) -> bool:
    """Whether a plan that was asked for has ended the harm of an incident."""
    wanted = plan.purpose in REMEDIES and plan.state is PlanState.DONE
    return wanted and bool(milestone_of(plan, incident))


def remedy_begun(plans: Iterable[Plan]) -> bool:
    """Whether somebody has started a remedy of their own: the table makes none beside it."""
    return any(plan.purpose in REMEDIES and plan.started_at is not None for plan in plans)

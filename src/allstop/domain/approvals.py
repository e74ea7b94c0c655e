"""Who must agree before something is changed: the protocol's approval table, and signatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from allstop.domain.conditions import all_hold
from allstop.domain.incident.parts import Change, Signature
from allstop.domain.incident.state import Incident
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Policy
from allstop.domain.policy.spans import Span
from allstop.domain.policy.tables import Scalar

# The risk levels of plans and changes go from 0 so far.
HIGHEST_RISK = 10
# Facts an approval row may test, and their sort. All are always known.
APPROVAL_FACTS: dict[str, str] = {
    "purpose": "contain|remedy|change|stop|degrade|recover|undo|release|playbook|rollback|fix|snapshot|restore",
    "risk": "number",
    "protected": "yes/no",
    "stateful": "yes/no",
    "severity_rank": "number",
    "emergency": "yes/no",
}


@dataclass(frozen=True, slots=True)
class Need:
    """by: grant entries; people: how many must sign; reviewers: roles that must sign as well; within:
    how long reviewers have."""

    by: tuple[str, ...] = ()
    people: int = 0
    reviewers: tuple[str, ...] = ()
    because: str = ""
    row: int = -1
    within: Span | None = None

    def words(self) -> str:
        """`commander`, `2 of commander, owner; reviewed by security`; empty when nobody has to."""
        parts = [self._signers()] if self.people else []
        if self.reviewers:
            parts.append(f"reviewed by {', '.join(self.reviewers)}")
        return "; ".join(parts)

    def names(self) -> str:
        """Who may sign, in words."""
        named = ", ".join(entry.removeprefix("role:") for entry in self.by)
        return named or "somebody who may approve"

    def _signers(self) -> str:
        return self.names() if self.people == 1 else f"{self.people} of {self.names()}"

    def missing(self, signatures: tuple[Signature, ...], requester: str = "") -> str:
        """Who is still waited for: `1 more of commander, owner; review by security`; empty once all signed.

        requester: whose own signature does not count.
        """
        short = self.lacking(signatures, requester)
        parts = []
        if short:
            begun = short < self.people
            parts.append(f"{short} more of {self.names()}" if begun else self._signers())
        reviews = self.unreviewed(signatures, requester)
        if reviews:
            parts.append(f"review by {', '.join(reviews)}")
        return "; ".join(parts)

    def unreviewed(self, signatures: tuple[Signature, ...], requester: str = "") -> tuple[str, ...]:
        """The reviewing roles that have not signed."""
        reviewed = {one.role for one in signatures if one.review and one.person != requester}
        return tuple(role for role in self.reviewers if role not in reviewed)

    def lacking(self, signatures: tuple[Signature, ...], requester: str) -> int:
        """How many people are lacking. One person counts once, whatever they signed as."""
        signed = {one.person for one in signatures if not one.review and one.person != requester}
        return max(0, self.people - len(signed))


def need_for(policy: Policy, facts: Mapping[str, Scalar]) -> Need:
    """The first row that holds. Total: where none does, somebody who may approve has to.

    What is protected is never changed without a person, whatever the table says (SC-23).
    """
    for place, row in enumerate(policy.protocol.approvals.rows):
        if all_hold(row.when, facts):
            people = max(1, row.people) if facts.get("protected") else row.people
            return Need(row.by, people, row.reviewers, row.because, place, row.within)
    return Need((), 1, (), "no row of the approval table matched", -1)


def need_of_plan(plan: Plan) -> Need:
    """Who must agree to a plan. Plans of older logs name one role only."""
    if plan.approve and not plan.people and not plan.reviewers:
        return Need((f"role:{plan.approve}", "owner"), 1)
    return Need(plan.by, plan.people, plan.reviewers, plan.because)


def need_of_change(change: Change) -> Need:
    """Who must agree to a change by hand."""
    return Need(change.by, change.people, change.reviewers, change.because)


def waits_for(one: Plan | Change) -> str:
    """Who is waited for, in words; empty once everybody has agreed."""
    if isinstance(one, Change):
        return need_of_change(one).missing(one.signatures, one.requested_by)
    return need_of_plan(one).missing(one.signatures)


def review_id(incident: Incident, name: str) -> str:
    """The deadline of a review. Each response of an incident has its own: it is missed once in each."""
    again = f"@{len(incident.reopened) + 1}" if incident.reopened else ""
    return f"review:{name}{again}"


def awaited_reviews(
    incident: Incident, plans: tuple[Plan, ...]
) -> tuple[tuple[str, Plan | Change], ...]:
    """What waits for reviewers by a deadline that was not missed yet, by subject (`plan:PLAN-1`)."""
    asked: tuple[Plan | Change, ...] = (*plans, *incident.changes.values())
    return tuple(
        (f"{'change' if isinstance(one, Change) else 'plan'}:{one.id}", one)
        for one in asked
        if one.review_by is not None
        and one.state == "proposed"
        and review_id(incident, one.id) not in incident.missed
        and reviews_missing(one)
    )


def reviews_missing(one: Plan | Change) -> tuple[str, ...]:
    """The reviewing roles that have not signed a plan or a change."""
    if isinstance(one, Change):
        return need_of_change(one).unreviewed(one.signatures, one.requested_by)
    return need_of_plan(one).unreviewed(one.signatures)

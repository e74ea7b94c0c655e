"""Who must agree before something is changed: the protocol's approval table, and signatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from allstop.domain.conditions import all_hold
from allstop.domain.incident.parts import Signature
from allstop.domain.policy import Policy
from allstop.domain.policy.tables import Scalar

# Facts an approval row may test, and their sort. All are always known.
APPROVAL_FACTS: dict[str, str] = {
    "purpose": "contain|remedy|change",
    "risk": "number",
    "protected": "yes/no",
    "stateful": "yes/no",
    "severity_rank": "number",
    "emergency": "yes/no",
}


@dataclass(frozen=True, slots=True)
class Need:
    """by: grant entries; people: how many must sign; reviewers: roles that must sign as well."""

    by: tuple[str, ...] = ()
    people: int = 0
    reviewers: tuple[str, ...] = ()
    because: str = ""
    row: int = -1

    def words(self) -> str:
        """`commander`, `2 of commander, owner; reviewed by security`; empty when nobody has to."""
        names = (
            ", ".join(entry.removeprefix("role:") for entry in self.by)
            or "somebody who may approve"
        )
        parts = []
        if self.people:
            parts.append(names if self.people == 1 else f"{self.people} of {names}")
        if self.reviewers:
            parts.append(f"reviewed by {', '.join(self.reviewers)}")
        return "; ".join(parts)


def need_for(policy: Policy, facts: Mapping[str, Scalar]) -> Need:
    """The first row that holds. Total: where none does, somebody who may approve has to.

    What is protected is never changed without a person, whatever the table says (SC-23).
    """
    for place, row in enumerate(policy.protocol.approvals.rows):
        if all_hold(row.when, facts):
            people = max(1, row.people) if facts.get("protected") else row.people
            return Need(row.by, people, row.reviewers, row.because, place)
    return Need((), 1, (), "no row of the approval table matched", -1)


def complete(
    people: int, reviewers: tuple[str, ...], signatures: tuple[Signature, ...], requester: str = ""
) -> bool:
    """Whether everybody who must sign has. requester: whose own approval does not count."""
    signed = {one.person for one in signatures if not one.review and one.person != requester}
    reviewed = {one.role for one in signatures if one.review}
    return len(signed) >= people and set(reviewers) <= reviewed

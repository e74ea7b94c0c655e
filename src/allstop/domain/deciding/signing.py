"""Who must agree to a plan or a change, and the signatures of those who do."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.domain.approvals import Need, complete, need_for
from allstop.domain.authority import matches, may
from allstop.domain.draft import Draft, refuse
from allstop.domain.incident.parts import Signature
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Policy
from allstop.domain.policy.tables import Scalar
from allstop.domain.principal import Kind


def need_of(
    policy: Policy, incident: Incident, purpose: str, risk: int, *, protected: bool, stateful: bool
) -> Need:
    """Who must agree, by the approval table, with the facts of this incident."""
    facts: Mapping[str, Scalar] = {
        "purpose": purpose,
        "risk": risk,
        "protected": protected,
        "stateful": stateful,
        "severity_rank": policy.protocol.severity(incident.severity).rank,
        "emergency": incident.mode is not None and not incident.mode.ended,
    }
    return need_for(policy, facts)


def sign(draft: Draft, policy: Policy, incident: Incident, need: Need, *, as_reviewer: bool) -> str:
    """The role this principal signs as. Refuses who may not sign, and who is no person."""
    if draft.who.kind is not Kind.PERSON:
        refuse("human-only", f"only a person may sign, and {draft.who} is none")
    if as_reviewer:
        draft.require(may("review", draft.who, policy, incident.roles))
        return _reviewer_role(draft, incident, need)
    if not need.by:
        draft.require(may("approve", draft.who, policy, incident.roles))
        return _role_held(draft, incident)
    meant = [one for one in need.by if matches(one, draft.who, policy, incident.roles)]
    if not meant:
        hint = f"it waits for {need.words()}"
        refuse("no-authority", f"{draft.who} may not approve this", hint)
    return meant[0].removeprefix("role:")


def settled(need: Need, signatures: tuple[Signature, ...], requester: str = "") -> bool:
    """Whether everybody who must agree has."""
    return complete(need.people, need.reviewers, signatures, requester)


def refuse_twice(draft: Draft, signatures: tuple[Signature, ...], *, review: bool) -> None:
    """One person counts once."""
    if any(one.person == str(draft.who) and one.review == review for one in signatures):
        refuse("already-signed", f"{draft.who} has signed already, and counts once")


def _reviewer_role(draft: Draft, incident: Incident, need: Need) -> str:
    mine = [role for role in need.reviewers if incident.roles.get(role) == draft.who.id]
    if not mine:
        names = ", ".join(need.reviewers) or "nobody"
        text = f"{draft.who} holds none of the reviewing roles: {names}"
        refuse("no-reviewer", text, "allstop assign ROLE NAME")
    return mine[0]


def _role_held(draft: Draft, incident: Incident) -> str:
    held = (role for role, holder in incident.roles.items() if holder == draft.who.id)
    return next(held, "owner")

"""Who must agree to a plan or a change, who is asked, and the signatures of those who do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from allstop.domain.approvals import (
    Need,
    awaited_reviews,
    need_for,
    need_of_change,
    need_of_plan,
    review_id,
    reviews_missing,
)
from allstop.domain.authority import acts_as, may, people_meant
from allstop.domain.business_time import due_at
from allstop.domain.deciding.escalating import escalate, next_of_chain
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident import events as e
from allstop.domain.incident.parts import Change, Signature
from allstop.domain.incident.state import Incident
from allstop.domain.mode import mode_is_on
from allstop.domain.plan.commands import LateReview
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Policy
from allstop.domain.policy.tables import Scalar
from allstop.domain.world import World


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
        "emergency": mode_is_on(incident),
    }
    return need_for(policy, facts)


def review_by(draft: Draft, policy: Policy, need: Need) -> datetime | None:
    """Until when the reviewers have time; None where the protocol sets no limit."""
    if need.within is None or not need.reviewers:
        return None
    return due_at(draft.now.utc, need.within, policy.protocol.calendar)


def ask(draft: Draft, incident: str, need: Need, what: str, text: str, requester: str = "") -> None:
    """Tell those whose signature is waited for; the commander where nobody else can be asked."""
    found = draft.incident(incident)
    policy = draft.policy(found)
    unmanned = _unmanned(found, need)
    text += unmanned
    people = asked(policy, found, need, requester)
    if unmanned or not people:
        people = tuple(dict.fromkeys((*people, *people_meant(policy, found.roles, "commander"))))
    for person in people:
        tell_person(draft, incident, person, f"{incident}: {what}", text)


def asked(policy: Policy, incident: Incident, need: Need, requester: str = "") -> tuple[str, ...]:
    """Every reviewer, and of those who may sign as many entries as can give the signatures it takes."""
    found = [incident.roles.get(role, "") for role in need.reviewers]
    signers: list[str] = []
    for entry in _entries(policy, need) if need.people else ():
        meant = people_meant(policy, incident.roles, entry)
        signers += [one for one in meant if f"person:{one}" != requester]
        if signers and need.people == 1:
            break
    return tuple(dict.fromkeys(name for name in (*found, *signers) if name))


def tell_of_waiting(draft: Draft, incident: str, role: str) -> None:
    """Whoever holds a role from now on hears of what waits for it, in one message: somebody else was asked
    when it began to wait."""
    found = draft.incident(incident)
    policy, person = draft.policy(found), found.roles[role]
    lines = []
    for one in _waiting(draft.world, found):
        reviews, signs = _awaits(policy, found, one, role, person)
        if reviews or signs:
            hints = ([f"allstop approve {one.id}"] if signs else []) + (
                [f"allstop approve {one.id} --review"] if reviews else []
            )
            text = f"{one.id}: {one.title}. {', and '.join(hints)}"
            lines.append(f"{text}{_unmanned(found, _need(one))}")
    if lines:
        many = (
            f"{len(lines)} things wait" if len(lines) > 1 else f"{lines[0].partition(':')[0]} waits"
        )
        tell_person(
            draft, incident, person, f"{incident}: {many} for your approval", "\n".join(lines)
        )


def _waiting(world: World, incident: Incident) -> tuple[Plan | Change, ...]:
    """The plans and changes that somebody still has to agree to."""
    plans = (one for one in world.plans_of(incident.id) if one.state == "proposed" and one.approve)
    changes = (one for one in incident.changes.values() if one.state == "proposed")
    return (*plans, *changes)


def _awaits(
    policy: Policy, incident: Incident, one: Plan | Change, role: str, person: str
) -> tuple[bool, bool]:
    """Whether this holder of the role is waited for, as a reviewer or as one who may sign."""
    need, name = _need(one), f"person:{person}"
    requester = one.requested_by if isinstance(one, Change) else ""
    if name == requester:
        return (False, False)
    signed = any(sign.person == name and not sign.review for sign in one.signatures)
    lacking = need.lacking(one.signatures, requester) > 0 and not signed
    named = f"role:{role}" in _entries(policy, need)
    # The commander is asked where nobody else can be.
    instead = role == "commander" and (
        bool(_unmanned(incident, need)) or not asked(policy, incident, need, requester)
    )
    reviews = role in need.unreviewed(one.signatures, requester)
    return (reviews, (lacking and named) or instead)


def _need(one: Plan | Change) -> Need:
    return need_of_change(one) if isinstance(one, Change) else need_of_plan(one)


def _unmanned(incident: Incident, need: Need) -> str:
    """Which reviewing roles nobody holds, as one more sentence; empty when all are held."""
    roles = [role for role in need.reviewers if not incident.roles.get(role)]
    return f" Nobody is {', '.join(roles)} yet: allstop assign ROLE NAME." if roles else ""


def _entries(policy: Policy, need: Need) -> tuple[str, ...]:
    """Who may sign: as the row says, or whoever may approve anything."""
    grants = (grant.to for grant in policy.protocol.authority if grant.action == "approve")
    return need.by or tuple(entry for to in grants for entry in to)


def sign(
    draft: Draft, policy: Policy, incident: Incident, need: Need,
    signatures: tuple[Signature, ...], *, as_reviewer: bool, requester: str = "",
) -> str:  # fmt: skip
    """The role this principal signs as. Refuses who may not sign, has signed, or is no person."""
    draft.only_people("may sign")
    if str(draft.who) == requester:
        refuse("own-change", f"{draft.who} asked for it, so somebody else has to agree")
    if as_reviewer:
        draft.require(may("review", draft.who, policy, incident.roles))
        return _reviewer_role(draft, incident, need, signatures)
    if any(one.person == str(draft.who) and not one.review for one in signatures):
        refuse("already-signed", f"{draft.who} has signed already, and counts once")
    role = _signer_role(draft, policy, incident, need)
    if not need.lacking(signatures, requester):
        text = f"as many as must agree have; it waits for {need.missing(signatures, requester)}"
        refuse("enough-signatures", text)
    return role


def _signer_role(draft: Draft, policy: Policy, incident: Incident, need: Need) -> str:
    if not need.by:
        draft.require(may("approve", draft.who, policy, incident.roles))
    role = acts_as("approve", draft.who, policy, incident.roles, need.by)
    if not role:
        refuse("no-authority", f"{draft.who} may not approve this", _hint(draft, incident, need))
    return role


def _hint(draft: Draft, incident: Incident, need: Need) -> str:
    reviews = any(incident.roles.get(role) == draft.who.id for role in need.reviewers)
    return "sign as a reviewer: --review" if reviews else f"it waits for {need.words()}"


def _reviewer_role(
    draft: Draft, incident: Incident, need: Need, signatures: tuple[Signature, ...]
) -> str:
    """A reviewing role of theirs that has not signed: whoever holds two signs twice."""
    mine = [role for role in need.reviewers if incident.roles.get(role) == draft.who.id]
    if not mine:
        names = ", ".join(need.reviewers) or "nobody has to review it"
        text = f"{draft.who} holds none of the reviewing roles: {names}"
        refuse("no-reviewer", text, "allstop assign ROLE NAME")
    open_ones = [role for role in mine if role in need.unreviewed(signatures)]
    if not open_ones:
        refuse("already-signed", f"{mine[0]} has signed already")
    return open_ones[0]


def late_review(draft: Draft, command: LateReview) -> None:
    """Reviewers have used up their time: recorded once, told them and the next of the chain."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    waiting = dict(awaited_reviews(incident, draft.world.plans_of(incident.id)))
    one = waiting.get(command.subject)
    if one is None or one.review_by is None or draft.now.utc < one.review_by:
        return
    roles = reviews_missing(one)
    what = f"{one.id} waits for its review by {', '.join(roles)}"
    reviewers = tuple(dict.fromkeys(name for role in roles if (name := incident.roles.get(role))))
    told = (*reviewers, *next_of_chain(policy, incident, reviewers))
    missed = e.DeadlineMissed(review_id(incident, one.id), what, one.review_by, told)
    draft.on_incident(incident.id, missed)
    hint = f"allstop approve {one.id} --review, or the owner: allstop override {command.subject}"
    escalate(draft, incident.id, what, f"{one.title}. {hint}", reviewers)


RULES: Rules = {LateReview: late_review}
INTERNAL: frozenset[type] = frozenset(RULES)

"""Changes by hand: proposed, agreed to by whom the approval table names, made, refused or withdrawn."""

from __future__ import annotations

from allstop.domain.approvals import HIGHEST_RISK, need_of_change, waits_for
from allstop.domain.authority import matches, may
from allstop.domain.deciding.informing import TITLE_LIMIT, checked
from allstop.domain.deciding.naming import known_service
from allstop.domain.deciding.signing import ask, need_of, review_by, sign
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident import work_commands as wc
from allstop.domain.incident import work_events as we
from allstop.domain.incident.commands import Approve
from allstop.domain.incident.parts import Change
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Policy, Service
from allstop.domain.principal import Kind
from allstop.domain.verdict import nearest

STATES = ("made", "refused", "withdrawn")
OPEN = ("proposed", "approved")


def propose_change(draft: Draft, command: wc.ProposeChange) -> None:
    """Ask for a change somebody wants to make by hand. It waits for as many people as its risk takes."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("change", draft.who, policy, incident.roles))
    title = checked(command.title, "the title of a change", TITLE_LIMIT)
    detail = checked(command.detail, "a detail") if command.detail.strip() else ""
    risk = _risk(policy, command)
    touched = _touched(policy, incident, command.service)
    need = need_of(
        policy, incident, "change", risk,
        protected=any(one.protected for one in touched),
        stateful=any(one.stateful for one in touched),
    )  # fmt: skip
    id = f"CHG-{len(incident.changes) + 1}"
    event = we.ChangeProposed(
        id, title, risk, command.service, detail, need.by, need.people, need.reviewers,
        need.because, review_by(draft, policy, need),
    )  # fmt: skip
    draft.on_incident(incident.id, event)
    draft.result["change"] = id
    draft.result["waits_for"] = need.words()
    if not need.words():
        draft.on_incident(incident.id, we.ChangeApproved(id))
        return
    hint = f"allstop approve {id}"
    what = f"{id} waits for your approval"
    ask(draft, incident.id, need, what, f"{title} (risk {risk}). {hint}", str(draft.who))


def approve_change(draft: Draft, incident: Incident, policy: Policy, command: Approve) -> None:
    """Somebody other than whoever asked for it agrees to a change, or signs it off as a reviewer."""
    change = _change(incident, command.subject.removeprefix("change:"))
    if change.state != "proposed":
        refuse("not-proposed", f"{change.id} is {change.state}")
    need = need_of_change(change)
    role = sign(
        draft, policy, incident, need, change.signatures,
        as_reviewer=command.as_reviewer, requester=change.requested_by,
    )  # fmt: skip
    draft.on_incident(incident.id, we.ChangeSigned(change.id, role, command.as_reviewer))
    waits = waits_for(draft.incident(incident.id).changes[change.id])
    draft.result["waits_for"] = waits
    if not waits:
        let_change(draft, incident.id, change)


def let_change(draft: Draft, incident: str, change: Change) -> None:
    """Everybody agreed, or it was overridden: whoever asked for it may make it."""
    draft.on_incident(incident, we.ChangeApproved(change.id))
    hint = f"Say so when it is made: allstop change made {change.id} --note"
    _tell_requester(draft, incident, change, "is approved", hint)


def end_change(draft: Draft, command: wc.EndChange) -> None:
    """Say what became of a change: made once it is approved, refused by an approver, or withdrawn."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    change = _change(incident, command.change)
    if command.state not in STATES:
        text = f"a change is not {command.state}"
        refuse("unknown-state", text, nearest(command.state, STATES))
    if change.state not in OPEN:
        refuse("ended", f"{change.id} was {change.state}")
    rules = {"made": _check_made, "refused": _check_refused, "withdrawn": _check_withdrawn}
    rules[command.state](draft, policy, incident, change)
    # What was made is in its title; who stops one owes the others a reason.
    bare = command.state == "made" and not command.note.strip()
    note = "" if bare else checked(command.note, "the end of a change")
    draft.on_incident(incident.id, we.ChangeEnded(change.id, command.state, note))
    if command.state == "refused":
        _tell_requester(draft, incident.id, change, "is refused", note)


def withdraw_open(draft: Draft, incident: Incident, because: str) -> None:
    """Nobody may make any more what was asked for until now: not even what everybody agreed to."""
    for change in incident.changes.values():
        if change.state in OPEN:
            draft.on_incident(incident.id, we.ChangeEnded(change.id, "withdrawn", because))
            _tell_requester(draft, incident.id, change, "is withdrawn", because)


def _check_made(draft: Draft, policy: Policy, incident: Incident, change: Change) -> None:
    if str(draft.who) != change.requested_by:
        draft.require(may("change", draft.who, policy, incident.roles))
    if change.state != "approved":
        text = f"{change.id} may not be made yet: it waits for {waits_for(change)}"
        refuse("not-approved", text, f"allstop approve {change.id}")


def _check_refused(draft: Draft, policy: Policy, incident: Incident, change: Change) -> None:
    """Whoever could agree can also say no; so can a reviewer."""
    draft.only_people("may refuse a change")
    mine = any(matches(one, draft.who, policy, incident.roles) for one in change.by)
    reviews = any(incident.roles.get(role) == draft.who.id for role in change.reviewers)
    if not (mine or reviews):
        draft.require(may("approve", draft.who, policy, incident.roles))


def _check_withdrawn(draft: Draft, policy: Policy, incident: Incident, change: Change) -> None:
    """Whoever asked for it, or whoever leads."""
    if str(draft.who) != change.requested_by:
        draft.require(may("plan", draft.who, policy, incident.roles))


def _risk(policy: Policy, command: wc.ProposeChange) -> int:
    """The level given, or the protocol's for the action; of both the higher, as nobody talks one down."""
    rules = policy.protocol.approvals
    if command.action and command.action not in rules.risk:
        text = f"the protocol knows no action {command.action}"
        refuse("unknown-action", text, nearest(command.action, rules.risk) or "give a risk instead")
    given = command.risk
    known = str(given) in rules.levels if rules.levels else 0 <= given <= HIGHEST_RISK
    levels = sorted(rules.levels, key=int)
    if given and not known:
        hint = f"known: {', '.join(levels) or f'0 to {HIGHEST_RISK}'}"
        refuse("unknown-risk", f"there is no risk level {given}", hint)
    if not given and not command.action and levels:
        meanings = "; ".join(f"{one}: {rules.levels[one]}" for one in levels)
        refuse("no-risk", "say how risky it is, or which action it is", meanings)
    return max(given, rules.risk.get(command.action, 0))


def _touched(policy: Policy, incident: Incident, name: str) -> tuple[Service, ...]:
    """The service it names. One that names none may touch whatever the incident is about: leaving the name
    out must not be a way around those who protect it."""
    if name:
        found = [known_service(policy, name)]
    else:
        found = [policy.fleet.service(one) for one in incident.services]
    return tuple(one for one in found if one is not None)


def _change(incident: Incident, id: str) -> Change:
    change = incident.changes.get(id)
    if change is None:
        hint = nearest(id, incident.changes) or "none was proposed yet"
        refuse("unknown-change", f"{incident.id} has no change {id}", hint)
    return change


def _tell_requester(draft: Draft, incident: str, change: Change, what: str, text: str) -> None:
    kind, _, name = change.requested_by.partition(":")
    if kind == Kind.PERSON and change.requested_by != str(draft.who):
        subject = f"{incident}: {change.id} {what}"
        tell_person(draft, incident, name, subject, f"{change.title}. {text}")


RULES: Rules = {wc.ProposeChange: propose_change, wc.EndChange: end_change}
INTERNAL: frozenset[type] = frozenset()

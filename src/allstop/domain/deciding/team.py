"""Roles: filled from the roster, assigned, handed over, escalated along."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.domain.authority import may, people_meant
from allstop.domain.deciding.signing import tell_of_waiting
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, refuse
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.policy import Person, Policy, RoleRule
from allstop.domain.principal import Kind
from allstop.domain.verdict import nearest


def fill_roles(draft: Draft, incident: str) -> None:
    """Assign every role that is filled at declaration, preferring people who hold none yet."""
    found = draft.incident(incident)
    policy = draft.policy(found)
    for rule in policy.protocol.roles:
        taken = draft.incident(incident).roles
        if not rule.fill or rule.name in taken:
            continue
        person = candidate(policy, rule, taken, found.severity)
        if person is None:
            away = [one.name for one in policy.roster.people if rule.name in one.roles]
            why = f" ({', '.join(away)} away)" if away else ""
            text = f"nobody on the roster can be {rule.title}{why}"
            draft.on_incident(incident, e.NoteAdded(text))
            continue
        draft.on_incident(
            incident, e.RoleAssigned(rule.name, person.id, "first free on the roster for this role")
        )
        subject = f"{found.id}: you are {rule.title}"
        text = f"{found.title}. {rule.duties}".strip()
        tell_person(draft, incident, person.id, subject, text)
        missing = _lacking(policy, rule, person.id, found.severity)
        if missing:
            asked = f"without what {found.severity} asks for, {', '.join(missing)}"
            text = f"{person.name} is {rule.title} {asked}: nobody who is there has it"
            draft.on_incident(incident, e.NoteAdded(text))


def candidate(
    policy: Policy, rule: RoleRule, taken: Mapping[str, str], severity: str
) -> Person | None:
    """Who should hold a role: somebody there and able to, with the skills the severity asks for, free
    before busy, most preferred role first."""
    able = [one for one in policy.roster.people if rule.name in one.roles and not one.away]
    busy = set(taken.values())

    def order(person: Person) -> tuple[bool, bool, int]:
        lacks = bool(_lacking(policy, rule, person.id, severity))
        return (lacks, person.id in busy, person.roles.index(rule.name))

    return min(able, key=order, default=None)


def note_lacking(draft: Draft, incident: str) -> None:
    """The severity has risen: whoever holds a role that asks for more now is not replaced, but told,
    and the owner with them."""
    found = draft.incident(incident)
    policy = draft.policy(found)
    for rule in policy.protocol.roles:
        holder = found.roles.get(rule.name, "")
        missing = _lacking(policy, rule, holder, found.severity) if holder else ()
        if not missing:
            continue
        others = {role: who for role, who in found.roles.items() if role != rule.name}
        better = candidate(policy, rule, others, found.severity)
        text = f"{rule.title} {holder} lacks {', '.join(missing)}, which {found.severity} asks for"
        if better is not None and not _lacking(policy, rule, better.id, found.severity):
            text += f"; {better.id} has it: allstop assign {rule.name} {better.id}"
        draft.on_incident(incident, e.NoteAdded(text))
        owners = people_meant(policy, found.roles, "owner")
        for person in dict.fromkeys((holder, *owners)):
            tell_person(draft, incident, person, f"{found.id}: {rule.title}", text)


def _lacking(policy: Policy, rule: RoleRule, person: str, severity: str) -> tuple[str, ...]:
    """The skills a role asks for at a severity and a person does not have."""
    entry = policy.roster.person(person)
    skills = entry.skills if entry else ()
    return tuple(skill for skill in rule.needs.get(severity, ()) if skill not in skills)


def assign(draft: Draft, command: c.AssignRole) -> None:
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("assign", draft.who, policy, incident.roles))
    rule = _check_role(policy, command.role)
    _check_person(policy, command.person)
    previous = incident.roles.get(command.role, "")
    if previous == command.person:
        refuse("already-assigned", f"{command.person} is {command.role} already")
    event = e.RoleAssigned(command.role, command.person, f"assigned by {draft.who}", previous)
    draft.on_incident(incident.id, event)
    tell_person(
        draft, incident.id, command.person, f"{incident.id}: you are {command.role}", incident.title
    )
    missing = _lacking(policy, rule, command.person, incident.severity)
    if missing:
        # In an emergency whoever is there has to do: said, not refused.
        what = f"which {rule.title} asks for at {incident.severity}"
        draft.result["warning"] = f"{command.person} lacks {', '.join(missing)}, {what}"
    tell_of_waiting(draft, incident.id, command.role)


def offer_handoff(draft: Draft, command: c.OfferHandoff) -> None:
    """A role is offered by its holder (or whoever may assign); it moves only when accepted."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    _check_role(policy, command.role)
    _check_person(policy, command.to)
    holds = draft.who.kind is Kind.PERSON and incident.roles.get(command.role) == draft.who.id
    if not holds:
        draft.require(may("handoff", draft.who, policy, incident.roles))
    if incident.roles.get(command.role) == command.to:
        refuse("already-assigned", f"{command.to} is {command.role} already")
    draft.on_incident(incident.id, e.HandoffOffered(command.role, command.to, command.notes))
    hint = f"accept with: allstop handoff {command.role} --accept"
    subject = f"{incident.id}: {command.role} is offered to you"
    tell_person(draft, incident.id, command.to, subject, f"{command.notes} {hint}".strip())


def accept_handoff(draft: Draft, command: c.AcceptHandoff) -> None:
    incident = draft.incident(command.incident)
    _check_role(draft.policy(incident), command.role)
    to = incident.offers.get(command.role)
    if to is None:
        refuse(
            "no-offer",
            f"{command.role} was not offered to anybody",
            f"allstop handoff {command.role} --to NAME",
        )
    if draft.who.kind is not Kind.PERSON or draft.who.id != to:
        refuse("not-yours", f"{command.role} was offered to {to}, and you are {draft.who}")
    previous = incident.roles.get(command.role, "")
    draft.on_incident(incident.id, e.RoleAssigned(command.role, to, "handoff accepted", previous))
    tell_of_waiting(draft, incident.id, command.role)


def acknowledge(draft: Draft, command: c.AcknowledgeIncident) -> None:
    incident = draft.incident(command.incident)
    draft.require(may("acknowledge", draft.who, draft.policy(incident), incident.roles))
    if incident.acknowledged_at is not None:
        refuse(
            "already-acknowledged",
            f"{incident.acknowledged_by} has acknowledged {incident.id} already",
        )
    draft.on_incident(incident.id, e.IncidentAcknowledged(draft.who.id))


def _check_role(policy: Policy, role: str) -> RoleRule:
    rules = {rule.name: rule for rule in policy.protocol.roles}
    if role not in rules:
        refuse("unknown-role", f"the protocol has no role {role}", nearest(role, rules))
    return rules[role]


def _check_person(policy: Policy, person: str) -> None:
    known = [entry.id for entry in policy.roster.people]
    if person not in known:
        refuse("unknown-person", f"nobody on the roster is called {person}", nearest(person, known))

"""Roles: filled from the roster, assigned, handed over, escalated along."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.domain.authority import may
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, refuse
from allstop.domain.incident import commands as c
from allstop.domain.incident import events as e
from allstop.domain.policy import Person, Policy
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
        person = candidate(policy, rule.name, taken)
        if person is None:
            draft.on_incident(incident, e.NoteAdded(f"nobody on the roster can be {rule.title}"))
            continue
        draft.on_incident(
            incident, e.RoleAssigned(rule.name, person.id, "first free on the roster for this role")
        )
        subject = f"{found.id}: you are {rule.title}"
        text = f"{found.title}. {rule.duties}".strip()
        tell_person(draft, incident, person.id, subject, text)


def candidate(policy: Policy, role: str, taken: Mapping[str, str]) -> Person | None:
    """Who should hold a role: somebody able to, free before busy, most preferred role first."""
    able = [person for person in policy.roster.people if role in person.roles]
    busy = set(taken.values())
    return min(able, key=lambda person: (person.id in busy, person.roles.index(role)), default=None)


def assign(draft: Draft, command: c.AssignRole) -> None:
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("assign", draft.who, policy, incident.roles))
    _check_role(policy, command.role)
    _check_person(policy, command.person)
    previous = incident.roles.get(command.role, "")
    if previous == command.person:
        refuse("already-assigned", f"{command.person} is {command.role} already")
    event = e.RoleAssigned(command.role, command.person, f"assigned by {draft.who}", previous)
    draft.on_incident(incident.id, event)
    tell_person(
        draft, incident.id, command.person, f"{incident.id}: you are {command.role}", incident.title
    )


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


def acknowledge(draft: Draft, command: c.AcknowledgeIncident) -> None:
    incident = draft.incident(command.incident)
    draft.require(may("acknowledge", draft.who, draft.policy(incident), incident.roles))
    if incident.acknowledged_at is not None:
        refuse(
            "already-acknowledged",
            f"{incident.acknowledged_by} has acknowledged {incident.id} already",
        )
    draft.on_incident(incident.id, e.IncidentAcknowledged(draft.who.id))


def _check_role(policy: Policy, role: str) -> None:
    known = [rule.name for rule in policy.protocol.roles]
    if role not in known:
        refuse("unknown-role", f"the protocol has no role {role}", nearest(role, known))


def _check_person(policy: Policy, person: str) -> None:
    known = [entry.id for entry in policy.roster.people]
    if person not in known:
        refuse("unknown-person", f"nobody on the roster is called {person}", nearest(person, known))

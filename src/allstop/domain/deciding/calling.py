"""Calling people at once: first responders of a kind of emergency, and whoever must hear of it."""

from __future__ import annotations

from allstop.domain.authority import people_called, people_meant
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.policy import ActivationRule, EmergencyKind


def call_responders(draft: Draft, incident: str, kind: EmergencyKind) -> None:
    """Call the first responders of a kind in their order, and tell those who must hear of it."""
    found = draft.incident(incident)
    policy = draft.policy(found)
    people = people_called(policy, found.roles, kind.first_responders)
    what = f"{found.title} ({found.severity}). Declared by {found.declared_by}."
    if people:
        draft.on_incident(incident, ce.RespondersCalled(people, f"first responders: {kind.title}"))
        for person in people:
            subject = f"{incident}: you are first responder, {kind.title}"
            tell_person(draft, incident, person, subject, what)
    elif kind.first_responders:
        wanted = ", ".join(kind.first_responders)
        text = f"nobody on the roster is first responder for {kind.title}: {wanted}"
        draft.on_incident(incident, e.NoteAdded(text))
    told = [one for entry in kind.tell for one in people_meant(policy, found.roles, entry)]
    for person in dict.fromkeys(told):
        if person not in people:
            tell_person(draft, incident, person, f"{incident}: {kind.title}", what)


def call_informed(draft: Draft, incident: str, rule: ActivationRule | None) -> None:
    """Call those who hear at once when somebody of this office declares; not the declarer themselves."""
    if rule is None or not rule.tell:
        return
    found = draft.incident(incident)
    policy = draft.policy(found)
    meant = [one for entry in rule.tell for one in people_meant(policy, found.roles, entry)]
    people = tuple(one for one in dict.fromkeys(meant) if f"person:{one}" != str(draft.who))
    if not people:
        text = f"{rule.who} declared, and nobody is there to hear of it: {', '.join(rule.tell)}"
        draft.on_incident(incident, e.NoteAdded(text))
        return
    draft.on_incident(incident, ce.RespondersCalled(people, f"declared by {draft.who}, {rule.who}"))
    for person in people:
        subject = f"{incident}: declared by {draft.who}"
        text = f"{found.title}. {found.severity}: {found.severity_because}."
        tell_person(draft, incident, person, subject, text)

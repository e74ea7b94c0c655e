"""What is owed: obligations that begin with the declaration or with standing down, and who owes them."""

from __future__ import annotations

from datetime import timedelta

from allstop.domain.authority import matches, may, people_meant
from allstop.domain.business_time import ahead_of, due_at, next_open
from allstop.domain.deciding.informing import checked, checked_time
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.incident import work_commands as wc
from allstop.domain.incident import work_events as we
from allstop.domain.incident.parts import Owed
from allstop.domain.incident.state import GONE, Incident
from allstop.domain.moment import time_words
from allstop.domain.policy import Obligation, Policy
from allstop.domain.progress import mark_sentence, meetable
from allstop.domain.recognition import shows_kind
from allstop.domain.verdict import nearest

# A meeting is proposed so long before its obligation is due, where the calendar allows.
MEETING_AHEAD = timedelta(days=1)


def owe(draft: Draft, incident: str, begins: str) -> None:
    """Record every obligation that begins now (`declared` | `stood-down`) and applies here.

    One that is owed already, or was met in an earlier round of a reopened incident, is not owed twice.
    """
    found = draft.incident(incident, must_be_open=False)
    policy = draft.policy(found)
    said_to: dict[str, list[tuple[str, str]]] = {}
    for rule in policy.protocol.obligations:
        if rule.begins != begins or rule.id in found.obligations:
            continue
        if (not rule.severities or found.severity in rule.severities) and (
            not rule.kinds or shows_kind(policy, found, rule.kinds)
        ):
            until = _owe(draft, policy, found, rule)
            for person in who_owes(policy, found, rule.owner):
                said_to.setdefault(person, []).append((rule.title, until))
    # One message each: ten at once are read like none.
    for person, owed in said_to.items():
        many = f"you owe {len(owed)} things" if len(owed) > 1 else owed[0][0]
        lines = "\n".join(f"- {title}, {until}" for title, until in owed)
        tell_person(draft, incident, person, f"{found.id}: {many}", f"{found.title}\n{lines}")


def owe_one(draft: Draft, incident: str, rule: Obligation) -> str:
    """Record something that a plan lets be owed from now on, and tell whoever owes it; returns until when.

    What the incident owes under this name already keeps its clock.
    """
    found = draft.incident(incident, must_be_open=False)
    owed = found.obligations.get(rule.id)
    if owed is not None:
        return f"owed already, {owed.met or f'until {time_words(owed.due_at)}'}"
    policy = draft.policy(found)
    until = _owe(draft, policy, found, rule)
    for person in who_owes(policy, found, rule.owner):
        tell_person(draft, incident, person, f"{found.id}: {rule.title}", f"{found.title}\n{until}")
    return f"owed by the {rule.owner} {until.removesuffix('.')}"


def _owe(draft: Draft, policy: Policy, incident: Incident, rule: Obligation) -> str:
    """Record one; returns until when, in words."""
    calendar = policy.protocol.calendar
    at = due_at(draft.now.utc, rule.within, calendar)
    remind = ahead_of(at, rule.remind, calendar) if rule.remind else None
    if remind is not None and remind <= draft.now.utc:
        remind = None  # they hear of it now
    event = e.ObligationOwed(rule.id, rule.title, rule.owner, at, remind, rule.met_by, rule.begins)
    draft.on_incident(incident.id, event)
    when = ""
    if rule.meeting:
        # Proposed at once, so that nobody has to find a time first.
        meeting = next_open(max(draft.now.utc, at - MEETING_AHEAD), calendar)
        meeting = min(meeting, at) if meeting else at
        draft.on_incident(incident.id, ce.MeetingScheduled(rule.id, rule.title, meeting))
        when = f" The meeting is proposed for {time_words(meeting)}."
    return f"until {time_words(at)}.{when}"


def who_owes(policy: Policy, incident: Incident, owner: str) -> tuple[str, ...]:
    """The people a promise is theirs: a person, or the holders of a role; unfilled, the owner's."""
    if policy.roster.person(owner) is not None:
        return (owner,)
    return people_meant(policy, incident.roles, owner) or people_meant(
        policy, incident.roles, "owner"
    )


def meet_by_marks(draft: Draft, incident: str) -> None:
    """Record each obligation that what has happened meets. Called after every command."""
    found = draft.incident(incident, must_be_open=False)
    for owed in meetable(draft.world, draft.policy(found), found):
        draft.on_incident(incident, we.ObligationMet(owed.id, mark_sentence(owed.met_by)))


def meet_obligation(draft: Draft, command: wc.MeetObligation) -> None:
    """A person (or whoever is granted it) says how it was met."""
    incident, owed = _obligation(draft, command.incident, command.obligation)
    if owed.met:
        refuse("already-met", f"{owed.title} was done already: {owed.met}")
    how = checked(command.how, "an obligation that was met")
    draft.on_incident(incident.id, we.ObligationMet(owed.id, how))


def schedule_meeting(draft: Draft, command: cc.ScheduleMeeting) -> None:
    """Move the meeting of an obligation; everybody with a role is told."""
    incident, owed = _obligation(draft, command.incident, command.obligation)
    at = checked_time(command.at)
    if owed.meeting_at is None:
        refuse("no-meeting", f"{owed.id} has no meeting", "`meeting: true` in the protocol")
    if owed.met:
        refuse("already-met", f"{owed.title} was done already: {owed.met}")
    if at < draft.now.utc:
        refuse("in-the-past", f"{time_words(at)} has passed")
    if at > owed.due_at:
        text = f"{owed.title} is due at {time_words(owed.due_at)}, and the meeting would be later"
        refuse("after-due", text)
    if at == owed.meeting_at:
        return
    draft.on_incident(incident.id, ce.MeetingScheduled(owed.id, owed.title, at))
    subject = f"{incident.id}: the meeting moves to {time_words(at)}"
    for person in dict.fromkeys(name for name in incident.roles.values() if name):
        tell_person(draft, incident.id, person, subject, owed.title)


def kept_incident(draft: Draft, id: str) -> Incident:
    """An incident whose promises still count: open, stood down or closed, but not merged or dismissed."""
    incident = draft.incident(id, must_be_open=False)
    if incident.state in GONE:
        into = f"; it goes on in {incident.merged_into}" if incident.merged_into else ""
        refuse("ended", f"{id} was {incident.state}{into}")
    return incident


def _obligation(draft: Draft, id: str, name: str) -> tuple[Incident, Owed]:
    """An obligation that this principal may speak about."""
    incident = kept_incident(draft, id)
    owed = incident.obligations.get(name)
    if owed is None:
        known = incident.obligations
        hint = nearest(name, known) or "nothing is owed there"
        refuse("unknown-obligation", f"{id} owes no {name}", hint)
    policy = draft.policy(incident)
    owner = owed.owner if ":" in owed.owner or owed.owner == "owner" else f"role:{owed.owner}"
    if not matches(owner, draft.who, policy, incident.roles):
        draft.require(may("obligation", draft.who, policy, incident.roles))
    return incident, owed


RULES: Rules = {wc.MeetObligation: meet_obligation, cc.ScheduleMeeting: schedule_meeting}
INTERNAL: frozenset[type] = frozenset()

"""Action items, and closing for good."""

from __future__ import annotations

import re
from datetime import datetime

from allstop.domain.authority import may
from allstop.domain.deciding.informing import LINK_LIMIT, TITLE_LIMIT, checked, checked_time
from allstop.domain.deciding.owing import kept_incident, who_owes
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import work_commands as wc
from allstop.domain.incident import work_events as we
from allstop.domain.incident.parts import ActionItem
from allstop.domain.incident.state import Incident
from allstop.domain.moment import time_words
from allstop.domain.policy import Policy
from allstop.domain.principal import Kind
from allstop.domain.progress import mark_hint, missing
from allstop.domain.verdict import Reason, Verdict, nearest
from allstop.domain.world import World

PRIORITIES = ("high", "medium", "low")
STATES = ("open", "done", "dropped")
LINK = re.compile(r"https?://[^\s<>\"]+")


def missing_before_close(world: World, policy: Policy, incident: Incident) -> Verdict:
    """Everything that must still happen before an incident may be closed, by the severity it ended with.

    An override of `close` lets all of it through; it does not make it any less missing.
    """
    marks = policy.protocol.closing.requires.get(incident.severity, ())
    return Verdict(
        tuple(
            Reason(f"closing:{mark}", text, mark_hint(mark, incident.id))
            for mark in marks
            for text in missing(world, policy, incident, mark)
        )
    )


def close_incident(draft: Draft, command: cc.CloseIncident) -> None:
    """Close for good what was stood down: refused with everything that is missing.

    Promises that closing does not ask for outlive it, and are chased until they are kept.
    """
    incident = draft.incident(command.incident, must_be_open=False)
    policy = draft.policy(incident)
    verdict = may("close", draft.who, policy, incident.roles) & _closable(incident)
    if "close" not in incident.overrides:
        verdict &= missing_before_close(draft.world, policy, incident)
    draft.require(verdict)
    note = checked(command.note, "a note") if command.note.strip() else ""
    draft.on_incident(incident.id, ce.IncidentClosed(note))


def _closable(incident: Incident) -> Verdict:
    match incident.state:
        case "stood-down":
            return Verdict.yes()
        case "open":
            hint = f"allstop stand-down --incident {incident.id}"
            return Verdict.no("not-stood-down", f"{incident.id} is still open", hint)
        case "closed":
            return Verdict.no("already-closed", f"{incident.id} was closed already")
        case state:
            return Verdict.no("ended", f"{incident.id} was {state}, there is nothing to close")


def add_action(draft: Draft, command: wc.AddAction) -> None:
    """Promise a piece of work: with an owner, a due date and a priority from the beginning."""
    incident = kept_incident(draft, command.incident)
    policy = draft.policy(incident)
    draft.require(may("action-item", draft.who, policy, incident.roles))
    title = checked(command.title, "an action item", TITLE_LIMIT)
    _check(policy, command.owner, command.priority, command.link)
    due = _not_past(draft, command.due_at)
    id = f"ACT-{len(incident.actions) + 1}"
    event = we.ActionAdded(id, title, command.owner, due, command.priority, command.link.strip())
    draft.on_incident(incident.id, event)
    draft.result["action"] = id
    _tell_owner(draft, incident.id, id)


def change_action(draft: Draft, command: wc.ChangeAction) -> None:
    """Move an action item on. What is not named stays as it is."""
    incident = kept_incident(draft, command.incident)
    policy = draft.policy(incident)
    item = incident.actions.get(command.action)
    if item is None:
        known = incident.actions
        hint = nearest(command.action, known) or "none was added yet"
        refuse("unknown-action", f"{incident.id} has no action item {command.action}", hint)
    is_theirs = draft.who.id in who_owes(policy, incident, item.owner)
    if not is_theirs or draft.who.kind is not Kind.PERSON:
        draft.require(may("action-item", draft.who, policy, incident.roles))
    changed = _changed(draft, item, command)
    _check(policy, changed.owner, changed.priority, changed.link)
    if changed == item:
        refuse("no-change", f"{item.id} is like that already")
    event = we.ActionChanged(
        item.id, changed.state, changed.owner, changed.due_at, changed.priority, changed.link,
        changed.note,
    )  # fmt: skip
    draft.on_incident(incident.id, event)
    if changed.owner != item.owner:
        _tell_owner(draft, incident.id, item.id)


def _changed(draft: Draft, item: ActionItem, command: wc.ChangeAction) -> ActionItem:
    """The item as it is to be. Refuses what no action item can be."""
    state = command.state or item.state
    if state not in STATES:
        refuse("unknown-state", f"an action item is not {state}", nearest(state, STATES))
    note = checked(command.note, "a note") if command.note.strip() else ""
    if state == "dropped" and item.state != "dropped" and not note:
        refuse("no-reason", "an action item is dropped with a reason", '--note "..."')
    due = item.due_at if command.due_at is None else _not_past(draft, command.due_at)
    return ActionItem(
        item.id, item.title, command.owner or item.owner, due, command.priority or item.priority,
        command.link.strip() or item.link, state, note or item.note,
    )  # fmt: skip


def _check(policy: Policy, owner: str, priority: str, link: str) -> None:
    """Refuse an owner nobody knows, a priority that is none, and a link that leads nowhere."""
    people = [person.id for person in policy.roster.people]
    roles = [rule.name for rule in policy.protocol.roles]
    if owner not in people and owner not in roles:
        text = f"nobody on the roster and no role is called {owner}"
        refuse("unknown-owner", text, nearest(owner, (*people, *roles)))
    if priority not in PRIORITIES:
        text = f"there is no priority {priority}"
        refuse("unknown-priority", text, nearest(priority, PRIORITIES))
    link = link.strip()
    if link and (len(link) > LINK_LIMIT or not LINK.fullmatch(link)):
        text = f"a link is an address with http:// or https:// of at most {LINK_LIMIT} characters"
        refuse("bad-link", text)


def _not_past(draft: Draft, at: datetime) -> datetime:
    due = checked_time(at)
    if due < draft.now.utc:
        refuse("in-the-past", f"{time_words(due)} has passed", "give a date to come")
    return due


def _tell_owner(draft: Draft, incident: str, id: str) -> None:
    found = draft.incident(incident, must_be_open=False)
    item = found.actions[id]
    text = f"{item.title}. Due {time_words(item.due_at)}, priority {item.priority}. {item.link}".strip()
    for person in who_owes(draft.policy(found), found, item.owner):
        tell_person(draft, incident, person, f"{incident}: action item {id} is yours", text)


RULES: Rules = {
    cc.CloseIncident: close_incident,
    wc.AddAction: add_action,
    wc.ChangeAction: change_action,
}
INTERNAL: frozenset[type] = frozenset()

"""Telling people: notifications by audience and by person, as entries whose delivery is recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from allstop.domain.authority import people_meant
from allstop.domain.clocks import chain_of, update_due_at
from allstop.domain.deciding.all_stop import all_stop_stands
from allstop.domain.draft import Draft
from allstop.domain.hearing import listeners
from allstop.domain.incident import events as e
from allstop.domain.incident.state import Incident
from allstop.domain.moment import time_words
from allstop.domain.payload import CARRIED_ON, payload_name, payload_of, payload_path
from allstop.domain.policy import Audience, Policy
from allstop.domain.recognition import hit_domains
from allstop.domain.record import FLEET_STREAM
from allstop.domain.templates import render
from allstop.domain.world import World


def announce(draft: Draft, incident: str, occasion: str, fields: Mapping[str, str]) -> None:
    """Tell every audience that hears of it, in the protocol's words for the occasion."""
    found = draft.incident(incident, must_be_open=False)
    told: set[str] = set()
    hearers = listeners(draft.policy(found), found, occasion, draft.now.utc)
    every = _fields_now(draft, found) if hearers else {}
    for audience in hearers:
        told |= _tell(draft, incident, audience, occasion, (every, fields), told)


def tell_audience(
    draft: Draft, incident: str, audience: Audience, occasion: str, fields: Mapping[str, str],
    told: Collection[str] = (),
) -> set[str]:  # fmt: skip
    """One notification per channel; `told` are channels that got it already. Returns those used.

    Of a private incident nobody is told, whatever asks for it: people hear of it by name.
    """
    every = _fields_now(draft, draft.incident(incident, must_be_open=False))
    return _tell(draft, incident, audience, occasion, (every, fields), told)


def tell_outside(draft: Draft, person: str, subject: str, text: str) -> None:
    """One notification per channel of a person about what belongs to no incident; it stands on the fleet's stream."""
    entry = draft.book.latest.roster.person(person)
    for channel in entry.channels if entry else ():
        number = draft.world.versions.get(FLEET_STREAM, 0) + 1
        event = e.NotificationRequested(f"N{number}", f"person:{person}", channel, subject, text)
        draft.emit(FLEET_STREAM, event)


def _fields_now(draft: Draft, incident: Incident) -> dict[str, str]:
    every = common_fields(draft.world, draft.policy(incident), incident)
    return every | {"now": f"{draft.now.utc:%Y-%m-%d %H:%M:%S} UTC"}


def _tell(
    draft: Draft, incident: str, audience: Audience, occasion: str,
    fields: tuple[Mapping[str, str], Mapping[str, str]], told: Collection[str],
) -> set[str]:  # fmt: skip
    """The same. fields: what every message of this moment holds, and what this one holds."""
    found = draft.incident(incident, must_be_open=False)
    policy, (every, own) = draft.policy(found), fields
    used: set[str] = set()
    for name in () if found.private else audience.channels:
        # Two audiences that share a channel would read the same text twice.
        if name in told or name in used:
            continue
        used.add(name)
        payload = payload_path(policy.roster.channel(name), found)
        subject, text = render(
            policy.protocol, occasion, audience.name, {**every, "payload": payload, **own}
        )
        carries = payload and occasion in CARRIED_ON
        event = e.NotificationRequested(
            _next_id(draft, incident), f"audience:{audience.name}", name, subject, text,
            payload_of(found, every) if carries else "", payload_name(found) if carries else "",
        )  # fmt: skip
        draft.on_incident(incident, event)
    return used


def tell_person(draft: Draft, incident: str, person: str, subject: str, text: str) -> None:
    """One notification per channel of a person; one without channels is told by the console alone.

    Of a private incident only a channel of their own gets the words; elsewhere others would read them.
    """
    found = draft.incident(incident, must_be_open=False)
    policy = draft.policy(found)
    entry = policy.roster.person(person)
    for channel in entry.channels if entry else ():
        said = (subject, text)
        if found.private and _is_shared(policy, channel, person):
            said = (f"{incident} is private", f"You have a part in it: allstop show {incident}")
        event = e.NotificationRequested(
            _next_id(draft, incident), f"person:{person}", channel, *said
        )
        draft.on_incident(incident, event)


def _is_shared(policy: Policy, channel: str, person: str) -> bool:
    """Whether anybody but this person reads a channel."""
    people = (one for one in policy.roster.people if one.id != person)
    read_by = [one.channels for one in policy.protocol.audiences]
    read_by += [one.channels for one in people]
    return any(channel in channels for channels in read_by)


def _next_id(draft: Draft, incident: str) -> str:
    return f"N{len(draft.incident(incident, must_be_open=False).notifications) + 1}"


def common_fields(world: World, policy: Policy, incident: Incident) -> dict[str, str]:
    """What every template may hold (`templates.COMMON`), but for what only the message knows.

    Each on one line: a title with line breaks in it must not be able to forge a line of a hand-off.
    """
    kind = policy.protocol.activation.kind(incident.kind)
    due = update_due_at(incident, policy) if incident.is_open else None
    stopped = all_stop_stands(world, incident.id)
    commander = incident.roles.get("commander", "")
    responders = incident.called or tuple(filter(None, (incident.acknowledged_by or commander,)))
    held = (
        f"{rule.title}: {_name(policy, incident.roles[rule.name])}"
        for rule in policy.protocol.roles
        if incident.roles.get(rule.name)
    )
    fields = {
        "incident": incident.id,
        "title": incident.title,
        "severity": incident.severity,
        "severity_title": policy.protocol.severity(incident.severity).title,
        "kind": kind.title if kind else incident.kind,
        "impact": incident.impact.sentence(),
        "services": ", ".join(incident.services),
        "domain": ", ".join(hit_domains(policy, incident.services, incident.domain)),
        "commander": _name(policy, commander),
        "roles": "; ".join(held),
        "declared_by": incident.declared_by,
        "declared_at": f"{incident.declared_at:%Y-%m-%d %H:%M:%S} UTC",
        "status": incident.status or "investigating",
        "next_update": time_words(due) if due else "",
        "order": policy.protocol.all_stop.order if stopped else "",
        "task_id": f"INCIDENT-{incident.declared_at:%Y-%m-%d}-{incident.severity}",
        "first_responder": ", ".join(_name(policy, person) for person in responders),
        "next_hop": _next_hop(policy, incident, responders),
    }
    return {name: " ".join(value.split()) for name, value in fields.items()}


def _next_hop(policy: Policy, incident: Incident, responders: tuple[str, ...]) -> str:
    """Who comes after the first responder in the chain: their names, or the entry when it means nobody."""
    chain = [
        (entry, people_meant(policy, incident.roles, entry)) for entry in chain_of(policy, incident)
    ]
    places = [place for place, (_, people) in enumerate(chain) if set(people) & set(responders)]
    following = chain[places[0] + 1 :] if places else chain
    for entry, people in following:
        others = [_name(policy, person) for person in people if person not in responders]
        if others or not people:
            return ", ".join(others) or entry.partition(":")[2] or entry
    return ""


def _name(policy: Policy, person: str) -> str:
    """A person's name as the roster has it, or the id."""
    entry = policy.roster.person(person)
    return entry.name if entry is not None else person

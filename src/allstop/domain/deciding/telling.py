"""Telling people: notifications by audience and by person, as entries whose delivery is recorded."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.domain.clocks import update_due_at
from allstop.domain.conditions import all_hold
from allstop.domain.draft import Draft
from allstop.domain.incident import events as e
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after
from allstop.domain.policy import Audience, Policy
from allstop.domain.templates import render


def announce(draft: Draft, incident: str, occasion: str, fields: Mapping[str, str]) -> None:
    """Tell every audience of the severity, in the protocol's words for the occasion."""
    found = draft.incident(incident, must_be_open=False)
    policy = draft.policy(found)
    wanted = policy.protocol.severity(found.severity).audiences
    told: set[str] = set()
    for audience in policy.protocol.audiences:
        if audience.name in wanted and hears(draft, found, audience):
            told |= tell_audience(draft, incident, audience, occasion, fields, told)


def tell_audience(
    draft: Draft, incident: str, audience: Audience, occasion: str, fields: Mapping[str, str],
    told: set[str] = frozenset(),  # type: ignore[assignment]
) -> set[str]:  # fmt: skip
    """One notification per channel; `told` are channels that got it already. Returns those used."""
    found = draft.incident(incident, must_be_open=False)
    policy = draft.policy(found)
    every = common_fields(policy, found) | {"now": f"{draft.now.utc:%Y-%m-%d %H:%M:%S} UTC"}
    subject, text = render(policy.protocol, occasion, audience.name, every | dict(fields))
    used = set()
    for channel in audience.channels:
        # Two audiences that share a channel would read the same text twice.
        if channel not in told:
            used.add(channel)
            request(draft, incident, f"audience:{audience.name}", channel, subject, text)
    return used


def hears(draft: Draft, incident: Incident, audience: Audience) -> bool:
    """Whether an audience is told now: not of private incidents, not before its time, not of small ones."""
    if incident.private or not all_hold(audience.when, incident.worst_impact.facts()):
        return False
    span = audience.after.at(incident.severity)
    if span is None or audience.name in incident.noticed:
        return True
    return draft.now.utc >= after(incident.declared_at, span.amount)


def tell_person(draft: Draft, incident: str, person: str, subject: str, text: str) -> None:
    """One notification per channel of a person; one without channels is told by the console alone."""
    found = draft.incident(incident, must_be_open=False)
    entry = draft.policy(found).roster.person(person)
    for channel in entry.channels if entry else ():
        request(draft, incident, f"person:{person}", channel, subject, text)


def request(draft: Draft, incident: str, to: str, channel: str, subject: str, text: str) -> None:
    number = len(draft.incident(incident, must_be_open=False).notifications) + 1
    draft.on_incident(incident, e.NotificationRequested(f"N{number}", to, channel, subject, text))


def common_fields(policy: Policy, incident: Incident) -> dict[str, str]:
    """What every template may hold (`templates.COMMON`)."""
    rule = policy.protocol.severity(incident.severity)
    kind = policy.protocol.activation.kind(incident.kind)
    due = update_due_at(incident, policy) if incident.is_open else None
    commander = incident.roles.get("commander", "")
    return {
        "incident": incident.id,
        "title": incident.title,
        "severity": incident.severity,
        "severity_title": rule.title,
        "kind": kind.title if kind else incident.kind,
        "impact": incident.impact.sentence(),
        "services": ", ".join(incident.services),
        "commander": commander,
        "declared_by": incident.declared_by,
        "declared_at": f"{incident.declared_at:%Y-%m-%d %H:%M:%S} UTC",
        "status": incident.status or "investigating",
        "next_update": f"{due:%Y-%m-%d %H:%M} UTC" if due else "",
        "task_id": f"INCIDENT-{incident.declared_at:%Y-%m-%d}-{incident.severity}",
        "first_responder": ", ".join(incident.called) or incident.acknowledged_by or commander,
    }

"""Telling people: notifications by audience and by person, as entries whose delivery is recorded."""

from __future__ import annotations

from allstop.domain.draft import Draft
from allstop.domain.incident import events as e


def tell_audiences(draft: Draft, incident: str, subject: str, text: str) -> None:
    """One notification per channel of every audience of the incident's severity."""
    found = draft.incident(incident, must_be_open=False)
    policy = draft.policy(found)
    wanted = policy.protocol.severity(found.severity).audiences
    told: set[str] = set()
    for audience in policy.protocol.audiences:
        if audience.name not in wanted:
            continue
        for channel in audience.channels:
            # Two audiences that share a channel would read the same text twice.
            if channel not in told:
                told.add(channel)
                _request(draft, incident, f"audience:{audience.name}", channel, subject, text)


def tell_person(draft: Draft, incident: str, person: str, subject: str, text: str) -> None:
    """One notification per channel of a person; one without channels is told by the console alone."""
    found = draft.incident(incident, must_be_open=False)
    entry = draft.policy(found).roster.person(person)
    for channel in entry.channels if entry else ():
        _request(draft, incident, f"person:{person}", channel, subject, text)


def _request(draft: Draft, incident: str, to: str, channel: str, subject: str, text: str) -> None:
    number = len(draft.incident(incident, must_be_open=False).notifications) + 1
    draft.on_incident(incident, e.NotificationRequested(f"N{number}", to, channel, subject, text))

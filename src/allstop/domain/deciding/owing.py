"""What is owed: obligations that begin with the declaration or with standing down."""

from __future__ import annotations

from datetime import timedelta

from allstop.domain.business_time import due_at, next_open
from allstop.domain.draft import Draft
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.moment import after


def owe(draft: Draft, incident: str, begins: str) -> None:
    """Record every obligation that begins now (`declared` | `stood-down`) and applies here.

    One that was met before, in an earlier round of a reopened incident, is not owed twice.
    """
    found = draft.incident(incident, must_be_open=False)
    policy = draft.policy(found)
    calendar = policy.protocol.calendar
    for rule in policy.protocol.obligations:
        fits = (not rule.severities or found.severity in rule.severities) and (
            not rule.kinds or found.kind in rule.kinds
        )
        if rule.begins != begins or not fits or rule.id in found.obligations:
            continue
        at = due_at(draft.now.utc, rule.within, calendar)
        remind = after(at, -rule.remind.amount) if rule.remind else None
        event = e.ObligationOwed(rule.id, rule.title, rule.owner, at, remind, rule.met_by)
        draft.on_incident(incident, event)
        if rule.meeting:
            # Proposed so that nobody has to find a time at once: the last opening before it is due.
            meeting = next_open(at - timedelta(days=1), calendar) or at
            scheduled = ce.MeetingScheduled(rule.id, rule.title, min(meeting, at))
            draft.on_incident(incident, scheduled)

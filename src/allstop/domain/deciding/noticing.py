"""Notices to audiences that hear later than the others."""

from __future__ import annotations

from allstop.domain.deciding.telling import tell_audience
from allstop.domain.draft import Draft, Rules
from allstop.domain.hearing import notice_at
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce


def issue_notice(draft: Draft, command: cc.IssueNotice) -> None:
    """The first word to an audience, once. Nothing when it has become moot meanwhile."""
    incident = draft.incident(command.incident, must_be_open=False)
    policy = draft.policy(incident)
    for audience in policy.protocol.audiences:
        at = notice_at(policy, incident, audience)
        if audience.name == command.audience and at is not None and at <= draft.now.utc:
            draft.on_incident(incident.id, ce.NoticeIssued(audience.name))
            tell_audience(draft, incident.id, audience, "notice", {})


RULES: Rules = {cc.IssueNotice: issue_notice}
INTERNAL: frozenset[type] = frozenset(RULES)

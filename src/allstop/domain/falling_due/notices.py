"""Audiences that are told later: their first notice falls due."""

from __future__ import annotations

from allstop.domain.falling_due.found import Due
from allstop.domain.hearing import notice_at
from allstop.domain.incident.course_commands import IssueNotice
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.policy import Policy
from allstop.domain.world import World


def notices_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    del world
    for audience in policy.protocol.audiences:
        at = notice_at(policy, incident, audience)
        if at is not None:
            found.at(at, now, IssueNotice(incident.id, audience.name))

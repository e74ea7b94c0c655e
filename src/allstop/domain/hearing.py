"""Which audiences hear of an incident, and when each hears of it first.

An audience hears first when the incident is declared, or by a notice of its own: because the protocol
holds it back for a while, because it came to concern it only later, or because it was private until
then. Whoever never heard of an incident is not told how it ended.
"""

from __future__ import annotations

from datetime import datetime

from allstop.domain.business_time import due_at
from allstop.domain.conditions import all_hold
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Audience, Policy

# Whoever has heard of an incident hears of these, even when its severity no longer concerns them.
TO_ALL_WHO_HEARD = frozenset({"severity", "stood-down", "merged", "dismissed", "reopened"})


def listeners(
    policy: Policy, incident: Incident, occasion: str, now: datetime
) -> tuple[Audience, ...]:
    """The audiences that are told on an occasion, those the severity concerns first."""
    if incident.private:
        return ()
    everybody = policy.protocol.audiences
    mine = [one for one in everybody if concerns(policy, incident, one)]
    if occasion == "declared":
        return tuple(one for one in mine if begins_at(policy, incident, one) <= now)
    rest = [one for one in everybody if one not in mine] if occasion in TO_ALL_WHO_HEARD else []
    return tuple(one for one in (*mine, *rest) if heard(incident, one))


def concerns(policy: Policy, incident: Incident, audience: Audience) -> bool:
    """Whether the severity names an audience, and the worst impact so far is what it asks for."""
    if audience.name not in policy.protocol.severity(incident.severity).audiences:
        return False
    return not audience.when or all_hold(audience.when, incident.worst_impact.facts())


def heard(incident: Incident, audience: Audience) -> bool:
    """Whether an audience has had its first word: by a notice, or on each of its channels.

    Channels count and not names: of two audiences that share one, only the first is told there.
    """
    return audience.name in incident.noticed or all(
        _was_used(incident, channel) for channel in audience.channels
    )


def _was_used(incident: Incident, channel: str) -> bool:
    """Whether an audience was told on a channel. Asked often: it was nearly always among the first."""
    return any(
        one.channel == channel and one.to.startswith("audience:")
        for one in incident.notifications.values()
    )


def may_hear(policy: Policy, incident: Incident, audience: Audience, now: datetime) -> bool:
    """Whether an audience may be told something that is addressed to it by name."""
    if incident.private or not all_hold(audience.when, incident.worst_impact.facts()):
        return False
    return heard(incident, audience) or begins_at(policy, incident, audience) <= now


def begins_at(policy: Policy, incident: Incident, audience: Audience) -> datetime:
    """From when on an audience may hear: at once, or as long after the beginning as it is held back."""
    span, begins = audience.after.at(incident.severity), incident.begun
    return due_at(begins, span, policy.protocol.calendar) if span else begins


def notice_at(policy: Policy, incident: Incident, audience: Audience) -> datetime | None:
    """When an audience is to have a notice of its own; None when none is owed to it.

    What has been resolved by then is not news: it did not last.
    """
    if incident.private or not incident.is_open or "resolved" in incident.milestones:
        return None
    if not concerns(policy, incident, audience) or heard(incident, audience):
        return None
    return begins_at(policy, incident, audience)

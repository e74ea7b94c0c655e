"""Duty: since when a responder has held a role of an incident, and when somebody is to relieve them.

Whoever holds a role of an open incident is on duty. It follows from who held what when, so nothing is asked twice
after a restart, and incidents of before the hours were looked at have them as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.domain.incident.parts import Duty, Stint
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, between
from allstop.domain.policy import Policy, Relief


@dataclass(frozen=True, slots=True)
class Hours:
    """of: all of it in this incident; since_rest: what counts, without what lies before a rest that was long
    enough."""

    of_ms: int
    since_rest_ms: int


def hours(duty: Duty, rules: Relief, now: datetime) -> Hours:
    """How long somebody has been on duty."""
    whole = sum(max(0, between(one.began, one.ended or now)) for one in duty.stints)
    if not duty.is_on:
        left = duty.stints[-1].ended if duty.stints else None
        return Hours(whole, 0 if _rested(left, now, rules) else _counted(duty.stints, rules))
    now_on = max(0, between(duty.stints[-1].began, now))
    return Hours(whole, _before_this_stint(duty, rules) + now_on)


def _counted(stints: tuple[Stint, ...], rules: Relief) -> int:
    """Of stints that have ended: what lies behind the last break that was long enough."""
    counted = 0
    before: datetime | None = None
    for stint in stints:
        counted = 0 if _rested(before, stint.began, rules) else counted
        counted += max(0, between(stint.began, stint.ended or stint.began))
        before = stint.ended
    return counted


def _before_this_stint(duty: Duty, rules: Relief) -> int:
    """What counts of the stints before the one that lasts."""
    earlier = duty.stints[:-1]
    if not earlier or _rested(earlier[-1].ended, duty.stints[-1].began, rules):
        return 0
    return _counted(earlier, rules)


def _rested(since: datetime | None, until: datetime, rules: Relief) -> bool:
    """Whether a break was long enough."""
    return bool(rules.rest_ms and since and between(since, until) >= rules.rest_ms)


def relief_at(policy: Policy, incident: Incident, person: str) -> datetime | None:
    """When relief for this person is to be asked for, which may have passed; None for somebody who is not on
    duty, and where the protocol sets no time. It follows from the record alone: whatever the clock does meanwhile,
    the instant stays the same."""
    rules, duty = policy.protocol.relief, incident.duty.get(person)
    if not rules.after_ms or duty is None or not duty.is_on:
        return None
    stint = duty.stints[-1]
    due = after(stint.began, rules.after_ms - _before_this_stint(duty, rules))
    if duty.asked_at is None or duty.asked_at < stint.began:
        return due
    return max(due, after(duty.asked_at, rules.again_ms)) if rules.again_ms else None


def roles_of(incident: Incident, person: str) -> tuple[str, ...]:
    """The roles somebody holds now."""
    return tuple(role for role, holder in incident.roles.items() if holder == person)

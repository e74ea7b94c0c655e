"""Business time: when a span that is counted in the hours of a calendar ends, as an instant of UTC.

A business day is a day with hours that is no holiday. `2bd` from Monday 15:00 ends Wednesday 15:00; from
Saturday it counts from Monday's opening. Business hours run only while the calendar is open, and are
real hours: on a day with a clock change an hour still has sixty minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from allstop.domain.moment import after, between
from allstop.domain.policy.spans import Calendar, Clock, Span

# A calendar that is not open once in this many days is never open.
LONGEST_DAYS = 400


def due_at(start: datetime, span: Span, calendar: Calendar) -> datetime:
    """The instant a span ends that begins at `start` (aware). The answer is UTC, never before `start`.

    A calendar that is never open counts as wall time, a business day as 24 hours of it.
    """
    if span.clock is Clock.WALL:
        return after(start, span.amount).astimezone(UTC)
    opening = next_open(start, calendar)
    if opening is None:
        day = timedelta(days=span.amount)
        is_days = span.clock is Clock.BUSINESS_DAYS
        return (start + day if is_days else after(start, span.amount)).astimezone(UTC)
    if span.clock is Clock.BUSINESS_DAYS:
        return _days_later(opening, span.amount, calendar)
    return _hours_later(opening, span.amount, calendar)


def next_open(at: datetime, calendar: Calendar) -> datetime | None:
    """`at` when the calendar is open then, else its next opening; None when it never opens."""
    for opens, closes in _stretches(at, calendar):
        if at < closes:
            return max(at, opens).astimezone(UTC)
    return None


def is_open(at: datetime, calendar: Calendar) -> bool:
    return next_open(at, calendar) == at


def _hours_later(start: datetime, milliseconds: int, calendar: Calendar) -> datetime:
    left, here = milliseconds, start
    while left > 0:
        for opens, closes in _stretches(here, calendar):
            begin = max(opens, here)
            if begin >= closes:
                continue
            room = between(begin, closes)
            if left <= room:
                return after(begin, left).astimezone(UTC)
            left -= room
            here = closes
    return here.astimezone(UTC)


def _days_later(start: datetime, days: int, calendar: Calendar) -> datetime:
    zone = _zone(calendar.zone)
    local = start.astimezone(zone)
    day = local.date()
    for _ in range(days):
        day = next(one for one in _days(day + timedelta(days=1)) if _open_on(one, calendar))
    moment = datetime.combine(day, local.time().replace(tzinfo=None), zone).astimezone(UTC)
    stretches = _on(day, calendar)
    for opens, closes in stretches:
        if moment <= closes:
            return max(moment, opens, start.astimezone(UTC))
    return max(stretches[-1][1], start.astimezone(UTC))


def _stretches(at: datetime, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """The times it is open, from the local day before `at` on."""
    first = at.astimezone(_zone(calendar.zone)).date() - timedelta(days=1)
    for day in islice(_days(first), LONGEST_DAYS):
        yield from _on(day, calendar)


def _days(first: date) -> Iterator[date]:
    day = first
    while True:
        yield day
        day += timedelta(days=1)


def _open_on(day: date, calendar: Calendar) -> bool:
    return bool(_on(day, calendar))


def _on(day: date, calendar: Calendar) -> list[tuple[datetime, datetime]]:
    """The stretches of one local day, as instants."""
    if day.isoformat() in calendar.holidays:
        return []
    found = []
    for hours in calendar.hours:
        if hours.weekday == day.weekday():
            opens = _instant(day, hours.opens_min, calendar.zone)
            closes = _instant(day, hours.closes_min, calendar.zone)
            if opens < closes:
                found.append((opens, closes))
    return found


def _instant(day: date, minutes: int, zone: str) -> datetime:
    """Local minutes of a day as UTC; 1440 is the midnight that ends it."""
    days, rest = divmod(minutes, 1440)
    local = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60), _zone(zone))
    return local.astimezone(UTC)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)

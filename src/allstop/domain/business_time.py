"""Business time: when a span that is counted in the hours of a calendar ends, as an instant of UTC.

A calendar is open while the clock on the wall of its zone shows a time within its hours, on a day that
is no holiday. So an hour that the wall shows twice is open twice, one it skips is not open at all, and
business hours are real hours. A business day is a day on which it is open at all: `2bd` from Monday
15:00 ends Wednesday 15:00, or where that is closed at the next opening of that day, or at its last
closing; from Saturday it counts from Monday's opening.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from allstop.domain.policy.spans import Calendar, Clock, Span

# A calendar that is not open once in this many days is never open.
LONGEST_DAYS = 400
DAY = timedelta(days=1)
# No zone is further from UTC.
FURTHEST = timedelta(hours=16)
SECOND = timedelta(seconds=1)


def due_at(start: datetime, span: Span, calendar: Calendar) -> datetime:
    """The instant a span ends that begins at `start` (aware). The answer is UTC, never before `start`.

    A calendar that is never open counts as wall time, a business day as 24 hours of it.
    """
    # Before anything is added: a sum within a zone would be of wall times, an hour off across a change.
    here = _utc(start)
    if span.clock is Clock.WALL:
        return here + timedelta(milliseconds=span.amount)
    if span.clock is Clock.BUSINESS_DAYS:
        return _days_later(here, span.amount, calendar)
    return _hours_later(here, timedelta(milliseconds=span.amount), calendar)


def ahead_of(end: datetime, span: Span, calendar: Calendar) -> datetime:
    """The latest instant (to the millisecond, UTC) from which a span ends by `end`: for reminders."""
    end = _utc(end)
    # `due_at` never falls as the start rises, so halving finds the last start that is early enough.
    reach = 1
    while due_at(_before(end, reach), span, calendar) > end:
        reach *= 2
    near, far = reach // 2, reach
    while far - near > 1:
        middle = (near + far) // 2
        if due_at(_before(end, middle), span, calendar) > end:
            near = middle
        else:
            far = middle
    return end if due_at(end, span, calendar) <= end else _before(end, far)


def share_at(start: datetime, span: Span, percent: int, calendar: Calendar) -> datetime:
    """When so many percent of a span have passed. Business days have no parts: of them in wall time."""
    if span.clock is Clock.BUSINESS_DAYS:
        here = _utc(start)
        return here + (due_at(here, span, calendar) - here) * percent / 100
    return due_at(start, Span(span.amount * percent // 100, span.clock), calendar)


def next_open(at: datetime, calendar: Calendar) -> datetime | None:
    """`at` when the calendar is open then, else its next opening, in UTC; None when it never opens."""
    for opens, _ in _stretches(_utc(at), calendar):
        return opens
    return None


def is_open(at: datetime, calendar: Calendar) -> bool:
    return next_open(at, calendar) == at


def _utc(at: datetime) -> datetime:
    if at.tzinfo is UTC and not at.fold:
        return at
    # A fold means nothing in UTC, and would be taken for one of the calendar's zone.
    return at.astimezone(UTC).replace(fold=0)


def _before(end: datetime, milliseconds: int) -> datetime:
    return end - timedelta(milliseconds=milliseconds)


def _hours_later(start: datetime, left: timedelta, calendar: Calendar) -> datetime:
    here = next_open(start, calendar) or start
    while left:
        before = left
        for opens, closes in _stretches(here, calendar):
            if left <= closes - opens:
                return opens + left
            left -= closes - opens
            here = closes
        if left == before:
            return here + left
    return here


def _days_later(start: datetime, days: int, calendar: Calendar) -> datetime:
    opening = next_open(start, calendar)
    if opening is None:
        return start + days * DAY
    if not days:
        return opening
    day, time = _furthest(opening, calendar)
    for _ in range(days):
        following = _open_after(day, calendar)
        if following is None:
            return opening + days * DAY
        day = following
    return _at(day, time, calendar)


def _furthest(at: datetime, calendar: Calendar) -> tuple[date, timedelta]:
    """The day `at` falls on, and the latest time of it the wall has shown so far.

    Clocks go back: a start in the second of two equal hours must not end before one in the first.
    """
    zone = _zone(calendar.zone)
    local = at.astimezone(zone)
    day, shown = local.date(), local.replace(tzinfo=None)
    if local.fold:
        gone = _change(at - DAY, at, zone)
        shown = gone + _offset(gone - SECOND, zone)
        shown = shown.replace(tzinfo=None)
        if shown.date() > day and _on(shown.date(), calendar):
            day = shown.date()
    return day, min(shown - _midnight(day), DAY)


def _open_after(day: date, calendar: Calendar) -> date | None:
    """The next day on which it is open; None when there is none."""
    for ahead in range(1, LONGEST_DAYS + 1):
        following = day + timedelta(days=ahead)
        if _on(following, calendar):
            return following
    return None


def _at(day: date, time: timedelta, calendar: Calendar) -> datetime:
    """When it is first open on a day at this time of the wall or later; its last closing if never."""
    wanted = _midnight(day) + time
    stretches = _on(day, calendar)
    for opens, closes in stretches:
        offset = _offset(opens, _zone(calendar.zone))
        # A stretch lies within one offset, so its times of the wall are a plain difference away.
        local = opens.replace(tzinfo=None) + offset
        if wanted <= local + (closes - opens):
            return opens + max(wanted - local, timedelta())
    return stretches[-1][1]


@lru_cache(maxsize=1024)
def _on(day: date, calendar: Calendar) -> tuple[tuple[datetime, datetime], ...]:
    """When it is open on one local day."""
    if not _has_hours(day, calendar):
        return ()
    zone = _zone(calendar.zone)
    earliest = _midnight(day).replace(tzinfo=UTC) - FURTHEST
    return tuple(
        (opens, closes)
        for opens, closes in _stretches(earliest, calendar, days=3)
        if opens.astimezone(zone).date() == day
    )


def _has_hours(day: date, calendar: Calendar) -> bool:
    return day.isoformat() not in calendar.holidays and any(
        hours.weekday == day.weekday() for hours in calendar.hours
    )


def _stretches(
    start: datetime, calendar: Calendar, days: int = LONGEST_DAYS
) -> Iterator[tuple[datetime, datetime]]:
    """When it is open from `start` (UTC) on, in order; each lies within one day and one offset."""
    zone = _zone(calendar.zone)
    last = start
    for begin, end in _pieces(start, zone, days):
        offset = _offset(begin, zone)
        day = (begin + offset).date()
        while _midnight(day).replace(tzinfo=UTC) - offset < end:
            for first, beyond in _hours_of(day, calendar, offset):
                # Hours that overlap count once.
                opens, closes = max(first, begin, last), min(beyond, end)
                if opens < closes:
                    yield opens, closes
                    last = closes
            day += DAY


def _hours_of(
    day: date, calendar: Calendar, offset: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    if not _has_hours(day, calendar):
        return
    midnight = _midnight(day).replace(tzinfo=UTC) - offset
    for hours in calendar.hours:
        if hours.weekday == day.weekday():
            opens = midnight + timedelta(minutes=hours.opens_min)
            yield opens, midnight + timedelta(minutes=hours.closes_min)


def _pieces(start: datetime, zone: tzinfo, days: int) -> Iterator[tuple[datetime, datetime]]:
    """Time from `start` (UTC) on, cut into pieces of at most a day, in each of which no clock changes."""
    here, last = start, start + days * DAY
    while here < last:
        end = min(here + DAY, last)
        if _offset(here, zone) != _offset(end, zone):
            end = _change(here, end, zone)
        yield here, end
        here = end


def _change(begin: datetime, end: datetime, zone: tzinfo) -> datetime:
    """The instant between the two at which the offset of `begin` ends. Clocks change at whole seconds."""
    before = _offset(begin, zone)
    near = begin.replace(microsecond=0)
    far = end.replace(microsecond=0) + SECOND
    while far - near > SECOND:
        middle = near + (far - near) // SECOND // 2 * SECOND
        if _offset(middle, zone) == before:
            near = middle
        else:
            far = middle
    return far


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _midnight(day: date) -> datetime:
    """Local midnight, without a zone."""
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 (a time of the wall has no zone)


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    """UTC for a zone this machine does not know: the checker refuses one, and an emergency goes on."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC

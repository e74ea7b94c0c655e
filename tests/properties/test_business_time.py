"""Business time against a clock on the wall that is read minute by minute, in every zone there is."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from itertools import takewhile
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from allstop.domain.business_time import ahead_of, due_at, is_open, next_open, share_at
from allstop.domain.policy.spans import Calendar, Clock, Hours, Span

MINUTE = timedelta(minutes=1)
HOUR_MS = 3_600_000
# Before 1975 some zones were a fraction of a minute off; after 2037 the tables are a rule.
FIRST, LAST = datetime(1975, 1, 1), datetime(2037, 6, 1)  # noqa: DTZ001 (bounds are naive by hypothesis' rule)
ODD = (
    "Pacific/Apia", "Pacific/Kwajalein", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns",
    "Europe/Vienna", "America/Sao_Paulo", "Antarctica/Troll", "Africa/Casablanca", "Asia/Gaza",
    "America/Havana", "Asia/Beirut", "America/Caracas", "Pacific/Chatham", "UTC",
)  # fmt: skip
WEEKDAYS = tuple(Hours(day, 9 * 60, 17 * 60) for day in range(5))
LUNCH = tuple(
    Hours(day, *between) for day in range(6) for between in ((8 * 60, 12 * 60), (13 * 60, 18 * 60 + 30))
)  # fmt: skip
# From the evening over midnight into the morning, written on two days, and across most clock changes.
NIGHT = tuple(
    Hours(day, *between) for day in range(7) for between in ((0, 95), (100, 6 * 60), (22 * 60, 24 * 60))
)  # fmt: skip
ALWAYS = tuple(Hours(day, 0, 24 * 60) for day in range(7))
FRIDAYS = (Hours(4, 2 * 60 + 30, 3 * 60 + 15),)

zones = st.one_of(
    st.sampled_from(ODD), st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))
)


@cache
def changes(zone: str, year: int) -> tuple[datetime, ...]:
    """The minutes of a year, in UTC, from which on the offset of a zone is another."""
    where = ZoneInfo(zone)

    def offset(at: datetime) -> timedelta | None:
        return at.astimezone(where).utcoffset()

    found = []
    for hours in range(0, 365 * 24, 12):
        begin = datetime(year, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        before, end = offset(begin), begin + timedelta(hours=12)
        if offset(end) != before:
            found.append(next(at for at in minutes(begin, end + MINUTE) if offset(at) != before))
    return tuple(found)


@st.composite
def starts(draw: st.DrawFn, zone: str) -> datetime:
    """Any minute; half of them near a change of the zone's clocks."""
    at = draw(st.datetimes(FIRST, LAST, timezones=st.just(UTC))).replace(second=0, microsecond=0)
    near = changes(zone, at.year) if draw(st.booleans()) else ()
    if not near:
        return at
    reach = draw(st.sampled_from((1500, 90)))
    return draw(st.sampled_from(near)) + draw(st.integers(-reach, reach)) * MINUTE


@st.composite
def cases(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar and a start, with holidays here and there in the weeks that follow."""
    zone = draw(zones)
    start = draw(starts(zone))
    hours = draw(st.sampled_from((WEEKDAYS, LUNCH, NIGHT, ALWAYS, FRIDAYS)))
    free = draw(st.sets(st.integers(0, 20), max_size=4))
    holidays = tuple(str((start + timedelta(days=ahead)).date()) for ahead in sorted(free))
    return Calendar(zone, hours, holidays), start


hours_spans = st.integers(1, 12 * 60).map(
    lambda minutes: Span(minutes * 60_000, Clock.BUSINESS_HOURS)
)
days_spans = st.integers(1, 9).map(lambda days: Span(days, Clock.BUSINESS_DAYS))
wall_spans = st.integers(0, 40 * 24 * HOUR_MS).map(Span)
spans = st.one_of(hours_spans, days_spans, wall_spans)


def shows_open(at: datetime, calendar: Calendar) -> bool:
    """What a clerk says who looks at the clock on the wall: nothing here computes an instant."""
    local = at.astimezone(ZoneInfo(calendar.zone))
    minute = local.hour * 60 + local.minute
    return str(local.date()) not in calendar.holidays and any(
        one.weekday == local.weekday() and one.opens_min <= minute < one.closes_min
        for one in calendar.hours
    )


def minutes(start: datetime, end: datetime) -> Iterator[datetime]:
    return takewhile(lambda at: at < end, (start + n * MINUTE for n in range(60 * 24 * 400)))


def is_gone(day: date, zone: str) -> bool:
    """Whether a zone has skipped this date: Apia had no 30 December 2011."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    return noon.astimezone(UTC).astimezone(ZoneInfo(zone)).date() != day


def is_business_day(day: date, calendar: Calendar) -> bool:
    return (
        str(day) not in calendar.holidays
        and any(one.weekday == day.weekday() for one in calendar.hours)
        and not is_gone(day, calendar.zone)
    )


@given(cases(), spans)
def test_a_span_never_ends_before_it_begins_and_its_end_is_utc(
    case: tuple[Calendar, datetime], span: Span
) -> None:
    calendar, start = case
    end = due_at(start, span, calendar)
    assert end >= start
    assert end.tzinfo is UTC


@given(cases(), spans, st.integers(0, 6000))
def test_who_begins_later_is_never_due_earlier(
    case: tuple[Calendar, datetime], span: Span, later: int
) -> None:
    calendar, start = case
    assert due_at(start, span, calendar) <= due_at(start + later * MINUTE, span, calendar)


@given(cases(), spans, st.integers(1, 5))
def test_a_longer_span_never_ends_earlier(
    case: tuple[Calendar, datetime], span: Span, more: int
) -> None:
    calendar, start = case
    unit = 1 if span.clock is Clock.BUSINESS_DAYS else 60_000
    longer = Span(span.amount + more * unit, span.clock)
    assert due_at(start, span, calendar) <= due_at(start, longer, calendar)


@given(cases(), st.integers(0, 10**10))
def test_wall_time_is_exact(case: tuple[Calendar, datetime], amount: int) -> None:
    calendar, start = case
    assert due_at(start, Span(amount), calendar) - start == timedelta(milliseconds=amount)


@example(
    (Calendar("Pacific/Apia", WEEKDAYS), datetime(2011, 12, 29, 20, tzinfo=UTC)),
    Span(10 * HOUR_MS, Clock.BUSINESS_HOURS),
)
@example(
    (Calendar("Europe/Vienna", FRIDAYS), datetime(2026, 3, 28, 20, tzinfo=UTC)),
    Span(HOUR_MS, Clock.BUSINESS_HOURS),
)
@settings(max_examples=60)
@given(cases(), hours_spans)
def test_business_hours_are_the_minutes_it_is_open(
    case: tuple[Calendar, datetime], span: Span
) -> None:
    """Looked at minute by minute, it was open exactly so long between the start and the end."""
    calendar, start = case
    end = due_at(start, span, calendar)
    open_for = sum(shows_open(at, calendar) for at in minutes(start, end))
    assert open_for * 60_000 == span.amount
    assert shows_open(end - MINUTE, calendar), "it ends as soon as the hours are used up"


@example((Calendar("Pacific/Apia", ALWAYS), datetime(2011, 12, 29, 20, tzinfo=UTC)), 2)
@given(cases(), st.integers(1, 9))
def test_business_days_are_the_open_days_that_follow(
    case: tuple[Calendar, datetime], days: int
) -> None:
    """It ends on the N-th open day after the one it was first open on."""
    calendar, start = case
    zone = ZoneInfo(calendar.zone)
    opening = next_open(start, calendar)
    assert opening is not None
    # In the second of two equal hours around midnight a date comes back: the count is of dates.
    assume(not opening.astimezone(zone).fold)
    first = opening.astimezone(zone)
    # Where the clock skips all hours of a day that has some, the day does not count as open.
    assume(calendar.hours != FRIDAYS)
    end = due_at(start, Span(days, Clock.BUSINESS_DAYS), calendar).astimezone(zone)
    counted = {business_days(first.date(), end.date(), calendar)}
    if (end.hour, end.minute) == (0, 0):
        # Midnight may be the end of a day or the beginning of one.
        counted.add(business_days(first.date(), (end - MINUTE).date(), calendar))
    assert days in counted


def business_days(first: date, last: date, calendar: Calendar) -> int:
    """Those after the first day, up to the last."""
    following = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    return sum(is_business_day(day, calendar) for day in following)


@given(cases(), st.one_of(hours_spans, days_spans))
def test_it_never_ends_while_it_is_closed(case: tuple[Calendar, datetime], span: Span) -> None:
    """The end is an open minute, or the instant of closing."""
    calendar, start = case
    end = due_at(start, span, calendar)
    assert shows_open(end, calendar) or shows_open(end - MINUTE, calendar)


@given(cases())
def test_the_next_opening_is_the_first_open_minute(case: tuple[Calendar, datetime]) -> None:
    calendar, start = case
    found = next_open(start, calendar)
    assert found is not None
    assert shows_open(found, calendar)
    assert is_open(found, calendar)
    assert is_open(start, calendar) == shows_open(start, calendar)
    closed = minutes(max(start, found - timedelta(days=3)), found)
    assert not any(shows_open(at, calendar) for at in closed)


@example(
    (Calendar("UTC", WEEKDAYS), datetime(2026, 2, 3, 9, 1, fold=1, tzinfo=UTC)),
    Span(1, Clock.BUSINESS_DAYS),
    "Pacific/Apia",
    0,
)
@given(cases(), spans, st.sampled_from(ODD), st.integers(-12, 14))
def test_how_the_start_is_written_makes_no_difference(
    case: tuple[Calendar, datetime], span: Span, other: str, off: int
) -> None:
    calendar, start = case
    end = due_at(start, span, calendar)
    assert due_at(start.astimezone(ZoneInfo(other)), span, calendar) == end
    assert due_at(start.astimezone(timezone(timedelta(hours=off))), span, calendar) == end


@pytest.fixture
def elsewhere() -> Iterator[None]:
    """The machine's own zone as it was, when the test is over."""
    before = os.environ.get("TZ")
    yield
    if before is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
def test_the_zone_of_the_machine_makes_no_difference() -> None:
    calendar = Calendar("America/New_York", LUNCH, ("2026-11-26",))
    start = datetime(2026, 10, 30, 19, 45, 30, 250_000, tzinfo=UTC)
    asked = [Span(n, clock) for clock in Clock for n in (1, 3, 30)]
    asked += [Span(n * HOUR_MS, Clock.BUSINESS_HOURS) for n in (1, 40)]
    answers = set()
    for zone in ("UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia"):
        os.environ["TZ"] = zone
        time.tzset()
        answers.add(tuple(str(due_at(start, span, calendar)) for span in asked))
    assert len(answers) == 1


@given(cases(), spans)
def test_a_reminder_is_as_late_as_it_may_be(case: tuple[Calendar, datetime], span: Span) -> None:
    """From the reminder the span just fits before the end; a millisecond later it does not."""
    assume(span.amount > 0)
    calendar, end = case
    begin = ahead_of(end, span, calendar)
    assert begin <= end
    assert due_at(begin, span, calendar) <= end
    if begin < end:
        assert due_at(begin + timedelta(milliseconds=1), span, calendar) > end


@given(cases(), spans, st.integers(1, 99))
def test_a_share_of_a_span_lies_within_it(
    case: tuple[Calendar, datetime], span: Span, percent: int
) -> None:
    calendar, start = case
    assert start <= share_at(start, span, percent, calendar) <= due_at(start, span, calendar)


@pytest.mark.parametrize("hours", [(), (Hours(0, 600, 600),)], ids=["none", "empty"])
def test_what_is_never_open_counts_as_wall_time(hours: tuple[Hours, ...]) -> None:
    calendar, start = Calendar("Europe/Vienna", hours), datetime(2026, 3, 28, tzinfo=UTC)
    hour, day = Span(HOUR_MS, Clock.BUSINESS_HOURS), Span(2, Clock.BUSINESS_DAYS)
    assert due_at(start, hour, calendar) == start + timedelta(hours=1)
    assert due_at(start, day, calendar) == start + timedelta(days=2)
    assert next_open(start, calendar) is None


def test_holidays_without_end_do_not_hang() -> None:
    """Two years of holidays: whatever is left counts as wall time."""
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)
    closed = tuple(str((start + timedelta(days=n)).date()) for n in range(1, 730))
    calendar = Calendar("UTC", WEEKDAYS, closed)
    assert due_at(start, Span(10 * HOUR_MS, Clock.BUSINESS_HOURS), calendar) == datetime(
        2026, 1, 5, 19, tzinfo=UTC
    )
    assert due_at(start, Span(2, Clock.BUSINESS_DAYS), calendar) == start + timedelta(days=2)


@pytest.mark.parametrize(("begin", "span", "end"), [
    # Two days from Monday afternoon, and over a weekend.
    ("2026-11-23 15:00", Span(2, Clock.BUSINESS_DAYS), "2026-11-25 15:00"),
    ("2026-11-27 15:00", Span(1, Clock.BUSINESS_DAYS), "2026-11-30 15:00"),
    # From Saturday it counts from Monday's opening.
    ("2026-11-28 11:00", Span(1, Clock.BUSINESS_DAYS), "2026-12-01 09:00"),
    # After closing it counts from the next opening.
    ("2026-11-23 20:00", Span(2 * HOUR_MS, Clock.BUSINESS_HOURS), "2026-11-24 11:00"),
    # Christmas is a Friday.
    ("2026-12-24 16:00", Span(2 * HOUR_MS, Clock.BUSINESS_HOURS), "2026-12-28 10:00"),
    # The night of the clock change has no business hours: nothing shifts.
    ("2026-03-27 16:00", Span(2 * HOUR_MS, Clock.BUSINESS_HOURS), "2026-03-30 10:00"),
    ("2026-03-27 16:00", Span(24 * HOUR_MS), "2026-03-28 16:00"),
    ("2026-03-28 16:00", Span(24 * HOUR_MS), "2026-03-29 17:00"),
])  # fmt: skip
def test_by_hand_in_vienna(begin: str, span: Span, end: str) -> None:
    vienna = ZoneInfo("Europe/Vienna")
    calendar = Calendar("Europe/Vienna", WEEKDAYS, ("2026-12-25",))
    start = datetime.fromisoformat(begin).replace(tzinfo=vienna)
    assert due_at(start, span, calendar).astimezone(vienna).strftime("%Y-%m-%d %H:%M") == end


def test_a_day_that_was_skipped_is_no_business_day() -> None:
    """Apia went from Thursday 29 December 2011 to Saturday: there was no Friday to work on."""
    apia = ZoneInfo("Pacific/Apia")
    calendar = Calendar("Pacific/Apia", tuple(Hours(day, 9 * 60, 17 * 60) for day in range(7)))
    start = datetime(2011, 12, 29, 10, tzinfo=apia)
    found = due_at(start, Span(1, Clock.BUSINESS_DAYS), calendar).astimezone(apia)
    assert found.strftime("%Y-%m-%d %H:%M") == "2011-12-31 10:00"
    found = due_at(start, Span(8 * HOUR_MS, Clock.BUSINESS_HOURS), calendar).astimezone(apia)
    assert found.strftime("%Y-%m-%d %H:%M") == "2011-12-31 10:00"


def test_a_zone_this_machine_does_not_know_counts_as_utc() -> None:
    """Documents that name one are refused; a stored policy must not stop an emergency."""
    start = datetime(2026, 11, 23, 15, tzinfo=UTC)
    unknown, utc = (Calendar(zone, WEEKDAYS) for zone in ("Mars/Olympus", "UTC"))
    span = Span(2, Clock.BUSINESS_DAYS)
    assert due_at(start, span, unknown) == due_at(start, span, utc)

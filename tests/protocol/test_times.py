"""Times as documents write them: what each text means, and that nothing else is taken for one."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from allstop.domain.policy import Clock, Span, Spans
from allstop.protocol.times import (
    ClockRanges,
    Date,
    Days,
    SpansText,
    Zone,
    longer,
    parse_span,
    spans,
)

HOUR = 3_600_000
TEXTS = st.one_of(st.text(max_size=12), st.integers(), st.none(), st.lists(st.text(max_size=3)))


def means(sort: Any, value: object) -> Any:
    return TypeAdapter(sort).validate_python(value, strict=True)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("15m", Span(900_000)),
        ("2h30m", Span(9_000_000)),
        ("1m30s", Span(90_000)),
        ("500ms", Span(500)),
        ("7d", Span(7 * 24 * HOUR)),
        ("4bh", Span(4 * HOUR, Clock.BUSINESS_HOURS)),
        ("3bd", Span(3, Clock.BUSINESS_DAYS)),
        ("3650bd", Span(3650, Clock.BUSINESS_DAYS)),
    ],
)
def test_a_span_is_wall_time_or_business_time(text: str, span: Span) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0m",
        "0bh",
        "0bd",
        "5",
        "3 bd",
        "3b",
        "1bd2h",
        "1.5h",
        "-1h",
        "3651bd",
        "87601bh",
        "٣bd",
        5,
        None,
    ],
)
def test_nothing_else_is_a_span(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_span(value)


@given(TEXTS)
def test_no_value_makes_a_span_fail_in_another_way(value: object) -> None:
    with suppress(PydanticCustomError):
        assert parse_span(value).amount > 0


def test_one_span_is_for_every_severity_and_a_mapping_for_those_it_names() -> None:
    every = spans(means(SpansText, "5m"))
    assert every == Spans(Span(300_000))
    assert every.at("anything") == Span(300_000)
    some = spans(means(SpansText, {"P1": "5m", "P2": "1bd"}))
    assert some == Spans(None, {"P1": Span(300_000), "P2": Span(1, Clock.BUSINESS_DAYS)})
    assert some.at("P3") is None


@pytest.mark.parametrize(
    ("left", "right", "answer"),
    [
        ("2h", "1h", True),
        ("1h", "1h", False),
        ("2bh", "1h", True),
        ("2bd", "47h", True),
        ("1bd", "2d", False),
        ("3bd", "2bd", True),
        # How long business time takes depends on when it begins, so nothing is claimed.
        ("2h", "1bh", False),
        ("100bh", "1bd", False),
    ],
)
def test_a_span_is_called_longer_only_where_that_is_certain(
    left: str, right: str, *, answer: bool
) -> None:
    assert longer(parse_span(left), parse_span(right)) is answer


@pytest.mark.parametrize(
    ("value", "ranges"),
    [
        ("09:00-17:00", [(540, 1020)]),
        ("00:00-24:00", [(0, 1440)]),
        (["09:00-12:00", "13:30-15:00"], [(540, 720), (810, 900)]),
        ([], []),
    ],
)
def test_hours_are_minutes_from_midnight(value: object, ranges: list[tuple[int, int]]) -> None:
    assert means(ClockRanges, value) == ranges


@pytest.mark.parametrize(
    "value",
    [
        "9:00-17:00",
        "09:00-24:01",
        "22:00-06:00",
        "09:00-09:00",
        "09:60-10:00",
        "09.00-17.00",
        930,
        {},
    ],
)
def test_nothing_else_is_hours(value: object) -> None:
    with pytest.raises(ValidationError):
        means(ClockRanges, value)


@pytest.mark.parametrize(
    "value", ["2026-02-29", "20261225", "2026-W52-5", "2026-12-25 ", 2026, "٢٠٢٦-12-25"]
)
def test_only_days_of_the_calendar_are_dates(value: object) -> None:
    assert means(Date, "2028-02-29") == "2028-02-29"
    with pytest.raises(ValidationError):
        means(Date, value)


@pytest.mark.parametrize(
    "value", ["", "Europe", "Europe/Wien", "../UTC", "/etc/localtime", "UTC\0", "x" * 5000, 1]
)
def test_only_zones_that_exist_are_zones(value: object) -> None:
    assert means(Zone, "Europe/Vienna") == "Europe/Vienna"
    with pytest.raises(ValidationError):
        means(Zone, value)


@pytest.mark.parametrize("value", ["0d", "3651d", "1d12h", "90", 90, "12w"])
def test_days_are_whole(value: object) -> None:
    assert means(Days, "90d") == 90
    with pytest.raises(ValidationError):
        means(Days, value)

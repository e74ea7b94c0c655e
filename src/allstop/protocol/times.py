"""Times as documents write them: spans in wall or business time, days, clock hours, dates, zones."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from allstop.domain.policy import Clock, Span, Spans
from allstop.domain.verdict import nearest
from allstop.protocol.scalars import Words, parse_duration

_BUSINESS = re.compile(r"([0-9]{1,6})(bh|bd)")
_DAYS = re.compile(r"([0-9]{1,4})d")
_RANGE = re.compile(r"([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HOUR = 3_600_000
_DAY = 24 * _HOUR
# As long as the longest duration, in the hours and days of a calendar that is open day and night.
_MOST_HOURS = 3_650 * 24
_MOST_DAYS = 3_650
# A span for every severity the mapping does not name: stands under this key after shaping.
EVERY = ""


def parse_span(value: Any) -> Span:
    """`15m` and `2h30m` of wall time, `4bh` business hours, `3bd` business days."""
    match = _BUSINESS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        span = Span(_wall(value))
    elif match[2] == "bh":
        span = Span(int(match[1]) * _HOUR, Clock.BUSINESS_HOURS)
    else:
        span = Span(int(match[1]), Clock.BUSINESS_DAYS)
    if span.amount == 0:
        raise PydanticCustomError("span", "must be longer than nothing")
    limit = {Clock.BUSINESS_HOURS: _MOST_HOURS * _HOUR, Clock.BUSINESS_DAYS: _MOST_DAYS}
    if span.amount > limit.get(span.clock, span.amount):
        raise PydanticCustomError("span", "is longer than ten years")
    return span


def _wall(value: Any) -> int:
    try:
        return parse_duration(value)
    except PydanticCustomError as error:
        text = error.message()
        if text.startswith("must"):
            text = "must be a span such as 15m, 2h30m, 4bh (business hours) or 3bd (business days)"
        raise PydanticCustomError("span", "{text}", {"text": text}) from None


def shortest_ms(span: Span) -> int:
    """The least wall time a span takes, in a calendar that has the same hours every day."""
    return span.amount * _DAY if span.clock is Clock.BUSINESS_DAYS else span.amount


def longer(left: Span, right: Span) -> bool:
    """Whether `left` is longer than `right` whenever they begin; business time may take any longer."""
    if left.clock is right.clock:
        return left.amount > right.amount
    return right.clock is Clock.WALL and shortest_ms(left) > right.amount


def spans(written: dict[str, Span]) -> Spans:
    """What a field of type `SpansText` compiles to."""
    return Spans(written.get(EVERY), {name: one for name, one in written.items() if name != EVERY})


def _by_severity(value: Any) -> Any:
    if isinstance(value, dict):
        if not value:
            raise PydanticCustomError("no_severity", "must name a severity")
        if EVERY in value:
            raise PydanticCustomError("name", "must have names of severities as its keys")
        return value
    return {EVERY: value}


def _days(value: Any) -> int:
    match = _DAYS.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 0 < int(match[1]) <= _MOST_DAYS:
        raise PydanticCustomError("days", "must be a number of days such as 90d")
    return int(match[1])


def _range(value: Any) -> tuple[int, int]:
    match = _RANGE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("hours", "must be hours such as 09:00-17:00")
    opens, closes = (int(match[at]) * 60 + int(match[at + 1]) for at in (1, 3))
    if int(match[2]) > 59 or int(match[4]) > 59 or max(opens, closes) > 1440:
        raise PydanticCustomError("hours", "names an hour that no clock shows; a day ends at 24:00")
    if opens >= closes:
        raise PydanticCustomError(
            "hours", "must open before it closes; what runs past midnight is written on two days"
        )
    return opens, closes


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, list | dict) else [value]


def _date(value: Any) -> str:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("date", "is no day of the calendar") from None
        return value
    raise PydanticCustomError("date", "must be a date such as 2026-12-25")


def _zone(value: Any) -> str:
    if isinstance(value, str) and value:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            hint = nearest(value, available_timezones()) if len(value) <= 40 else ""
            more = f"; {hint}" if hint.startswith("did") else ""
            raise PydanticCustomError(
                "zone", "must be a time zone such as Europe/Vienna{more}", {"more": more}
            ) from None
        return value
    raise PydanticCustomError("zone", "must be a time zone such as Europe/Vienna")


_SPAN_PATTERN = (
    r"^(?=[0-9])([0-9]+bh|[0-9]+bd|([0-9]+d)?([0-9]+h)?([0-9]+m(?!s))?([0-9]+s)?([0-9]+ms)?)$"
)
_SPAN_SCHEMA = {"type": "string", "pattern": _SPAN_PATTERN, "examples": ["15m", "4bh", "3bd"]}
_HOURS_SCHEMA = {"type": "string", "pattern": f"^{_RANGE.pattern}$"}

SpanText = Annotated[Span, PlainValidator(parse_span), WithJsonSchema(_SPAN_SCHEMA), Words("span")]
SpansText = Annotated[
    dict[str, SpanText],
    BeforeValidator(_by_severity),
    WithJsonSchema(
        {
            "anyOf": [
                _SPAN_SCHEMA,
                {"type": "object", "additionalProperties": _SPAN_SCHEMA, "minProperties": 1},
            ]
        }
    ),
    Words("span, or spans by severity"),
]
Days = Annotated[
    int,
    PlainValidator(_days),
    WithJsonSchema({"type": "string", "pattern": f"^{_DAYS.pattern}$", "examples": ["90d"]}),
    Words("days"),
]
ClockRange = Annotated[
    tuple[int, int], PlainValidator(_range), WithJsonSchema(_HOURS_SCHEMA), Words("hours")
]
ClockRanges = Annotated[
    list[ClockRange],
    BeforeValidator(_one_or_many),
    WithJsonSchema({"anyOf": [_HOURS_SCHEMA, {"type": "array", "items": _HOURS_SCHEMA}]}),
    Words("hours, or a list of them,"),
]
Date = Annotated[
    str,
    PlainValidator(_date),
    WithJsonSchema({"type": "string", "pattern": f"^{_DATE.pattern}$"}),
    Words("date"),
]
Zone = Annotated[
    str,
    PlainValidator(_zone),
    WithJsonSchema({"type": "string", "examples": ["Europe/Vienna"]}),
    Words("IANA time zone"),
]

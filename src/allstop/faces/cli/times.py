"""Instants and durations as people read them at night."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

import click
from click.types import StringParamType

from allstop.domain.moment import between, words

TIME = "2026-12-01T10:00Z, 2026-12-01 (its end, UTC), in 3d, 20m ago"
_SPAN = re.compile(r"(?=.)(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def instant(text: object) -> datetime | None:
    """The instant a coordinator wrote, or None."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%H:%M:%S}"


def day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(at: datetime, now: datetime) -> str:
    """`4m 10s ago`, or when it will be."""
    passed = between(at, now)
    return (
        f"{words(passed)} ago"
        if passed >= 1000
        else "just now"
        if passed > -1000
        else f"in {words(-passed)}"
    )


def due(at: datetime, now: datetime) -> tuple[str, bool]:
    """`due in 2m 5s (14:05:10 UTC)` or `OVERDUE by 1m (...)`, and whether it is overdue."""
    left = between(now, at)
    if left < 0:
        return f"OVERDUE by {words(-left)} ({clock(at)} UTC)", True
    return f"due in {words(left)} ({clock(at)} UTC)", False


def span(text: str) -> timedelta | None:
    """`6h`, `2h30m`, `3d`; None when it is no span."""
    found = _SPAN.fullmatch("".join(text.split()))
    if found is None:
        return None
    numbers = (int(number or 0) for number in found.groups())
    try:
        return timedelta(**dict(zip(_UNITS, numbers, strict=True)))
    except OverflowError:
        return None


def moment(text: str, now: datetime) -> datetime:
    """An instant as people write it: see TIME. Raises ValueError with what could be written."""
    line = " ".join(text.split())
    ago = line.endswith(" ago")
    long = span(line.removesuffix(" ago") if ago else line.removeprefix("in "))
    if long is not None:
        return _moved(now, -long if ago else long, text)
    try:
        if _DAY.fullmatch(line):
            return datetime.combine(date.fromisoformat(line), time(23, 59, 59), UTC)
        found = datetime.fromisoformat(line)
    except ValueError:
        raise ValueError(f"{text!r} is no time; one is {TIME}") from None
    if found.tzinfo is None:
        raise ValueError(f"{text!r} names no zone; in UTC it is {line}Z")
    return _moved(found, timedelta(), text).astimezone(UTC)


def _moved(at: datetime, by: timedelta, text: str) -> datetime:
    """The coordinator takes times of this millennium only."""
    try:
        found = at.astimezone(UTC) + by
    except OverflowError:
        found = datetime.min.replace(tzinfo=UTC)
    if not 2000 <= found.year <= 2999:
        raise ValueError(f"{text!r} is too far away")
    return found


def written(at: datetime) -> str:
    """RFC 3339, as the API takes it."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class TimeWord(StringParamType):
    """A time on the command line, handed on as the API takes it."""

    name = "time"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:  # fmt: skip
        session = click.get_current_context().obj
        try:
            return written(moment(value, session.launch.now()))
        except ValueError as error:
            self.fail(str(error), param, ctx)

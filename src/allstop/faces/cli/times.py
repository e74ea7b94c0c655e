"""Instants and durations as people read them at night."""

from __future__ import annotations

from datetime import UTC, datetime

from allstop.domain.moment import between, words


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

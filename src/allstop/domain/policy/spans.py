"""Spans of time as a protocol writes them: in wall time, or in the business time of a calendar."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Clock(StrEnum):
    """What a span is counted in."""

    WALL = "wall"
    BUSINESS_HOURS = "business-hours"
    BUSINESS_DAYS = "business-days"


@dataclass(frozen=True, slots=True)
class Span:
    """amount: milliseconds of wall time or of business hours, or whole business days."""

    amount: int
    clock: Clock = Clock.WALL


@dataclass(frozen=True, slots=True)
class Spans:
    """A span by severity. default: for severities that `by` does not name; None: none there."""

    default: Span | None = None
    by: dict[str, Span] = field(default_factory=dict)

    def at(self, severity: str) -> Span | None:
        return self.by.get(severity, self.default)


@dataclass(frozen=True, slots=True)
class Hours:
    """One stretch of business time. weekday: 0 is Monday; minutes count from local midnight."""

    weekday: int
    opens_min: int
    closes_min: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """zone: IANA name; hours: ordered by weekday and opening; holidays: local ISO dates."""

    zone: str = "UTC"
    hours: tuple[Hours, ...] = tuple(Hours(day, 9 * 60, 17 * 60) for day in range(5))
    holidays: tuple[str, ...] = ()

"""Whether the whole preflight passes while nothing is wrong: only its turns from green to red and back are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.domain.incident.course_events import CheckResult
from allstop.domain.preflight import check_words
from allstop.domain.record import Record
from allstop.domain.registry import event

# What is about no incident goes to channels under this name, where they have a room or a file for each.
NO_INCIDENT = "preflight"
# An incident that was declared with `drill:ID` as its trigger was this drill.
DRILL = "drill:"
# Of a preflight that fails everywhere so many are named; how many there are is said.
NAMED = 20


@event("preflight.turned")
@dataclass(frozen=True, slots=True)
class PreflightTurned:
    """Stands on the fleet's stream. failing: what did not pass, in words, the first of them; looked, bad: how many
    results there were, and how many of them did not pass; told: people who were told, empty also where a drill
    kept that back; since: it has been so since then, where that is earlier than this."""

    passed: bool
    failing: tuple[str, ...] = ()
    looked: int = 0
    bad: int = 0
    told: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotePreflight:
    """What the coordinator found by itself, outside of incidents."""

    results: tuple[CheckResult, ...]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Since when the preflight passes or does not; failing, bad, told: as in `PreflightTurned`, at its turn."""

    passed: bool
    since: datetime
    failing: tuple[str, ...] = ()
    bad: int = 0
    told: tuple[str, ...] = ()


def turned(results: tuple[CheckResult, ...]) -> PreflightTurned:
    """What is recorded of results when they have turned."""
    bad = [check_words(one) for one in results if one.ok is not True]
    return PreflightTurned(not bad, tuple(bad[:NAMED]), len(results), len(bad))


def readiness(record: Record) -> Readiness:
    """As the entry leaves it."""
    event: PreflightTurned = record.event
    since = event.since or record.at
    return Readiness(event.passed, since, event.failing, event.bad, event.told)

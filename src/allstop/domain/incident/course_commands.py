"""What can be asked about the course of an incident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.domain.incident.course_events import CheckResult


@dataclass(frozen=True, slots=True)
class TriageIncident:
    """real: False ends it as a false alarm; severity, kind: as confirmed, empty for as they are."""

    incident: str
    real: bool
    text: str
    severity: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class SetDeadlines:
    """Internal: start the clocks that are missing."""

    incident: str


@dataclass(frozen=True, slots=True)
class WarnDeadline:
    incident: str
    deadline: str


@dataclass(frozen=True, slots=True)
class ElapseTimer:
    """Internal: a timer criterion's time has passed."""

    incident: str
    criterion: str


@dataclass(frozen=True, slots=True)
class IssueNotice:
    """Internal: an audience that is told later is due its first notice."""

    incident: str
    audience: str


@dataclass(frozen=True, slots=True)
class CorrectEntry:
    """version: of the entry in the incident's own stream, as the timeline shows it."""

    incident: str
    version: int
    text: str
    because: str


@dataclass(frozen=True, slots=True)
class LinkIncidents:
    """how: related | caused-by | causes | duplicate-of."""

    incident: str
    to: str
    how: str = "related"


@dataclass(frozen=True, slots=True)
class MergeIncident:
    incident: str
    into: str
    reason: str


@dataclass(frozen=True, slots=True)
class SetPrivacy:
    incident: str
    private: bool
    reason: str


@dataclass(frozen=True, slots=True)
class ReopenIncident:
    incident: str
    reason: str


@dataclass(frozen=True, slots=True)
class CloseIncident:
    incident: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ExtendMode:
    """until: a new end of emergency mode."""

    incident: str
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class EndMode:
    incident: str
    reason: str


@dataclass(frozen=True, slots=True)
class AskRelief:
    """Internal: somebody has been on duty for as long as the protocol lets them."""

    incident: str
    person: str


@dataclass(frozen=True, slots=True)
class ScheduleMeeting:
    incident: str
    obligation: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BeginPreflight:
    incident: str


@dataclass(frozen=True, slots=True)
class RecordPreflight:
    """Internal: what the checks found."""

    incident: str
    number: int
    results: tuple[CheckResult, ...]

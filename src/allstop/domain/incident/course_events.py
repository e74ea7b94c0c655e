"""What can be recorded about the course of an incident: triage, clocks, kinship, mode, the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from allstop.domain.policy.tables import Scalar
from allstop.domain.registry import event


@event("incident.triaged")
@dataclass(frozen=True, slots=True)
class IncidentTriaged:
    """A person looked: it is real, and this bad. severity: as confirmed; kind: of emergency, empty where
    nobody named another."""

    severity: str
    text: str
    kind: str = ""


@event("incident.dismissed")
@dataclass(frozen=True, slots=True)
class IncidentDismissed:
    """A false alarm: the incident ends without a response."""

    reason: str


@event("responders.called")
@dataclass(frozen=True, slots=True)
class RespondersCalled:
    """people: called at once because of the kind of emergency or the office of whoever declared."""

    people: tuple[str, ...]
    because: str


@event("channel.opened")
@dataclass(frozen=True, slots=True)
class ChannelOpened:
    name: str


@event("mode.begun")
@dataclass(frozen=True, slots=True)
class ModeBegun:
    """Emergency mode. suspended, enabled: titles by id; until: it ends by itself then."""

    suspended: dict[str, str]
    enabled: dict[str, str]
    until: datetime | None
    because: str = ""


@event("relief.asked")
@dataclass(frozen=True, slots=True)
class ReliefAsked:
    """Somebody has been on duty for long. roles: that they hold; fresh: by role, who could take over (empty:
    nobody is there)."""

    person: str
    roles: tuple[str, ...]
    on_duty_ms: int
    fresh: dict[str, str]


@event("mode.ended")
@dataclass(frozen=True, slots=True)
class ModeEnded:
    because: str


@event("deadline.set")
@dataclass(frozen=True, slots=True)
class DeadlineSet:
    """A clock was started, or moved because what it depends on changed.

    at, warn_at: UTC; basis: identity of what it was computed from, so that it is set once per basis.
    """

    deadline: str
    what: str
    at: datetime
    basis: str
    warn_at: datetime | None = None


@event("deadline.warned")
@dataclass(frozen=True, slots=True)
class DeadlineWarned:
    """It will be missed unless something happens. to: people told."""

    deadline: str
    what: str
    due_at: datetime
    to: tuple[str, ...]


@event("timer.elapsed")
@dataclass(frozen=True, slots=True)
class TimerElapsed:
    """A timer criterion's time has passed since its phase was entered."""

    criterion: str


@event("notice.issued")
@dataclass(frozen=True, slots=True)
class NoticeIssued:
    """An audience that is told later than the others has had its first notice."""

    audience: str


@event("entry.corrected")
@dataclass(frozen=True, slots=True)
class EntryCorrected:
    """version: of the entry in this incident's stream; the original stays where it is."""

    version: int
    text: str
    because: str


@event("incident.linked")
@dataclass(frozen=True, slots=True)
class IncidentLinked:
    """how: related | caused-by | causes | duplicate-of | duplicated-by."""

    to: str
    how: str


@event("incident.merged")
@dataclass(frozen=True, slots=True)
class IncidentMerged:
    """The response goes on in `into`; this one ends."""

    into: str
    reason: str


@event("privacy.changed")
@dataclass(frozen=True, slots=True)
class PrivacyChanged:
    private: bool
    reason: str


@event("incident.reopened")
@dataclass(frozen=True, slots=True)
class IncidentReopened:
    """phase: where the response begins again; services: those that are suspected besides the known ones."""

    reason: str
    phase: str
    services: tuple[str, ...] = ()


@event("incident.closed")
@dataclass(frozen=True, slots=True)
class IncidentClosed:
    note: str = ""


@event("override.recorded")
@dataclass(frozen=True, slots=True)
class OverrideRecorded:
    """subject: `plan:PLAN-1`, `change:CHG-1`, `halt:HALT-1`, `severity:SEV3`, `phase`, `close`, `preflight`."""

    subject: str
    reason: str


@event("rule.violated")
@dataclass(frozen=True, slots=True)
class RuleViolated:
    """A stop rule held while a plan was running. facts: what it was judged by."""

    rule: str
    title: str
    plan: str
    because: str
    facts: dict[str, Scalar] = field(default_factory=dict)


@event("preflight.begun")
@dataclass(frozen=True, slots=True)
class PreflightBegun:
    number: int


@dataclass(frozen=True, slots=True)
class CheckResult:
    """ok: None when it could not be judged; mend: what to do about it, empty when it is fine; concerns: services
    it speaks about (`ledger`) or what is done to them (`ledger/stop`), empty for everything; took_ms: how
    long it took to look."""

    check: str
    subject: str
    ok: bool | None
    text: str
    mend: str = ""
    concerns: tuple[str, ...] = ()
    took_ms: int = 0


@event("preflight.done")
@dataclass(frozen=True, slots=True)
class PreflightDone:
    number: int
    results: tuple[CheckResult, ...]


@event("meeting.scheduled")
@dataclass(frozen=True, slots=True)
class MeetingScheduled:
    """obligation: the one it belongs to."""

    obligation: str
    title: str
    at: datetime

"""The smaller parts of an incident's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from allstop.domain.incident.course_events import CheckResult
from allstop.domain.policy.tables import Scalar


@dataclass(frozen=True, slots=True)
class Evidence:
    """One requested piece. state: requested | collected | failed."""

    id: str
    service: str
    name: str
    state: str = "requested"
    summary: str = ""
    sha256: str = ""
    facts: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """Evidence a person or an agent added. kind: observation | change | log | metric | scope | hypothesis."""

    id: str
    kind: str
    text: str
    service: str
    link: str
    by: str
    at: datetime


@dataclass(frozen=True)
class Notification:
    """state: requested | delivered | undeliverable."""

    id: str
    to: str
    channel: str
    subject: str
    text: str
    state: str = "requested"


@dataclass(frozen=True, slots=True)
class Approval:
    """role: as which it was given last; roles: those that the people held who gave it in this phase, and as
    which they gave it; phase: of the response when it was given."""

    role: str
    person: str
    binds: str
    at: datetime
    roles: frozenset[str] = frozenset()
    phase: str = ""


@dataclass(frozen=True, slots=True)
class FiledForm:
    fields: Mapping[str, str]
    by: str
    at: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Task:
    """state: open | done | dropped."""

    id: str
    title: str
    phase: str
    owner: str
    state: str = "open"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Crew:
    """proposed: what the coordinator suggests; members: who was assigned, empty until then."""

    name: str
    objective: str
    proposed: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    because: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """person: principal such as `person:ada`; review: given as a reviewer."""

    person: str
    role: str
    review: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A change by hand. state: proposed | approved | made | refused | withdrawn."""

    id: str
    title: str
    risk: int
    service: str
    requested_by: str
    by: tuple[str, ...]
    people: int
    reviewers: tuple[str, ...]
    because: str
    at: datetime
    detail: str = ""
    signatures: tuple[Signature, ...] = ()
    state: str = "proposed"
    review_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A deadline that was set. basis: what it was computed from."""

    deadline: str
    what: str
    at: datetime
    basis: str
    warn_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Owed:
    """An obligation. met: how it was met, or empty; begins: stood-down | declared | plan."""

    id: str
    title: str
    owner: str
    due_at: datetime
    remind_at: datetime | None
    met_by: str
    met: str = ""
    met_at: datetime | None = None
    meeting_at: datetime | None = None
    begins: str = "stood-down"


@dataclass(frozen=True, slots=True)
class Watched:
    """How far a watch of the aftercare is. slot: number of the last look that was due; good, bad,
    unknown: looks by what they saw; missed: looks that nobody took; run: bad ones in a row; failed: it
    was bad `fall` times in a row; at, text: of the last look; verdict: clean | bad | inconclusive, or
    empty while it goes on."""

    slot: int = 0
    good: int = 0
    bad: int = 0
    unknown: int = 0
    missed: int = 0
    run: int = 0
    failed: bool = False
    at: datetime | None = None
    text: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class ActionItem:
    """state: open | done | dropped; priority: high | medium | low."""

    id: str
    title: str
    owner: str
    due_at: datetime
    priority: str
    link: str
    state: str = "open"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stint:
    """A time in which somebody held a role. ended: None while it lasts."""

    began: datetime
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Duty:
    """stints: oldest first; asked_at: when relief was asked for last."""

    stints: tuple[Stint, ...] = ()
    asked_at: datetime | None = None

    @property
    def is_on(self) -> bool:
        return bool(self.stints) and self.stints[-1].ended is None


@dataclass(frozen=True, slots=True)
class Mode:
    """Emergency mode. ended: why it ended, or empty while it is on."""

    suspended: Mapping[str, str]
    enabled: Mapping[str, str]
    since: datetime
    until: datetime | None
    ended: str = ""


@dataclass(frozen=True, slots=True)
class PreflightResult:
    number: int
    at: datetime
    results: tuple[CheckResult, ...] | None = None

    @property
    def passed(self) -> bool:
        """Every check passed; one that could not be judged has not."""
        return self.results is not None and all(one.ok is True for one in self.results)


@dataclass(frozen=True, slots=True)
class Response:
    """A response that has ended and was followed by another. began: the declaration, or the reopening;
    phases: how many had been entered by its end, those of earlier responses among them."""

    began: datetime
    acknowledged_at: datetime | None
    milestones: Mapping[str, datetime]
    phases: int


@dataclass(frozen=True, slots=True)
class Points:
    team: str
    points: int
    because: str
    rule: str
    at: datetime
    by: str

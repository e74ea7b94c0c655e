"""The state of one incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from allstop.domain.impact import Impact
from allstop.domain.incident import events as e
from allstop.domain.incident.parts import (
    ActionItem,
    Approval,
    Change,
    Clock,
    Crew,
    Duty,
    Evidence,
    FiledForm,
    Finding,
    Mode,
    Notification,
    Owed,
    Points,
    PreflightResult,
    Response,
    Task,
    Watched,
)
from allstop.domain.policy.tables import Scalar
from allstop.domain.record import Record
from allstop.domain.samples import GateProgress, Sample

# Ended for good: nothing more is recorded about these but notes and links.
GONE = frozenset({"merged", "dismissed"})


@dataclass(frozen=True)
class Incident:
    """Everything decisions about an incident need.

    state: open | stood-down | closed | merged | dismissed; severity_at: when the present severity was
    set; remedy_planned: whether a plan was made for the present remedy (times cannot tell, clocks
    step); forms: the latest filing by form; facts: stated by people, for the decision table; clocks:
    deadlines that were set; overrides: reason by criterion or subject; reopened: when, each time; status:
    of the last update in this response, empty before the first; rounds: of samples; runs: of probes that were
    bad in one of them, how many are good in a row by now, or bad (below 0); preflights: of this response, while their
    numbers (`preflight_number`: the last) go on through all of them; responses: those before this one;
    aftercare: by watch, of those that somebody has looked for since it was stood down.
    """

    id: str
    title: str
    services: tuple[str, ...]
    trigger: str
    policy: str
    dedup: str
    declared_at: datetime
    declared_by: str
    began_at: datetime | None
    kind: str = ""
    domain: str = ""
    source: str = ""
    private: bool = False
    state: str = "open"
    severity: str = ""
    severity_because: str = ""
    severity_at: datetime | None = None
    triaged_at: datetime | None = None
    impact: Impact = Impact()
    worst_impact: Impact = Impact()
    phase: str = ""
    phases: tuple[tuple[str, datetime], ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    duty: Mapping[str, Duty] = field(default_factory=dict)
    offers: Mapping[str, str] = field(default_factory=dict)
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    updates: int = 0
    update_requested: int = 0
    last_update_at: datetime | None = None
    status: str = ""
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    statements: Mapping[str, str] = field(default_factory=dict)
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)
    remedy: e.RemedyDecided | None = None
    remedy_planned: bool = False
    gates: Mapping[str, GateProgress] = field(default_factory=dict)
    last_samples: Mapping[str, Sample] = field(default_factory=dict)
    runs: Mapping[str, int] = field(default_factory=dict)
    rounds: int = 0
    milestones: Mapping[str, datetime] = field(default_factory=dict)
    missed: frozenset[str] = frozenset()
    notifications: Mapping[str, Notification] = field(default_factory=dict)
    stood_down_at: datetime | None = None
    stood_down_by: str = ""
    obligations: Mapping[str, Owed] = field(default_factory=dict)
    report: str = ""
    update_fields: Mapping[str, str] = field(default_factory=dict)
    expected_at: datetime | None = None
    forms: Mapping[str, FiledForm] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    findings: Mapping[str, Finding] = field(default_factory=dict)
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    crews: Mapping[str, Crew] = field(default_factory=dict)
    changes: Mapping[str, Change] = field(default_factory=dict)
    clocks: Mapping[str, Clock] = field(default_factory=dict)
    warned: frozenset[str] = frozenset()
    noticed: frozenset[str] = frozenset()
    timers: frozenset[str] = frozenset()
    mode: Mode | None = None
    channel: str = ""
    called: tuple[str, ...] = ()
    preflights: tuple[PreflightResult, ...] = ()
    preflight_number: int = 0
    violations: tuple[str, ...] = ()
    corrections: Mapping[int, str] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()
    merged_into: str = ""
    reopened: tuple[datetime, ...] = ()
    responses: tuple[Response, ...] = ()
    closed_at: datetime | None = None
    actions: Mapping[str, ActionItem] = field(default_factory=dict)
    points: tuple[Points, ...] = ()
    aftercare: Mapping[str, Watched] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    @property
    def begun(self) -> datetime:
        """When the response began: the declaration, or the last time it was reopened."""
        return self.reopened[-1] if self.reopened else self.declared_at

    @property
    def phases_now(self) -> tuple[tuple[str, datetime], ...]:
        """The phases this response has entered. By their number, because times cannot tell: clocks step."""
        return self.phases[self.responses[-1].phases :] if self.responses else self.phases

    @property
    def is_owing(self) -> bool:
        """The response has ended, and not everything that was promised is done; closing ends no promise."""
        return self.state in ("stood-down", "closed") and (
            any(not one.met for one in self.obligations.values())
            or any(one.state == "open" for one in self.actions.values())
        )


def declared(record: Record) -> Incident:
    """The first state, from the declaration."""
    event: e.IncidentDeclared = record.event
    return Incident(
        event.incident, event.title, event.services, event.trigger, event.policy, event.dedup,
        record.at, record.actor, event.began_at, event.kind, event.domain, event.source, event.private,
    )  # fmt: skip

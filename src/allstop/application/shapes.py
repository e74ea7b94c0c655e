"""Read shapes: plain data that faces show, ready for JSON and for templates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from allstop.application.lever_shapes import LeverLine
from allstop.application.plan_shapes import PlanView
from allstop.application.standing_shapes import ModeNow, ProposalLine, ReadinessLine, ReviewLine
from allstop.application.work_shapes import (
    ActionLine,
    AftercareLine,
    ChangeLine,
    CrewLine,
    FiledForm,
    FindingLine,
    LinkLine,
    ModeLine,
    ObligationLine,
    PointsLine,
    PreflightLine,
    TaskLine,
)
from allstop.domain.policy.tables import Scalar


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """One row of the list. state: open | stood-down | closed | merged | dismissed; kind: of emergency;
    aftercare: how it is watched on after standing down, or empty."""

    id: str
    title: str
    state: str
    severity: str
    severity_title: str
    phase: str
    phase_title: str
    commander: str
    services: tuple[str, ...]
    impact: str
    declared_at: datetime
    age: str
    update_due_at: datetime | None
    waits_for: tuple[str, ...]
    kind: str = ""
    private: bool = False
    aftercare: str = ""


@dataclass(frozen=True, slots=True)
class CriterionLine:
    """hint: the command that would meet it, or empty."""

    id: str
    title: str
    passed: bool
    overridden: bool
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class PhaseLine:
    """state: done | current | ahead."""

    name: str
    title: str
    state: str
    entered_at: datetime | None
    criteria: tuple[CriterionLine, ...]


@dataclass(frozen=True, slots=True)
class RoleLine:
    role: str
    title: str
    person: str
    name: str
    offered_to: str


@dataclass(frozen=True, slots=True)
class DutyLine:
    """Whoever holds or held a role. on_duty: now; on_duty_ms: in this incident altogether; since_rest_ms: without what
    lies before a long enough break; relief_at: when relief is asked for; asked_at: when it was."""

    person: str
    name: str
    on_duty: bool
    on_duty_ms: int
    since_rest_ms: int
    relief_at: datetime | None
    asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class EvidenceLine:
    id: str
    state: str
    summary: str
    sha256: str
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class RollLine:
    """state: see the hold lifecycle; held_as: where it stood before a release, else the state;

    settled: confirmed or enforced (before a release, if there was one); available: as it answered;
    allowed: classes of tools that a release has opened for it so far.
    """

    agent: str
    name: str
    team: str
    state: str
    settled: bool
    working_on: str
    checkpoint: str
    evidence: str
    held_as: str
    answered_at: datetime | None
    available: bool
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HaltView:
    """stopped: only true when every agent is confirmed or enforced; private: it belongs to an incident
    the reader may not see, so its reason is withheld; classes: as ordered (default, hard or a list), blocked:
    the classes of tools that means; conflicts: where another halt disagrees about a responder; stage: of a release under way, stage_until: when it has
    been watched for long enough, alarms: what has happened meanwhile; waits_for: what a release that somebody asked
    for still takes."""

    id: str
    scope: str
    reason: str
    incident: str
    order: str
    ordered_at: datetime
    ordered_by: str
    deadline_at: datetime | None
    stands: bool
    stopped: bool
    settled: int
    total: int
    released_by: str
    roll: tuple[RollLine, ...]
    private: bool = False
    classes: tuple[str, ...] = ("default",)
    blocked: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    stage: str = ""
    stage_until: datetime | None = None
    alarms: tuple[str, ...] = ()
    waits_for: str = ""


@dataclass(frozen=True, slots=True)
class AgentLine:
    """state: running, or the hold's state; held_by: halts that hold it; host, session, repository: empty while
    unknown; blocked: the classes of tools that its halts block together."""

    id: str
    name: str
    team: str
    state: str
    held_by: tuple[str, ...]
    host: str = ""
    session: str = ""
    repository: str = ""
    blocked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeLine:
    name: str
    state: str
    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """state: up | down | unknown; known_good: release to go back to, or empty; standing: what plans have
    left it in, empty for as usual; off: it was stopped, so it is down on purpose; policy: what happens when a stop of it fails; lacking: what a stop of it
    would want and does not find."""

    name: str
    title: str
    category: str
    state: str
    protected: bool
    depends: tuple[str, ...]
    probes: tuple[ProbeLine, ...]
    known_good: str
    functions: tuple[str, ...]
    standing: str = ""
    host: str = ""
    zone: str = ""
    policy: str = ""
    lacking: tuple[str, ...] = ()
    off: bool = False


@dataclass(frozen=True, slots=True)
class MeasureLine:
    name: str
    formula: str
    measured_ms: int | None
    measured: str
    target_ms: int | None
    target: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class DeadlineLine:
    """warn_at: when it is warned of, null for never; warned: whether that has happened."""

    id: str
    what: str
    at: datetime
    missed: bool
    warn_at: datetime | None = None
    warned: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline. tone: good | bad | notice | plain; version: place in its stream;

    correction: what it should have said, beside the text that stays as it was; kind `private`: the
    entry is there and is not for the reader.
    """

    position: int
    at: datetime
    stream: str
    kind: str
    actor: str
    tone: str
    text: str
    version: int = 0
    correction: str = ""


@dataclass(frozen=True, slots=True)
class IncidentView:
    """Everything about one incident.

    source: where it was seen; kind_title: of the kind of emergency; expected_at: when it should be
    over, as far as anybody can tell; facts: stated by people; preflight: the newest one; called: people
    who were called at once; missing_before_close: in words; playbooks: that fit it, and of which no plan was
    made yet.
    """

    line: IncidentLine
    trigger: str
    declared_by: str
    protocol: str
    policy: str
    severity_because: str
    status: str
    acknowledged_by: str
    phases: tuple[PhaseLine, ...]
    stand_down: tuple[CriterionLine, ...]
    roles: tuple[RoleLine, ...]
    evidence: tuple[EvidenceLine, ...]
    remedy: str
    remedy_because: str
    plans: tuple[PlanView, ...]
    halts: tuple[HaltView, ...]
    measures: tuple[MeasureLine, ...]
    deadlines: tuple[DeadlineLine, ...]
    statements: dict[str, str]
    obligations: tuple[ObligationLine, ...]
    report: str
    kind: str = ""
    kind_title: str = ""
    domain: str = ""
    source: str = ""
    private: bool = False
    triaged_at: datetime | None = None
    stood_down_at: datetime | None = None
    closed_at: datetime | None = None
    reopened: tuple[datetime, ...] = ()
    merged_into: str = ""
    links: tuple[LinkLine, ...] = ()
    channel: str = ""
    called: tuple[str, ...] = ()
    duty: tuple[DutyLine, ...] = ()
    update_fields: dict[str, str] = field(default_factory=dict)
    expected_at: datetime | None = None
    forms: tuple[FiledForm, ...] = ()
    tasks: tuple[TaskLine, ...] = ()
    findings: tuple[FindingLine, ...] = ()
    facts: dict[str, Scalar] = field(default_factory=dict)
    crews: tuple[CrewLine, ...] = ()
    changes: tuple[ChangeLine, ...] = ()
    mode: ModeLine | None = None
    preflight: PreflightLine | None = None
    overrides: dict[str, str] = field(default_factory=dict)
    actions: tuple[ActionLine, ...] = ()
    points: tuple[PointsLine, ...] = ()
    missing_before_close: tuple[str, ...] = ()
    aftercare: tuple[AftercareLine, ...] = ()
    playbooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Overview:
    """How bad is it, at a glance. next: the next sensible command, as typed; proposals: open ones;

    late_obligations: how many are owed and late, over all incidents; review: of the protocol itself; readiness:
    of the whole preflight, null until it was looked at; overdue_levers: pulled beyond their time, the oldest first.
    """

    at: datetime
    protocol: str
    position: int
    incidents: tuple[IncidentLine, ...]
    halts: tuple[HaltView, ...]
    agents: tuple[AgentLine, ...]
    services: tuple[ServiceLine, ...]
    next: str
    next_because: str
    proposals: tuple[ProposalLine, ...] = ()
    mode: ModeNow | None = None
    review: ReviewLine | None = None
    late_obligations: int = 0
    readiness: ReadinessLine | None = None
    overdue_levers: tuple[LeverLine, ...] = ()

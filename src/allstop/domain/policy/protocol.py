"""What `protocol.yaml` compiles to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from allstop.domain.policy.activation import Activation
from allstop.domain.policy.aftermath import (
    Closing,
    Drill,
    Ledger,
    Objective,
    Obligation,
    Review,
    Watch,
)
from allstop.domain.policy.degradation import Degree
from allstop.domain.policy.forms import Form, FormField, Template
from allstop.domain.policy.spans import Calendar, Span, Spans
from allstop.domain.policy.tables import (
    Approvals,
    ClassificationRow,
    Condition,
    RemedyRow,
    StopRule,
)


@dataclass(frozen=True, slots=True)
class Targets:
    """Times to reach, in milliseconds; None means the protocol sets none."""

    detect_ms: int | None = None
    respond_ms: int | None = None
    contain_ms: int | None = None
    resolve_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """One severity. rank 1 is the worst.

    respond: deadline to acknowledge; update_every: cadence of updates (None: none owed);
    all_stop: whether declaring orders every agent to stop; audiences: who is told.
    """

    name: str
    rank: int
    title: str
    description: str
    respond: Span
    update_every: Span | None
    all_stop: bool
    audiences: tuple[str, ...]
    targets: Targets


@dataclass(frozen=True, slots=True)
class RoleRule:
    """A role of the incident, held by one person. fill: assign it from the roster at declaration.

    needs: skills a holder must have, by severity.
    """

    name: str
    title: str
    fill: bool
    duties: str = ""
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CrewRule:
    """A group formed for one incident out of responders (people and agents) who are available.

    teams, domains: where members come from; hit_domain: the domains of the services that are hit;
    both empty and not hit_domain: from everybody; size: at most so many are proposed.
    """

    name: str
    title: str
    objective: str
    teams: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    hit_domain: bool = False
    size: int = 3


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may do `action`: entries `person`, `agent`, `source`, `role:NAME`, `office:NAME`, `team:NAME`,
    `person:ID`, `owner`, `self`."""

    action: str
    to: tuple[str, ...]


class CriterionKind(StrEnum):
    """How an exit criterion is satisfied."""

    ROLL_CALL = "roll_call"  # every agent confirmed or enforced
    EVIDENCE = "evidence"  # all requested evidence came in (or failed, on the record)
    REMEDY = "remedy"  # rollback, fix or investigate was decided
    PLAN = "plan"  # the plan with this purpose is done
    PROBE = "probe"  # `min_samples` good samples in a row
    STABLE_FOR = "stable_for"  # good samples whose intervals sum up to `window_ms`
    STATEMENT = "statement"  # somebody who may has recorded it
    APPROVAL = "approval"  # a holder of the role, or somebody above all roles, approved it
    ROLE = "role"  # the role is filled
    FORM = "form"  # the form was filed
    CREWS = "crews"  # every crew has members
    TASKS = "tasks"  # every task of the phase is done or dropped with a reason
    TIMER = "timer"  # the phase has lasted `window_ms`
    IMPACT = "impact"  # the impact as measured satisfies `when`


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition of a gate.

    id: unique within the protocol; subject: statement, plan purpose, role or form name;
    probes: names of fleet probes (empty: every probe of the fleet); window_ms and min_samples: for
    probe and stable_for (window_ms for timer too); when: tests of impact facts.
    """

    id: str
    kind: CriterionKind
    title: str
    subject: str = ""
    probes: tuple[str, ...] = ()
    window_ms: int = 0
    min_samples: int = 1
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the response. automatic: the coordinator enters the next one as soon as all hold.

    actions: become the phase's tasks when it is entered.
    """

    name: str
    title: str
    automatic: bool
    exit: tuple[Criterion, ...]
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemedyRules:
    """The decision table: rollback, fix or investigate.

    recent_ms: how fresh a deployment counts as recent; decide_within_ms: the table is consulted with
    what is known by then.
    """

    rows: tuple[RemedyRow, ...]
    recent_ms: int
    decide_within_ms: int
    gate_samples: int
    gate_window_ms: int
    gate_limit_ms: int


@dataclass(frozen=True, slots=True)
class ReleaseRule:
    """What lifting a halt takes. severity: of its incident, empty for a halt without one; persons: how many
    different ones must ask for it; keys: how many different release keys must have signed."""

    severity: str
    persons: int = 1
    keys: int = 0


@dataclass(frozen=True, slots=True)
class ReleaseStage:
    """A part of a release. name: `responders`, `reading` or `canary`; watch_ms: how long it is watched before
    anybody may go on."""

    name: str
    watch_ms: int = 0


@dataclass(frozen=True, slots=True)
class AllStop:
    """Roll call and enforcement. enforce: `freeze` or `none`; release: what lifting a halt takes, by severity;
    stages: in which a release lets agents go on, none for all at once."""

    roll_call_ms: int
    reminder_ms: int
    enforce: str
    order: str
    release: tuple[ReleaseRule, ...] = ()
    stages: tuple[ReleaseStage, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateRules:
    """grace_ms: how late an update may be before it is escalated; fields: what one consists of beside
    its status and text."""

    grace_ms: int
    statuses: tuple[str, ...]
    fields: tuple[FormField, ...] = ()


@dataclass(frozen=True, slots=True)
class Audience:
    """A named group that is told things; `channels` are names of roster channels.

    when: only for incidents whose worst impact satisfies this; after: a notice is held back so long
    after the declaration, by severity (None: at once).
    """

    name: str
    title: str
    channels: tuple[str, ...]
    when: tuple[Condition, ...] = ()
    after: Spans = field(default_factory=Spans)


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """Something that must have happened by then. until: marks (see `allstop.domain.progress`).

    begins: declared | severity | phase:NAME; severity counts from when the present one was set.
    """

    id: str
    title: str
    within: Spans
    until: tuple[str, ...]
    begins: str = "declared"


@dataclass(frozen=True, slots=True)
class Escalation:
    """chain: roles, `office:NAME`, `person:ID`, `owner`; every_ms: while nobody acknowledges, the next
    one of the chain is called so often (0: once only)."""

    chain: tuple[str, ...] = ()
    every_ms: int = 0


@dataclass(frozen=True, slots=True)
class Relief:
    """after_ms: how long somebody may be on duty until relief is asked for (0: never); again_ms: how often it is
    asked for again (0: once); rest_ms: a break of this length lets the hours begin anew (0: none does)."""

    after_ms: int = 0
    again_ms: int = 0
    rest_ms: int = 0


@dataclass(frozen=True, slots=True)
class EmergencyMode:
    """What changes while an incident is open. suspended, enabled: title by id; expires_ms: it ends
    by itself after this long unless it is extended; severities: where it applies (empty: nowhere)."""

    suspended: dict[str, str] = field(default_factory=dict)
    enabled: dict[str, str] = field(default_factory=dict)
    expires_ms: int = 0
    severities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preflight:
    """checks: names of `allstop.domain.preflight.CHECKS`; required: whether plans wait for a pass;
    understood_days: how old a person's statement that they understand the protocol may be; every_ms: how often
    all of it is looked at while nothing is wrong (0: never); tell: who is told by name when that turns red and back."""

    checks: tuple[str, ...] = ()
    required: bool = False
    understood_days: int = 0
    every_ms: int = 900_000
    tell: tuple[str, ...] = ("owner",)


@dataclass(frozen=True, slots=True)
class Protocol:
    """A whole protocol. terms: our words to the local ones (commander -> headmaster); offices: titles
    of standing positions on the roster; channel: name of the incident's channel, with `{incident}`;
    reopen_within_ms: a recurrence within it reopens the incident (0: never); aftercare: what is watched
    after standing down."""

    name: str
    title: str
    extends: tuple[str, ...]
    severities: tuple[SeverityRule, ...]
    classification: tuple[ClassificationRow, ...]
    roles: tuple[RoleRule, ...]
    authority: tuple[Grant, ...]
    all_stop: AllStop
    phases: tuple[Phase, ...]
    stand_down: tuple[Criterion, ...]
    remedy: RemedyRules
    updates: UpdateRules
    audiences: tuple[Audience, ...]
    escalation: Escalation
    evidence: tuple[str, ...]
    obligations: tuple[Obligation, ...]
    terms: dict[str, str] = field(default_factory=dict)
    approvals: Approvals = field(default_factory=Approvals)
    activation: Activation = field(default_factory=Activation)
    offices: dict[str, str] = field(default_factory=dict)
    crews: tuple[CrewRule, ...] = ()
    deadlines: tuple[DeadlineRule, ...] = ()
    calendar: Calendar = field(default_factory=Calendar)
    forms: tuple[Form, ...] = ()
    templates: tuple[Template, ...] = ()
    mode: EmergencyMode = field(default_factory=EmergencyMode)
    relief: Relief = field(default_factory=Relief)
    closing: Closing = field(default_factory=Closing)
    ledger: Ledger = field(default_factory=Ledger)
    objectives: tuple[Objective, ...] = ()
    warn_at_percent: int = 75
    stop_rules: tuple[StopRule, ...] = ()
    degradation: tuple[Degree, ...] = ()
    preflight: Preflight = field(default_factory=Preflight)
    reopen_within_ms: int = 0
    channel: str = ""
    report_sections: tuple[str, ...] = ()
    drills: tuple[Drill, ...] = ()
    review: Review = field(default_factory=Review)
    aftercare: tuple[Watch, ...] = ()

    def form(self, id: str) -> Form | None:
        return next((one for one in self.forms if one.id == id), None)

    def criteria(self) -> tuple[Criterion, ...]:
        """Every criterion of every gate, standing down last."""
        return (*(one for phase in self.phases for one in phase.exit), *self.stand_down)

    def severity(self, name: str) -> SeverityRule:
        """The rule of a severity. Raises KeyError for a name the protocol does not have."""
        for rule in self.severities:
            if rule.name == name:
                return rule
        raise KeyError(name)

    def phase(self, name: str) -> Phase:
        """The phase of that name. Raises KeyError when there is none."""
        for phase in self.phases:
            if phase.name == name:
                return phase
        raise KeyError(name)

    def next_phase(self, name: str) -> Phase | None:
        """The phase after `name`, or None when it is the last."""
        names = [phase.name for phase in self.phases]
        place = names.index(name) + 1
        return self.phases[place] if place < len(self.phases) else None

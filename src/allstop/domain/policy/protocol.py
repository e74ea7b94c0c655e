"""What `protocol.yaml` compiles to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

Scalar = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One test of one fact: `lost_per_hour at_least "10000" USD`.

    op: is | is_not | at_least | more_than | at_most | less_than. Numbers and decimal strings compare
    as numbers; with `unit` (a currency) only amounts of that currency compare. A fact that is
    unknown (None) satisfies only `is` null.
    """

    fact: str
    op: str
    value: Scalar
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ClassificationRow:
    """First row whose conditions all hold gives the severity; no conditions means always."""

    severity: str
    when: tuple[Condition, ...]
    because: str


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

    respond_ms: deadline to acknowledge; update_every_ms: cadence of updates (None: none owed);
    all_stop: whether declaring orders every agent to stop; audiences: who is told.
    """

    name: str
    rank: int
    title: str
    description: str
    respond_ms: int
    update_every_ms: int | None
    all_stop: bool
    audiences: tuple[str, ...]
    targets: Targets


@dataclass(frozen=True, slots=True)
class RoleRule:
    """A role of the incident. fill: assign it from the roster at declaration."""

    name: str
    title: str
    fill: bool
    duties: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who may do `action`: entries `person`, `agent`, `source`, `role:NAME`, `person:ID`, `owner`, `self`."""

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
    STATEMENT = "statement"  # a person recorded it
    APPROVAL = "approval"  # a holder of the role approved it
    ROLE = "role"  # the role is filled


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition of a gate.

    id: unique within the protocol; subject: statement or evidence or plan purpose or role name;
    probes: names of fleet probes (empty: every probe of the fleet); window_ms and min_samples: for
    probe and stable_for.
    """

    id: str
    kind: CriterionKind
    title: str
    subject: str = ""
    probes: tuple[str, ...] = ()
    window_ms: int = 0
    min_samples: int = 1


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the response. automatic: the coordinator enters the next one as soon as all hold."""

    name: str
    title: str
    automatic: bool
    exit: tuple[Criterion, ...]
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RemedyRow:
    """First match wins. remedy: rollback | fix | investigate."""

    remedy: str
    when: tuple[Condition, ...]
    because: str


@dataclass(frozen=True, slots=True)
class RemedyRules:
    """The decision table, and what may run without a person.

    contain_automatic: severities at which isolation starts by itself; approve: role whose approval
    a remedy plan needs (empty: none); recent_ms: how fresh a deployment counts as recent;
    decide_within_ms: the table is consulted with what is known by then.
    """

    rows: tuple[RemedyRow, ...]
    contain_automatic: tuple[str, ...]
    approve: str
    recent_ms: int
    decide_within_ms: int
    gate_samples: int
    gate_window_ms: int
    gate_limit_ms: int


@dataclass(frozen=True, slots=True)
class AllStop:
    """Roll call and enforcement. enforce: `freeze` or `none`."""

    roll_call_ms: int
    reminder_ms: int
    enforce: str
    order: str


@dataclass(frozen=True, slots=True)
class UpdateRules:
    """grace_ms: how late an update may be before it is escalated."""

    grace_ms: int
    statuses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audience:
    """A named group that is told things; `channels` are names of roster channels."""

    name: str
    title: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something owed after stand-down, by `owner` (a role), within `within_ms`."""

    id: str
    title: str
    owner: str
    within_ms: int


@dataclass(frozen=True, slots=True)
class Protocol:
    """A whole protocol. `terms` maps our words to the local ones (commander -> headmaster)."""

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
    escalation: tuple[str, ...]
    evidence: tuple[str, ...]
    obligations: tuple[Obligation, ...]
    terms: dict[str, str] = field(default_factory=dict)

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

"""Everything that can be recorded about an incident."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from allstop.domain.impact import Impact
from allstop.domain.policy.tables import Scalar
from allstop.domain.registry import event
from allstop.domain.samples import GateProgress, Sample


@event("incident.declared")
@dataclass(frozen=True, slots=True)
class IncidentDeclared:
    """policy: digest the incident is pinned to; began_at: last moment all was seen well, if watched;
    kind: kind of emergency the protocol names, or empty; domain: named by whoever declared;
    proposal: the proposal it confirms; source: where it was seen (monitoring, a customer, a team)."""

    incident: str
    title: str
    services: tuple[str, ...]
    trigger: str
    policy: str
    dedup: str = ""
    began_at: datetime | None = None
    evidence: str = ""
    kind: str = ""
    domain: str = ""
    proposal: str = ""
    source: str = ""
    private: bool = False


@event("impact.measured")
@dataclass(frozen=True, slots=True)
class ImpactMeasured:
    impact: Impact


@event("severity.classified")
@dataclass(frozen=True, slots=True)
class SeverityClassified:
    """row: deciding row of the table, -1 for none; by_person: set by a person instead."""

    severity: str
    because: str
    row: int
    by_person: bool = False


@event("phase.entered")
@dataclass(frozen=True, slots=True)
class PhaseEntered:
    """watch: gates over samples that begin with this phase, each from nothing."""

    phase: str
    watch: tuple[GateProgress, ...] = ()


@event("role.assigned")
@dataclass(frozen=True, slots=True)
class RoleAssigned:
    """previous: who held it before, or empty."""

    role: str
    person: str
    because: str
    previous: str = ""


@event("handoff.offered")
@dataclass(frozen=True, slots=True)
class HandoffOffered:
    role: str
    to: str
    notes: str


@event("incident.acknowledged")
@dataclass(frozen=True, slots=True)
class IncidentAcknowledged:
    person: str


@event("update.requested")
@dataclass(frozen=True, slots=True)
class UpdateRequested:
    """number: which update is due; of: person asked for it, or empty when the role is unfilled."""

    number: int
    of: str


@event("update.posted")
@dataclass(frozen=True, slots=True)
class UpdatePosted:
    """next_at: when the next one is due, None when none is owed; fields: what the protocol asks for
    beside the text; expected_at: when it will be over, as far as anybody can tell."""

    number: int
    status: str
    text: str
    next_at: datetime | None
    fields: dict[str, str] = field(default_factory=dict)
    expected_at: datetime | None = None


@event("evidence.requested")
@dataclass(frozen=True, slots=True)
class EvidenceRequested:
    """id: `payments/recent-changes`."""

    id: str
    service: str
    name: str


@event("evidence.collected")
@dataclass(frozen=True, slots=True)
class EvidenceCollected:
    """sha256: digest of the stored output; facts: what decisions may use."""

    id: str
    summary: str
    sha256: str
    facts: dict[str, Scalar] = field(default_factory=dict)


@event("evidence.failed")
@dataclass(frozen=True, slots=True)
class EvidenceFailed:
    id: str
    because: str


@event("statement.recorded")
@dataclass(frozen=True, slots=True)
class StatementRecorded:
    """subject: resolved | root-cause | prevention | ... as the protocol names them."""

    subject: str
    text: str


@event("approval.given")
@dataclass(frozen=True, slots=True)
class ApprovalGiven:
    """subject: `stand-down`, or `plan:PLAN-1` with the hash the approval binds to."""

    subject: str
    role: str
    binds: str = ""
    note: str = ""


@event("criterion.overridden")
@dataclass(frozen=True, slots=True)
class CriterionOverridden:
    criterion: str
    reason: str


@event("remedy.decided")
@dataclass(frozen=True, slots=True)
class RemedyDecided:
    """row: deciding row, -1 when a person overruled; facts: inputs; unknown: inputs nobody knew; set_aside:
    what was said of a fact besides, by people or by what was observed, and not used."""

    remedy: str
    because: str
    row: int
    facts: dict[str, Scalar]
    unknown: tuple[str, ...]
    service: str
    by_person: bool = False
    set_aside: dict[str, Scalar] = field(default_factory=dict)


@event("samples.recorded")
@dataclass(frozen=True, slots=True)
class SamplesRecorded:
    """One round of probes. interval_ms: the intended distance between rounds."""

    samples: tuple[Sample, ...]
    monotonic_ms: int
    boot: str
    interval_ms: int


@event("stability.lost")
@dataclass(frozen=True, slots=True)
class StabilityLost:
    """A bad sample after things had been good: the window begins again, and what rested on it is void.

    after_ms: how long it had been stable; seen: what the probe said.
    """

    seen: str
    after_ms: int


@event("milestone.reached")
@dataclass(frozen=True, slots=True)
class MilestoneReached:
    """name: contained | mitigated | resolved."""

    name: str


@event("deadline.missed")
@dataclass(frozen=True, slots=True)
class DeadlineMissed:
    """Raised exactly once per deadline. escalated_to: people told, in order of the chain."""

    deadline: str
    what: str
    due_at: datetime
    escalated_to: tuple[str, ...]


@event("notification.requested")
@dataclass(frozen=True, slots=True)
class NotificationRequested:
    """id: unique in the incident; to: `person:ada` or `audience:stakeholders`; attachment: a body that
    goes with it (JSON), kept under `attachment_name` where the channel can."""

    id: str
    to: str
    channel: str
    subject: str
    text: str
    attachment: str = ""
    attachment_name: str = ""


@event("notification.delivered")
@dataclass(frozen=True, slots=True)
class NotificationDelivered:
    id: str
    how: str


@event("notification.undeliverable")
@dataclass(frozen=True, slots=True)
class NotificationUndeliverable:
    id: str
    because: str


@event("note.added")
@dataclass(frozen=True, slots=True)
class NoteAdded:
    text: str


@event("incident.stood_down")
@dataclass(frozen=True, slots=True)
class IncidentStoodDown:
    reason: str


@event("obligation.owed")
@dataclass(frozen=True, slots=True)
class ObligationOwed:
    """owner: a role; remind_at: when its owner is reminded; met_by: the mark that meets it, or empty;
    begins: stood-down | declared."""

    id: str
    title: str
    owner: str
    due_at: datetime
    remind_at: datetime | None = None
    met_by: str = ""
    begins: str = "stood-down"


@event("report.written")
@dataclass(frozen=True, slots=True)
class ReportWritten:
    """path: relative to the project folder; sha256: digest of the text."""

    path: str
    sha256: str

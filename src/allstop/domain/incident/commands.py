"""Everything that can be asked about an incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from allstop.domain.impact import Impact
from allstop.domain.samples import Sample


@dataclass(frozen=True, slots=True)
class DeclareIncident:
    """severity: only to set one by hand; dedup: at most one open incident bears the same key; kind: a
    kind of emergency the protocol names; domain: whose ground it is, where services do not say."""

    title: str
    services: tuple[str, ...] = ()
    trigger: str = "manual"
    impact: Impact = Impact()
    severity: str = ""
    dedup: str = ""
    began_at: datetime | None = None
    evidence: str = ""
    kind: str = ""
    domain: str = ""
    source: str = ""
    private: bool = False


@dataclass(frozen=True, slots=True)
class MeasureImpact:
    incident: str
    impact: Impact


@dataclass(frozen=True, slots=True)
class SetSeverity:
    incident: str
    severity: str
    reason: str


@dataclass(frozen=True, slots=True)
class AssignRole:
    incident: str
    role: str
    person: str


@dataclass(frozen=True, slots=True)
class OfferHandoff:
    incident: str
    role: str
    to: str
    notes: str = ""


@dataclass(frozen=True, slots=True)
class AcceptHandoff:
    incident: str
    role: str


@dataclass(frozen=True, slots=True)
class AcknowledgeIncident:
    incident: str


@dataclass(frozen=True, slots=True)
class RequestUpdate:
    incident: str
    number: int


@dataclass(frozen=True, slots=True)
class PostUpdate:
    """status: one of the protocol's statuses; fields: what the protocol asks for beside the text."""

    incident: str
    status: str
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)
    expected_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RecordStatement:
    incident: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class AddNote:
    incident: str
    text: str


@dataclass(frozen=True, slots=True)
class Approve:
    """subject: `stand-down`, `plan:PLAN-1` or `change:CHG-1`; binds: the plan's hash; as_reviewer: sign
    as a reviewer instead of as an approver."""

    incident: str
    subject: str
    binds: str = ""
    note: str = ""
    as_reviewer: bool = False


@dataclass(frozen=True, slots=True)
class Override:
    """subject: id of a criterion, `plan:PLAN-1`, `change:CHG-1`, `halt:HALT-1`, `severity:SEV3`, `phase`,
    `close` or `preflight`."""

    incident: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class DecideRemedy:
    """remedy: empty to consult the table, or the choice of a person with a reason."""

    incident: str
    remedy: str = ""
    reason: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class CollectEvidence:
    """services: by default those of the incident; names: of recipes, by default all that a service has."""

    incident: str
    services: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordSamples:
    incident: str
    samples: tuple[Sample, ...]
    interval_ms: int


@dataclass(frozen=True, slots=True)
class AdvancePhase:
    incident: str
    to: str = ""


@dataclass(frozen=True, slots=True)
class MissDeadline:
    incident: str
    deadline: str


@dataclass(frozen=True, slots=True)
class StandDown:
    incident: str
    reason: str


@dataclass(frozen=True, slots=True)
class RecordReport:
    incident: str
    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class NoteRelease:
    """A release of a service has been seen healthy for long enough to be the one to go back to."""

    service: str
    release: str
    good_for_ms: int

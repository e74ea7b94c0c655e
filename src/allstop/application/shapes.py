"""Read shapes: plain data that faces show, ready for JSON and for templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """One row of the list."""

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
class EvidenceLine:
    id: str
    state: str
    summary: str
    sha256: str
    facts: dict[str, str]


@dataclass(frozen=True, slots=True)
class StepLine:
    id: str
    kind: str
    title: str
    service: str
    state: str
    after: tuple[str, ...]
    evidence: str
    gate: str


@dataclass(frozen=True, slots=True)
class PlanView:
    id: str
    incident: str
    purpose: str
    title: str
    state: str
    hash: str
    approve: str
    approved_by: str
    held_because: str
    steps: tuple[StepLine, ...]


@dataclass(frozen=True, slots=True)
class RollLine:
    """state: see the hold lifecycle; held_as: where it stood before a release, else the state;

    settled: confirmed or enforced (before a release, if there was one).
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


@dataclass(frozen=True, slots=True)
class HaltView:
    """stopped: only true when every agent is confirmed or enforced."""

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


@dataclass(frozen=True, slots=True)
class AgentLine:
    """state: running, or the hold's state; held_by: halts that hold it."""

    id: str
    name: str
    team: str
    state: str
    held_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProbeLine:
    name: str
    state: str
    text: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """state: up | down | unknown; known_good: release to go back to, or empty."""

    name: str
    title: str
    category: str
    state: str
    protected: bool
    depends: tuple[str, ...]
    probes: tuple[ProbeLine, ...]
    known_good: str
    functions: tuple[str, ...]


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
    id: str
    what: str
    at: datetime
    missed: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline. tone: good | bad | notice | plain."""

    position: int
    at: datetime
    stream: str
    kind: str
    actor: str
    tone: str
    text: str


@dataclass(frozen=True, slots=True)
class IncidentView:
    """Everything about one incident."""

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
    obligations: tuple[tuple[str, str, datetime], ...]
    report: str


@dataclass(frozen=True, slots=True)
class Overview:
    """How bad is it, at a glance. next: the next sensible command, as typed."""

    at: datetime
    protocol: str
    position: int
    incidents: tuple[IncidentLine, ...]
    halts: tuple[HaltView, ...]
    agents: tuple[AgentLine, ...]
    services: tuple[ServiceLine, ...]
    next: str
    next_because: str

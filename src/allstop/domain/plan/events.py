"""Everything that can be recorded about a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allstop.domain.policy.tables import Scalar
from allstop.domain.registry import event


@dataclass(frozen=True, slots=True)
class Step:
    """One step. kind: act | probe | gate.

    after: ids of steps that must be done first; adapter, verb, options: for act and probe;
    probes, window_ms, min_samples, limit_ms: for gate.
    """

    id: str
    kind: str
    title: str
    service: str
    after: tuple[str, ...] = ()
    adapter: str = ""
    verb: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    timeout_ms: int = 10_000
    probes: tuple[str, ...] = ()
    window_ms: int = 0
    min_samples: int = 1
    limit_ms: int = 0


@event("plan.made")
@dataclass(frozen=True, slots=True)
class PlanMade:
    """purpose: contain | remedy; hash: digest of the steps, approvals bind to it; approve: who must
    agree, in words, or empty; by, people, reviewers, risk: as `ApprovalRow` has them; because: its reason;
    review_by: until when the reviewers have time, None for as long as it takes."""

    plan: str
    incident: str
    purpose: str
    title: str
    steps: tuple[Step, ...]
    hash: str
    approve: str
    epoch: int
    policy: str
    by: tuple[str, ...] = ()
    people: int = 0
    reviewers: tuple[str, ...] = ()
    risk: int = 0
    because: str = ""
    review_by: datetime | None = None


@event("plan.signed")
@dataclass(frozen=True, slots=True)
class PlanSigned:
    """One of several who must agree has. role: signed as; review: as a reviewer."""

    hash: str
    role: str
    review: bool = False


@event("plan.approved")
@dataclass(frozen=True, slots=True)
class PlanApproved:
    """Everybody who must agree has."""

    hash: str
    role: str


@event("plan.started")
@dataclass(frozen=True, slots=True)
class PlanStarted:
    pass


@event("step.started")
@dataclass(frozen=True, slots=True)
class StepStarted:
    """attempt: 1 for the first, higher when a person asked to try again."""

    step: str
    attempt: int = 1


@event("step.done")
@dataclass(frozen=True, slots=True)
class StepDone:
    step: str
    evidence: str
    sha256: str = ""
    facts: dict[str, Scalar] = field(default_factory=dict)


@event("step.failed")
@dataclass(frozen=True, slots=True)
class StepFailed:
    step: str
    because: str
    sha256: str = ""


@event("step.unknown")
@dataclass(frozen=True, slots=True)
class StepUnknown:
    """It was under way when nobody could see how it ended; it is observed before anything else."""

    step: str
    because: str


@event("plan.held")
@dataclass(frozen=True, slots=True)
class PlanHeld:
    """A step failed or cannot be known, or a stop rule is violated (step is `rule:ID` then): nothing
    further starts until a person says so."""

    step: str
    because: str


@event("plan.resumed")
@dataclass(frozen=True, slots=True)
class PlanResumed:
    """A person accepts that a stop rule is violated: the plan may go on, and this rule stops it no more."""

    rule: str


@event("plan.done")
@dataclass(frozen=True, slots=True)
class PlanDone:
    pass


@event("plan.abandoned")
@dataclass(frozen=True, slots=True)
class PlanAbandoned:
    reason: str


@event("release.known_good")
@dataclass(frozen=True, slots=True)
class ReleaseKnownGood:
    """Stands on the fleet's stream. release: identity the service reports for what it runs."""

    service: str
    release: str
    good_for_ms: int

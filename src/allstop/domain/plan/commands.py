"""Everything that can be asked about a plan."""

from __future__ import annotations

from dataclasses import dataclass

from allstop.domain.effects import Effect, Outcome
from allstop.domain.plan.asked import Asked


@dataclass(frozen=True, slots=True)
class MakePlan:
    """purpose: contain | remedy. Made from the state of the incident, and started as soon as it may be."""

    incident: str
    purpose: str


@dataclass(frozen=True, slots=True)
class DrawPlan:
    """Make a plan for parts of the fleet that somebody names. It starts when somebody says so."""

    incident: str
    asked: Asked


@dataclass(frozen=True, slots=True)
class PausePlan:
    """Nothing further starts; what is under way ends."""

    plan: str
    reason: str


@dataclass(frozen=True, slots=True)
class ContinuePlan:
    plan: str


@dataclass(frozen=True, slots=True)
class WaiveStep:
    """A person lets a held node go on without the step that failed."""

    plan: str
    step: str
    reason: str


@dataclass(frozen=True, slots=True)
class StartPlan:
    plan: str


@dataclass(frozen=True, slots=True)
class RetryStep:
    """Try a failed or unknown step again; only a person may ask. step: `rule:ID` accepts that a stop rule
    is violated, and lets the plan go on."""

    plan: str
    step: str


@dataclass(frozen=True, slots=True)
class SettleStep:
    """A person says how a step ended that no machine can know. happened: whether it took effect."""

    plan: str
    step: str
    happened: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class AbortPlan:
    plan: str
    reason: str


@dataclass(frozen=True, slots=True)
class FailGate:
    """A gate's time limit has passed without a pass."""

    plan: str
    step: str


@dataclass(frozen=True, slots=True)
class CutShort:
    """Internal: nodes of it have used up their time before its deadline."""

    plan: str


@dataclass(frozen=True, slots=True)
class CheckRules:
    """Internal: a stop rule over the time the plan takes may be violated now."""

    plan: str


@dataclass(frozen=True, slots=True)
class MissPhase:
    """Internal: a phase of a playbook had until now."""

    plan: str
    phase: str


@dataclass(frozen=True, slots=True)
class LateReview:
    """Internal: reviewers had until now. subject: `plan:PLAN-1` or `change:CHG-1`."""

    incident: str
    subject: str


@dataclass(frozen=True, slots=True)
class RecordOutcome:
    """The runner's report on one effect: exactly one per attempt."""

    effect: Effect
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ParkEffect:
    """The runner cannot learn how an effect ended; it waits for a person."""

    effect: Effect
    because: str

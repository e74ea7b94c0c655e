"""The state of one plan, and how each event changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from allstop.domain.incident.parts import Signature
from allstop.domain.plan import events as e
from allstop.domain.plan.lifecycle import PLAN_TRANSITIONS, STEP_TRANSITIONS, PlanState, StepState
from allstop.domain.record import Record
from allstop.domain.samples import GateProgress, advance

ENDED = frozenset({PlanState.DONE, PlanState.ABANDONED})
# A plan is held for a step, or for a stop rule: under its id with this before it.
RULE = "rule:"


@dataclass(frozen=True, slots=True)
class StepProgress:
    """Where a step stands. evidence: what was seen when it ended."""

    state: StepState = StepState.WAITING
    attempt: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan is data: steps with their order, and how far each has come.

    holding: the steps (and `rule:ID`) it is held for, each with the reason; it goes on when none is
    left; round: how often its incident had been reopened when it was made; review_by: until when its
    reviewers have time; violated: stop rules it was held for, whether or not a person let it go on.
    """

    id: str
    incident: str
    purpose: str
    title: str
    steps: tuple[e.Step, ...]
    hash: str
    approve: str
    epoch: int
    policy: str
    made_at: datetime
    state: PlanState = PlanState.PROPOSED
    progress: Mapping[str, StepProgress] = field(default_factory=dict)
    gates: Mapping[str, GateProgress] = field(default_factory=dict)
    approved_by: str = ""
    holding: Mapping[str, str] = field(default_factory=dict)
    ended_at: datetime | None = None
    by: tuple[str, ...] = ()
    people: int = 0
    reviewers: tuple[str, ...] = ()
    risk: int = 0
    because: str = ""
    signatures: tuple[Signature, ...] = ()
    round: int = 0
    review_by: datetime | None = None
    started_at: datetime | None = None
    violated: tuple[str, ...] = ()

    def step(self, id: str) -> e.Step | None:
        return next((step for step in self.steps if step.id == id), None)

    def standing(self, id: str) -> StepProgress:
        return self.progress.get(id, StepProgress())

    def ready(self) -> tuple[e.Step, ...]:
        """Waiting steps whose predecessors are all done."""
        return tuple(
            step
            for step in self.steps
            if self.standing(step.id).state is StepState.WAITING
            and all(self.standing(before).state is StepState.DONE for before in step.after)
        )

    @property
    def held_because(self) -> str:
        """Why it is held, all reasons together; empty when it is not."""
        return "; ".join(self.holding.values())

    @property
    def finished(self) -> bool:
        return all(self.standing(step.id).state is StepState.DONE for step in self.steps)


def made(record: Record) -> Plan:
    event: e.PlanMade = record.event
    return Plan(
        event.plan, event.incident, event.purpose, event.title, event.steps, event.hash,
        event.approve, event.epoch, event.policy, record.at, by=event.by, people=event.people,
        reviewers=event.reviewers, risk=event.risk, because=event.because,
        review_by=event.review_by,
    )  # fmt: skip


def evolve(plan: Plan, record: Record) -> Plan:
    """The plan after one event on its stream. Total."""
    event: Any = record.event
    freed = _freed(event)
    if freed:
        holding = {name: why for name, why in plan.holding.items() if name != freed}
        plan = replace(plan, holding=holding)
    # One thing that is dealt with does not free a plan that another one holds.
    if not (freed and plan.holding and plan.state is PlanState.HELD):
        plan = replace(plan, state=PLAN_TRANSITIONS.get((plan.state, type(event)), plan.state))
    match event:
        case e.PlanSigned(_, role, review):
            signed = Signature(record.actor, role, review)
            return replace(plan, signatures=(*plan.signatures, signed))
        case e.PlanApproved():
            return replace(plan, approved_by=record.actor)
        case e.PlanStarted():
            return replace(plan, started_at=record.at)
        case e.PlanHeld(step, because):
            violated = (
                (*plan.violated, step[len(RULE) :]) if step.startswith(RULE) else plan.violated
            )
            return replace(plan, holding={**plan.holding, step: because}, violated=violated)
        case e.PlanDone() | e.PlanAbandoned():
            return replace(plan, ended_at=record.at)
        case e.StepStarted() | e.StepDone() | e.StepFailed() | e.StepUnknown():
            return _step_moved(plan, event, record.at)
        case _:
            return plan


def _freed(event: Any) -> str:
    """What an event settles of what a plan is held for, or empty."""
    match event:
        case e.StepStarted() | e.StepDone():
            return event.step
        case e.PlanResumed(rule):
            return f"{RULE}{rule}"
        case _:
            return ""


def sampled(plan: Plan, samples: Any) -> Plan:
    """The plan after a round of samples on its incident's stream."""
    if not plan.gates:
        return plan
    seen = {sample.probe: sample for sample in samples.samples}
    gates = {
        key: advance(gate, seen, samples.monotonic_ms, samples.boot, samples.interval_ms)
        for key, gate in plan.gates.items()
    }
    return replace(plan, gates=gates)


def _step_moved(plan: Plan, event: Any, at: datetime) -> Plan:
    step, was = plan.step(event.step), plan.standing(event.step)
    state = STEP_TRANSITIONS.get((was.state, type(event)), was.state)
    gates = {key: gate for key, gate in plan.gates.items() if key != event.step}
    if isinstance(event, e.StepStarted):
        now = StepProgress(state, event.attempt, at)
        if step is not None and step.kind == "gate":
            gates[step.id] = GateProgress(step.id, step.probes, step.window_ms, step.min_samples)
        return replace(plan, progress={**plan.progress, event.step: now}, gates=gates)
    text = event.evidence if isinstance(event, e.StepDone) else event.because
    now = replace(was, state=state, ended_at=at, evidence=text)
    return replace(plan, progress={**plan.progress, event.step: now}, gates=gates)

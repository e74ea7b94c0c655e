"""The phases of a plan that follows a playbook: where each stands, and how long it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.domain.moment import after
from allstop.domain.plan.events import PlanPhase
from allstop.domain.plan.state import Plan
from allstop.domain.planning.playing import PHASE


@dataclass(frozen=True, slots=True)
class PlanPhaseLine:
    """state: waiting | running | over; from_ms, within_ms: from the start of the plan; begun_at, ended_at: None
    before; due_at: when it is to have ended, None before the start; late: it had not by then, or ended later."""

    name: str
    title: str
    from_ms: int
    within_ms: int
    state: str = "waiting"
    begun_at: datetime | None = None
    due_at: datetime | None = None
    ended_at: datetime | None = None
    late: bool = False
    nodes: int = 0
    open_nodes: int = 0


def new_phases(phases: tuple[PlanPhase, ...]) -> tuple[PlanPhaseLine, ...]:
    """Of a plan that was not made yet."""
    return tuple(PlanPhaseLine(one.name, one.title, one.from_ms, one.within_ms) for one in phases)


def phase_lines(plan: Plan) -> tuple[PlanPhaseLine, ...]:
    return tuple(_line(plan, one) for one in plan.phases)


def _line(plan: Plan, phase: PlanPhase) -> PlanPhaseLine:
    waits = plan.waits_in(phase.name)
    nodes = [node.id for node in plan.nodes if node.phase == phase.name]
    begun = plan.node_at(f"{PHASE}{phase.name}").started_at
    ends = [plan.node_at(id).ended_at for id in nodes] if not waits else []
    ended = max((end for end in ends if end is not None), default=None)
    due = after(plan.started_at, phase.within_ms) if plan.started_at else None
    state = "waiting" if begun is None else "running" if waits else "over"
    late = phase.name in plan.late or bool(ended and due and ended > due)
    return PlanPhaseLine(
        phase.name, phase.title, phase.from_ms, phase.within_ms, state, begun, due, ended, late,
        len(nodes), len(waits),
    )  # fmt: skip

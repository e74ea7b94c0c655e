"""What faces show of plans: what would be done, how far it has come, and what is to be expected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.application.plan_phases import PlanPhaseLine
from allstop.application.work_shapes import SignatureLine


@dataclass(frozen=True, slots=True)
class StepLine:
    """node: whose step it is; latent: it only runs when another step of its node has failed; role: who is asked,
    where a person does it."""

    id: str
    kind: str
    title: str
    service: str
    state: str
    after: tuple[str, ...]
    evidence: str
    gate: str
    node: str = ""
    latent: bool = False
    proven: bool = False
    reversible: bool = False
    role: str = ""


@dataclass(frozen=True, slots=True)
class NodeLine:
    """state: waiting | running | held | reached | forced | isolated | returned | left; because: what was seen, or why it
    is held; after: nodes it waits for; on_failure: what a failed step of it means; rank: the smallest goes
    first; lacking: what the service does not offer."""

    id: str
    service: str
    state: str
    because: str
    after: tuple[str, ...]
    on_failure: str
    rank: int
    lacking: tuple[str, ...]
    steps: tuple[str, ...]
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BiteLine:
    """A safety rule the plan runs against."""

    rule: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class OutlookLine:
    """What was expected when the plan was made; see `domain.plan.asked.Outlook`. Times in milliseconds."""

    whole_ms: int = 0
    bound_ms: int = 0
    critical: tuple[str, ...] = ()
    radius: tuple[str, ...] = ()
    units: tuple[tuple[str, ...], ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    at_risk: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()
    late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanView:
    """approve: who must agree, in words; people: how many must sign, reviewers: and in which roles;

    signatures: of those who have; because: the row of the approval table that says so; waits_for: who
    has not signed, in words; review_by: until when reviewers have time; earlier: made before its
    incident was reopened, so it counts no more; nodes, bites, outlook: of a plan for parts of the fleet;
    asked: by a person, who also starts it; expires_at: when its approval ends; rest_ms: what is expected to be
    left of it, None when nobody can tell; counts: of its nodes, by state; holding: steps and rules it is held
    for, as `plan retry` takes them; phases: of a playbook.
    """

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
    risk: int = 0
    people: int = 0
    reviewers: tuple[str, ...] = ()
    signatures: tuple[SignatureLine, ...] = ()
    because: str = ""
    waits_for: str = ""
    review_by: datetime | None = None
    earlier: bool = False
    nodes: tuple[NodeLine, ...] = ()
    bites: tuple[BiteLine, ...] = ()
    outlook: OutlookLine | None = None
    asked: bool = False
    expires_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    rest_ms: int | None = None
    counts: dict[str, int] | None = None
    holding: tuple[str, ...] = ()
    phases: tuple[PlanPhaseLine, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """A plan as it would be made now; nothing was recorded. approve: who would have to agree, and because."""

    purpose: str
    title: str
    hash: str
    approve: str
    because: str
    nodes: tuple[NodeLine, ...]
    steps: tuple[StepLine, ...]
    bites: tuple[BiteLine, ...]
    outlook: OutlookLine
    phases: tuple[PlanPhaseLine, ...] = ()

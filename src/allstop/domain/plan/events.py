"""Everything that can be recorded about a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allstop.domain.effects import Proof
from allstop.domain.policy.tables import Scalar
from allstop.domain.registry import event


@dataclass(frozen=True, slots=True)
class Inverse:
    """What takes a step back: another action of the same service, filled in when the plan was made.

    expires_ms: see `Step`.
    """

    action: str
    adapter: str
    verb: str
    options: dict[str, Any]
    timeout_ms: int
    proof: Proof | None = None
    expires_ms: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One step. kind: act | probe | gate | task | tell | owe | phase; the last four are the coordinator's own
    (see `deciding.own_steps`), and what they need stands in their options.

    after: ids of steps that must be done first, and `node:ID` for nodes that must have ended; adapter, verb, options: for act and probe;
    probes, window_ms, min_samples, limit_ms: for gate; node: whose step it is, empty in a plan
    without nodes; action: what it does for the service (`drain`, `stop`); proof: what must be seen
    before it counts as done; inverse: how it is taken back, None when it cannot be; latent: it only
    runs when a step of its node has failed; expires_ms: after so long a lever is taken back, 0 for never.
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
    node: str = ""
    action: str = ""
    proof: Proof | None = None
    inverse: Inverse | None = None
    latent: bool = False
    expires_ms: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """What a plan does to one service, or a gate between stages; its steps bear its id.

    after: nodes that must have ended before its first step; on_failure: force | isolate | hold | abort |
    continue | fallback (its latent steps run, one after another); rank (the smallest first) and remaining_ms (the longest path from here): who goes first when not
    all can; host, zone: whose tokens it takes; lacking: what the service does not offer, in words;
    force_ms: counted from the start of the plan, when it is killed because of a deadline, 0 for never.
    """

    id: str
    service: str
    after: tuple[str, ...] = ()
    on_failure: str = "hold"
    rank: int = 0
    remaining_ms: int = 0
    host: str = ""
    zone: str = ""
    lacking: tuple[str, ...] = ()
    phase: str = ""
    force_ms: int = 0


@dataclass(frozen=True, slots=True)
class PlanPhase:
    """A phase of a plan. from_ms, within_ms: when it should begin, and have ended, counted from the start of
    the plan."""

    name: str
    title: str
    from_ms: int
    within_ms: int


@dataclass(frozen=True, slots=True)
class Bite:
    """A safety rule that a plan runs against. An approval of the plan names it, so it is on the record."""

    rule: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How many steps may be under way at once, and how many nodes may fail before all waits for a person.

    0: no limit; per_adapter: by name of the adapter.
    """

    together: int = 32
    per_host: int = 0
    per_zone: int = 0
    per_adapter: dict[str, int] = field(default_factory=dict)
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Beside:
    """What of a large plan stands beside the log: its digest, how many steps and nodes it has, and which safety
    rules it runs against."""

    sha256: str
    steps: int
    nodes: int
    rules: tuple[str, ...] = ()


@event("plan.made")
@dataclass(frozen=True, slots=True)
class PlanMade:
    """purpose: one of `purposes.PURPOSES`; hash: digest of all it would do, approvals bind to it; approve: who
    must agree, in words, or empty; by, people, reviewers, risk: as `ApprovalRow` has them; because: its reason;
    review_by: until when the reviewers have time, None for as long as it takes; asked: targets and options
    somebody asked for it with, so that it can be made again, empty where nobody did; bites: safety rules it
    runs against; outlook: what was expected when it was made, see `plan.asked.Outlook`; phases: of a playbook,
    in their order; beside: of a large plan, as the log holds it: then steps, nodes, bites and outlook are empty
    here. What is folded is always whole.
    """

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
    nodes: tuple[Node, ...] = ()
    pace: Pace = field(default_factory=Pace)
    asked: dict[str, Any] = field(default_factory=dict)
    bites: tuple[Bite, ...] = ()
    outlook: dict[str, Any] = field(default_factory=dict)
    phases: tuple[PlanPhase, ...] = ()
    beside: Beside | None = None


@event("plan.signed")
@dataclass(frozen=True, slots=True)
class PlanSigned:
    """One of several who must agree has. role: signed as; review: as a reviewer."""

    hash: str
    role: str
    review: bool = False


@event("plan.lapsed")
@dataclass(frozen=True, slots=True)
class PlanLapsed:
    """Its approval was too old, and somebody agrees anew: the signatures of before count no more."""

    hash: str


@event("plan.approved")
@dataclass(frozen=True, slots=True)
class PlanApproved:
    """Everybody who must agree has."""

    hash: str
    role: str


@event("plan.started")
@dataclass(frozen=True, slots=True)
class PlanStarted:
    """epoch: fencing number of its orders; 0, as older logs have it: that of its making."""

    epoch: int = 0


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


@event("step.refused")
@dataclass(frozen=True, slots=True)
class StepRefused:
    """It has not begun: by what is up now, it would break a safety rule that nobody approved by name."""

    step: str
    because: str


@event("step.waived")
@dataclass(frozen=True, slots=True)
class StepWaived:
    """A person lets the node go on without a step that failed, by name and with a reason."""

    step: str
    reason: str


@event("node.ended")
@dataclass(frozen=True, slots=True)
class NodeEnded:
    """state: reached (the probe said so), forced, isolated (cut off, proven; still there), returned (its fix
    failed, and it is back at the release before, proven) or left (it failed, and its policy goes on)."""

    node: str
    state: str
    because: str


@event("node.cut_short")
@dataclass(frozen=True, slots=True)
class NodeCutShort:
    """No time is left for it before the deadline of its plan: it is killed now, whatever step is under way."""

    node: str
    because: str


@event("node.held")
@dataclass(frozen=True, slots=True)
class NodeHeld:
    """A step of it failed or cannot be known: what waits for this node waits for a person; the rest goes on."""

    node: str
    step: str
    because: str


@event("plan.paused")
@dataclass(frozen=True, slots=True)
class PlanPaused:
    """Nothing further starts; what is under way ends."""

    reason: str


@event("plan.continued")
@dataclass(frozen=True, slots=True)
class PlanContinued:
    """The end of a pause."""


@event("plan.held")
@dataclass(frozen=True, slots=True)
class PlanHeld:
    """A step failed or cannot be known, or a stop rule is violated (step is `rule:ID` then): nothing
    further starts until a person says so."""

    step: str
    because: str


@event("plan.phase_late")
@dataclass(frozen=True, slots=True)
class PhaseLate:
    """A phase has not ended within its time. waits_for: nodes of it that have not."""

    phase: str
    title: str
    within_ms: int
    waits_for: tuple[str, ...]


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
class PlanAborted:
    """Given up: what is done stays done. Its wire name is the older word, which logs already hold."""

    reason: str


@event("release.known_good")
@dataclass(frozen=True, slots=True)
class ReleaseKnownGood:
    """Stands on the fleet's stream. release: identity the service reports for what it runs."""

    service: str
    release: str
    good_for_ms: int

"""The state of one plan, and how each event changes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allstop.domain.copying import replace
from allstop.domain.incident.parts import Signature
from allstop.domain.layered import changed
from allstop.domain.plan import events as e
from allstop.domain.plan.lifecycle import (
    ENDS,
    NODE_TRANSITIONS,
    PLAN_TRANSITIONS,
    STEP_TRANSITIONS,
    NodeState,
    PlanState,
    StepState,
)
from allstop.domain.plan.routes import Routes, routes_of
from allstop.domain.policy.tables import Scalar
from allstop.domain.record import Record
from allstop.domain.samples import GateProgress, advance

ENDED = frozenset({PlanState.DONE, PlanState.ABORTED})
# A plan is held for a step, or for a stop rule: under its id with this before it.
RULE = "rule:"
# A plan with nodes is held as a whole when nothing of it can go on, or when too many nodes have failed.
STALLED, FAILURES = "stalled", "failures"
OVER = frozenset({StepState.DONE, StepState.WAIVED})


@dataclass(frozen=True, slots=True)
class StepProgress:
    """Where a step stands. evidence, facts: what was seen when it ended; refused: a safety rule kept it from
    beginning, the last time it was to."""

    state: StepState = StepState.WAITING
    attempt: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    evidence: str = ""
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    refused: bool = False


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """Where a node stands. because: what was seen, or why it is held."""

    state: NodeState = NodeState.WAITING
    because: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None


UNTOUCHED, UNVISITED = StepProgress(), NodeProgress()


@dataclass(frozen=True)
class Plan:
    """A plan is data: steps with their order, and how far each has come.

    holding: the steps (and `rule:ID`) it is held for, each with the reason; it goes on when none is
    left; nodes_at: where each node stands, and why; ripe: steps that could start now; active: steps under way
    or unknown; failures: nodes that were held, forced, isolated or left; phases: of a playbook; late: those that
    were said to be; cut: nodes that a deadline has cut short; round: how often its incident had been reopened when it was made; review_by: until when its
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
    nodes: tuple[e.Node, ...] = ()
    pace: e.Pace = field(default_factory=e.Pace)
    asked: Mapping[str, Any] = field(default_factory=dict)
    bites: tuple[e.Bite, ...] = ()
    outlook: Mapping[str, Any] = field(default_factory=dict)
    approved_at: datetime | None = None
    nodes_at: Mapping[str, NodeProgress] = field(default_factory=dict)
    ripe: frozenset[str] = frozenset()
    active: frozenset[str] = frozenset()
    failures: frozenset[str] = frozenset()
    open_nodes: int = 0
    open_steps: int = 0
    phases: tuple[e.PlanPhase, ...] = ()
    late: tuple[str, ...] = ()
    cut: frozenset[str] = frozenset()
    routes: Routes = field(default_factory=lambda: routes_of((), ()), compare=False, repr=False)

    def step(self, id: str) -> e.Step | None:
        return self.routes.steps.get(id)

    def standing(self, id: str) -> StepProgress:
        return self.progress.get(id, UNTOUCHED)

    def node_at(self, id: str) -> NodeProgress:
        return self.nodes_at.get(id, UNVISITED)

    def waits_in(self, phase: str) -> tuple[str, ...]:
        """The nodes of a phase that have not ended; none once it is over."""
        return tuple(
            node.id
            for node in self.nodes
            if node.phase == phase and self.node_at(node.id).state not in ENDS
        )

    @property
    def held_because(self) -> str:
        """Why it is held, all reasons together; empty when it is not."""
        return "; ".join(self.holding.values())

    @property
    def finished(self) -> bool:
        """Whether nothing is left: no node, or no step in a plan without nodes."""
        return self.open_nodes == 0 if self.nodes else self.open_steps == 0


def made(record: Record) -> Plan:
    event: e.PlanMade = record.event
    return Plan(
        event.plan, event.incident, event.purpose, event.title, event.steps, event.hash,
        event.approve, event.epoch, event.policy, record.at, by=event.by, people=event.people,
        reviewers=event.reviewers, risk=event.risk, because=event.because,
        review_by=event.review_by, nodes=event.nodes, pace=event.pace, asked=event.asked,
        bites=event.bites, outlook=event.outlook, open_nodes=len(event.nodes),
        open_steps=sum(not step.latent for step in event.steps), phases=event.phases,
        routes=routes_of(event.steps, event.nodes),
    )  # fmt: skip


def evolve(plan: Plan, record: Record) -> Plan:
    """The plan after one event on its stream. Total."""
    event: Any = record.event
    plan = _freed(plan, event)
    match event:
        case e.PlanSigned(_, role, review):
            signed = Signature(record.actor, role, review)
            return replace(plan, signatures=(*plan.signatures, signed))
        case e.PlanLapsed():
            return replace(plan, signatures=(), approved_by="", approved_at=None)
        case e.PlanApproved():
            return replace(plan, approved_by=record.actor, approved_at=record.at)
        case e.PlanStarted(epoch):
            started = replace(plan, started_at=record.at, epoch=epoch or plan.epoch)
            return _ripened(started, started.routes.steps)
        case e.PlanHeld(step, because):
            broken = step.removeprefix(RULE) if step.startswith(RULE) or step == FAILURES else ""
            violated = (*plan.violated, broken) if broken else plan.violated
            return replace(plan, holding={**plan.holding, step: because}, violated=violated)
        case e.PlanDone() | e.PlanAborted():
            return replace(plan, ended_at=record.at)
        case e.PhaseLate(phase):
            return replace(plan, late=(*plan.late, phase))
        case (
            e.StepStarted() | e.StepDone() | e.StepFailed() | e.StepUnknown() | e.StepWaived() | e.StepRefused()
        ):  # fmt: skip
            return _step_moved(plan, event, record.at)
        case e.NodeEnded() | e.NodeHeld() | e.NodeCutShort():
            return _node_moved(plan, event, record.at)
        case _:
            return plan


def _freed(plan: Plan, event: Any) -> Plan:
    """The plan without what an event settles of what it was held for, in its next state."""
    match event:
        case e.StepStarted() | e.StepDone() | e.StepWaived():
            freed = {event.step, STALLED}
        case e.PlanResumed(rule):
            freed = {f"{RULE}{rule}", rule}
        case e.NodeEnded(node):
            steps = plan.routes.of_node.get(node, ())
            freed = {*steps, *plan.routes.latent.get(node, ()), STALLED}
        case _:
            freed = set()
    hit = freed & plan.holding.keys()
    if hit:
        holding = {name: why for name, why in plan.holding.items() if name not in hit}
        plan = replace(plan, holding=holding)
    # One thing that is dealt with does not free a plan that another one holds. A held node holds its own
    # branch only.
    left = [name for name in plan.holding if holds_all(plan, name)]
    if freed and left and plan.state is PlanState.HELD:
        return plan
    return replace(plan, state=PLAN_TRANSITIONS.get((plan.state, type(event)), plan.state))


def holds_all(plan: Plan, name: str) -> bool:
    """Whether the whole plan waits for this one of its `holding`, and not a branch of it only."""
    return not plan.nodes or name.startswith(RULE) or name in (STALLED, FAILURES)


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
    gates = plan.gates
    if event.step in gates:
        gates = {key: gate for key, gate in gates.items() if key != event.step}
    if isinstance(event, e.StepStarted):
        now = StepProgress(state, event.attempt, at)
        if step is not None and step.kind == "gate":
            begun = GateProgress(step.id, step.probes, step.window_ms, step.min_samples)
            gates = {**gates, step.id: begun}
    else:
        facts = event.facts if isinstance(event, e.StepDone) else {}
        refused = isinstance(event, e.StepRefused)
        now = replace(
            was, state=state, ended_at=at, evidence=_told(event), facts=facts, refused=refused
        )
    ripe = plan.ripe - {event.step}
    if step is not None and step.latent:
        ripe -= {*plan.routes.of_node.get(step.node, ())}
    active = plan.active | {event.step}
    if state not in (StepState.RUNNING, StepState.UNKNOWN):
        active = plan.active - {event.step}
    ended = state in OVER and was.state not in OVER and step is not None and not step.latent
    plan = replace(
        plan,
        progress=changed(plan.progress, {event.step: now}),
        gates=gates,
        ripe=ripe,
        active=active,
        open_steps=plan.open_steps - 1 if ended else plan.open_steps,
    )
    if step is not None and step.node:
        plan = _node_followed(plan, step.node, event, at)
    return _ripened(plan, plan.routes.after_step(event.step)) if state in OVER else plan


def _told(event: Any) -> str:
    match event:
        case e.StepDone():
            return event.evidence
        case e.StepWaived():
            return event.reason
        case _:
            return str(event.because)


def _node_followed(plan: Plan, node: str, event: Any, at: datetime) -> Plan:
    """A node moves with its steps; it stays held while another step of it holds it."""
    was = plan.node_at(node)
    if was.state is NodeState.HELD and _still_held(plan, node):
        return plan
    state = NODE_TRANSITIONS.get((was.state, type(event)), was.state)
    if state is was.state:
        return plan
    now = NodeProgress(state, "", was.started_at or at)
    return replace(plan, nodes_at=changed(plan.nodes_at, {node: now}))


def _still_held(plan: Plan, node: str) -> bool:
    steps = (*plan.routes.of_node.get(node, ()), *plan.routes.latent.get(node, ()))
    return any(id in plan.holding for id in steps)


def _node_moved(plan: Plan, event: e.NodeEnded | e.NodeHeld | e.NodeCutShort, at: datetime) -> Plan:
    was = plan.node_at(event.node)
    if was.state in ENDS:
        return plan
    if isinstance(event, e.NodeCutShort):
        return replace(plan, cut=plan.cut | {event.node})
    if isinstance(event, e.NodeHeld):
        held = replace(was, state=NodeState.HELD, because=event.because)
        return replace(
            _unwatched(plan, event.node),
            nodes_at=changed(plan.nodes_at, {event.node: held}),
            holding={**plan.holding, event.step: event.because},
            failures=plan.failures | {event.node},
        )
    state = NodeState(event.state)
    ended = replace(was, state=state, because=event.because, ended_at=at)
    # Whom the deadline forces has not failed: that is what the plan was agreed to do.
    well = state is NodeState.REACHED or (state is NodeState.FORCED and event.node in plan.cut)
    failures = plan.failures if well else plan.failures | {event.node}
    plan = replace(
        _unwatched(plan, event.node),
        nodes_at=changed(plan.nodes_at, {event.node: ended}),
        failures=failures,
        open_nodes=plan.open_nodes - 1,
    )
    return _ripened(plan, plan.routes.after_node(event.node))


def _unwatched(plan: Plan, node: str) -> Plan:
    """Nothing is awaited any more of a step of the node that nobody can know the end of."""
    steps = {*plan.routes.of_node.get(node, ()), *plan.routes.latent.get(node, ())}
    unknown = {one for one in steps if plan.standing(one).state is StepState.UNKNOWN}
    return replace(plan, active=plan.active - unknown)


def _is_past(plan: Plan, node: str) -> bool:
    """Whether no further step of a node begins but its latent ones: it has ended, or one of these has begun."""
    if not node:
        return False
    latent = plan.routes.latent.get(node, ())
    begun = any(plan.standing(id).state is not StepState.WAITING for id in latent)
    return begun or plan.node_at(node).state in ENDS


def _ripened(plan: Plan, candidates: Iterable[str]) -> Plan:
    """The plan with those of the candidates that may start now: of latent steps only those that come after one
    that did."""
    routes = plan.routes

    def ended(node: str) -> bool:
        return plan.node_at(node).state in ENDS

    def ready(id: str) -> bool:
        mine = routes.steps[id].node

        def done(step: str) -> bool:
            if plan.standing(step).state in OVER:
                return True
            # Of a node that has ended otherwise nothing more is done: who is in a circle with it goes on without.
            other = routes.steps[step].node if step in routes.steps else ""
            return other not in ("", mine) and ended(other)

        return routes.ready(id, done, ended)

    found = [
        id
        for id in candidates
        if plan.standing(id).state is StepState.WAITING
        and (routes.steps[id].after or not routes.steps[id].latent)
        and (routes.steps[id].latent or not _is_past(plan, routes.steps[id].node))
        and ready(id)
    ]
    return replace(plan, ripe=plan.ripe | set(found)) if found else plan

"""From plans to what faces show of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from allstop.application.plan_phases import new_phases, phase_lines
from allstop.application.plan_shapes import (
    BiteLine,
    NodeLine,
    OutlookLine,
    PlanPreview,
    PlanView,
    StepLine,
)
from allstop.application.work_shaping import signature_lines
from allstop.domain.approvals import Need, waits_for
from allstop.domain.deciding.node_running import TAKING_ROOM
from allstop.domain.deciding.plan_drawing import drawn_hash
from allstop.domain.fleet.expected import OTHER_MS, expected_ms
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, words
from allstop.domain.plan.events import Bite, Node, Step
from allstop.domain.plan.lifecycle import ENDS, PlanState, StepState
from allstop.domain.plan.state import OVER, Plan
from allstop.domain.planning.drawn import Drawn
from allstop.domain.policy import ACTIONS, Policy
from allstop.domain.world import World

# Node, what is proven, and whether the step is latent.
Looks = frozenset[tuple[str, str, bool]]


def plan_view(plan: Plan, world: World, policy: Policy, incident: Incident | None) -> PlanView:
    """incident: whose plan it is, to tell whether it was made before that one was reopened."""
    held, looks = policy.fleet.limits.approval_ms, _looks(plan.steps)
    return PlanView(
        plan.id, plan.incident, plan.purpose, plan.title, plan.state.value, plan.hash, plan.approve,
        plan.approved_by, plan.held_because, tuple(_step(plan, step, looks) for step in plan.steps),
        plan.risk, plan.people, plan.reviewers, signature_lines(plan.signatures), plan.because,
        waits_for(plan) if plan.state is PlanState.PROPOSED else "", plan.review_by,
        incident is not None and plan.round < len(incident.reopened),
        tuple(_node(plan, node) for node in plan.nodes), _bites(plan.bites),
        _outlook(plan.outlook) if plan.outlook else None, bool(plan.asked),
        after(plan.approved_at, held) if plan.asked and plan.approved_at else None,
        plan.started_at, plan.ended_at, rest_ms(plan, world, policy), _counts(plan),
        tuple(plan.holding), phases=phase_lines(plan),
    )  # fmt: skip


def preview(drawn: Drawn, purpose: str, need: Need) -> PlanPreview:
    """A plan that was drawn and not made."""
    looks = _looks(drawn.steps)
    by_node: dict[str, list[str]] = {}
    for step in drawn.steps:
        if not step.latent:
            by_node.setdefault(step.node, []).append(step.id)
    return PlanPreview(
        purpose, drawn.title, drawn_hash(drawn), need.words(), need.because,
        tuple(_new_node(node, by_node) for node in drawn.nodes),
        tuple(_new_step(step, looks) for step in drawn.steps), _bites(drawn.bites), _outlook_of(drawn.outlook),
        new_phases(drawn.phases),
    )  # fmt: skip


def rest_ms(plan: Plan, world: World, policy: Policy) -> int | None:
    """What is expected to be left: the longest path over the nodes that have not ended, by learned times.

    Limits are left out, so with few hands it takes longer. None for a plan without nodes, or one that ended.
    """
    if not plan.nodes or plan.ended_at is not None:
        return None
    takes = _taker(world, policy)
    own = {
        node.id: sum(takes(plan.routes.steps[step]) for step in _to_come(plan, node.id))
        for node in plan.nodes
        if plan.node_at(node.id).state not in ENDS
    }
    waits = {
        node.id: sum(one in own for one in node.after) for node in plan.nodes if node.id in own
    }
    begins, whole = dict.fromkeys(own, 0), 0
    ready = [id for id, count in waits.items() if count == 0]
    while ready:
        id = ready.pop()
        ends = begins[id] + own[id]
        whole = max(whole, ends)
        for one in plan.routes.waiting.get(id, ()):
            begins[one] = max(begins[one], ends)
            waits[one] -= 1
            if waits[one] == 0:
                ready.append(one)
    return whole


def _to_come(plan: Plan, node: str) -> list[str]:
    """Steps that are not over, those to be repeated included; and rescues that are under way."""
    steps = [
        one for one in plan.routes.of_node.get(node, ()) if plan.standing(one).state not in OVER
    ]
    rescues = plan.routes.rescues.get(node, {}).values()
    return [*steps, *(one for one in rescues if one in plan.active)]


def _taker(world: World, policy: Policy) -> Callable[[Step], int]:
    services = {service.name: service for service in policy.fleet.services}

    def takes(step: Step) -> int:
        if step.kind == "gate":
            return step.window_ms
        if step.kind not in TAKING_ROOM:
            # The coordinator's own takes no time, and nobody knows how long a person needs.
            return 0
        service = services.get(step.service)
        return expected_ms(world.durations, service, step.action) if service else OTHER_MS

    return takes


def _counts(plan: Plan) -> dict[str, int] | None:
    if not plan.nodes:
        return None
    return dict(Counter(plan.node_at(node.id).state.value for node in plan.nodes))


def _looks(steps: tuple[Step, ...]) -> Looks:
    """The measurements that are steps of their own: what a node proves, and whether only when it has failed."""
    return frozenset((one.node, one.action, one.latent) for one in steps if one.kind == "probe")


def _proven(step: Step, looks: Looks) -> bool:
    """Whether anything looks past the actuator: the step itself, or a later one of its node."""
    if step.proof is not None or step.kind != "act":
        return True
    proof = ACTIONS[step.action][1] if step.action in ACTIONS else ""
    return (step.node, proof, step.latent) in looks


def _step(plan: Plan, step: Step, looks: Looks) -> StepLine:
    standing, gate = plan.standing(step.id), plan.gates.get(step.id)
    far = ""
    if gate is not None:
        stable = f"stable {words(gate.stable_ms)} of {words(gate.window_ms)}"
        far = f"{gate.good_run} of {gate.min_samples} good samples, {stable}"
    return StepLine(
        step.id, step.kind, step.title, step.service, standing.state.value, step.after,
        standing.evidence, far, step.node, step.latent, _proven(step, looks),
        step.inverse is not None, _role(step),
    )  # fmt: skip


def _role(step: Step) -> str:
    return str(step.options.get("role", "")) if step.kind == "task" else ""


def _new_step(step: Step, looks: Looks) -> StepLine:
    return StepLine(
        step.id, step.kind, step.title, step.service, StepState.WAITING.value, step.after, "", "",
        step.node, step.latent, _proven(step, looks), step.inverse is not None,
        _role(step),
    )  # fmt: skip


def _node(plan: Plan, node: Node) -> NodeLine:
    at = plan.node_at(node.id)
    return NodeLine(
        node.id, node.service, at.state.value, at.because, node.after, node.on_failure, node.rank,
        node.lacking, plan.routes.of_node.get(node.id, ()), at.started_at, at.ended_at,
    )  # fmt: skip


def _new_node(node: Node, steps: Mapping[str, list[str]]) -> NodeLine:
    return NodeLine(
        node.id, node.service, "waiting", "", node.after, node.on_failure, node.rank, node.lacking,
        tuple(steps.get(node.id, ())),
    )  # fmt: skip


def _bites(bites: tuple[Bite, ...]) -> tuple[BiteLine, ...]:
    return tuple(BiteLine(one.rule, one.subject, one.text) for one in bites)


def _outlook_of(outlook: Any) -> OutlookLine:
    return OutlookLine(
        outlook.whole_ms, outlook.bound_ms, outlook.critical, outlook.radius, outlook.units,
        outlook.dropped, outlook.at_risk, outlook.forced, outlook.lacking,
        notes=outlook.notes, learned=outlook.learned, late=outlook.late,
    )  # fmt: skip


def _outlook(found: Mapping[str, Any]) -> OutlookLine:
    """As the log keeps it."""
    return OutlookLine(
        found.get("whole_ms", 0), found.get("bound_ms", 0), tuple(found.get("critical", ())),
        tuple(found.get("radius", ())), tuple(tuple(one) for one in found.get("units", ())),
        tuple((one[0], one[1]) for one in found.get("dropped", ())), tuple(found.get("at_risk", ())),
        tuple(found.get("forced", ())), tuple(found.get("lacking", ())),
        notes=tuple(found.get("notes", ())), learned=tuple(found.get("learned", ())),
        late=tuple(found.get("late", ())),
    )  # fmt: skip

"""The nodes of a running plan: what may start now, how a node ends, and what a failure in one means.

A failure holds a branch, never the fleet: what waits for the node waits, everything else goes on.
"""

from __future__ import annotations

from allstop.domain.draft import Draft
from allstop.domain.fleet.estimating import Limits, Site, Tokens
from allstop.domain.plan import events as e
from allstop.domain.plan.lifecycle import ENDS, NodeState, PlanState, StepState
from allstop.domain.plan.state import FAILURES, OVER, STALLED, Plan
from allstop.domain.record import plan_stream

# Steps that keep data whole. When one fails, nobody forces anything: what waits for it waits.
DATA_ACTIONS = frozenset({"fence", "flush", "snapshot", "verify-snapshot"})
# Steps that only make it gentler: whose policy is to force, or to go on, does so without them.
GENTLE_ACTIONS = frozenset({"quiesce", "drain"})


def startable(plan: Plan) -> list[e.Step]:
    """The steps that start now: all that are ready and have room, the most urgent first."""
    if not plan.ripe:
        return []
    nodes = plan.routes.nodes
    tokens = Tokens(
        Limits(
            plan.pace.together, plan.pace.per_host, plan.pace.per_zone, dict(plan.pace.per_adapter)
        )
    )
    for id in plan.active:
        step = plan.routes.steps[id]
        if step.kind != "gate":
            tokens.take(_site(plan, step))
    ready = [plan.routes.steps[id] for id in plan.ripe]
    ready.sort(key=lambda step: (*_urgency(nodes.get(step.node)), step.id))
    found = []
    for step in ready:
        site = _site(plan, step)
        if step.kind == "gate":
            found.append(step)
        elif tokens.room(site):
            tokens.take(site)
            found.append(step)
    return found


def _urgency(node: e.Node | None) -> tuple[int, int]:
    return (node.rank, -node.remaining_ms) if node is not None else (0, 0)


def _site(plan: Plan, step: e.Step) -> Site:
    node = plan.routes.nodes.get(step.node)
    return Site(node.host, node.zone, step.adapter) if node else Site(adapter=step.adapter)


def node_step_done(draft: Draft, plan_id: str, step_id: str) -> None:
    """A step of a node has ended well: the node may have, too."""
    plan = draft.world.plans[plan_id]
    step = plan.routes.steps[step_id]
    if plan.node_at(step.node).state in ENDS:
        return
    stream, standing = plan_stream(plan_id), plan.standing(step_id)
    if step.latent:
        state = NodeState.ISOLATED if step.action == "isolate" else NodeState.FORCED
        if standing.state is StepState.WAIVED:
            state = NodeState.LEFT
        draft.emit(stream, e.NodeEnded(step.node, state, standing.evidence))
        return
    steps = plan.routes.of_node[step.node]
    if any(plan.standing(one).state not in OVER for one in steps):
        return
    waived = [one for one in steps if plan.standing(one).state is StepState.WAIVED]
    text = plan.standing(steps[-1]).evidence
    if waived:
        text = f"{text}; without {', '.join(waived)}"
    # What makes it gentle or keeps data safe may be waived; the end itself cannot be claimed then.
    spared = GENTLE_ACTIONS | DATA_ACTIONS
    missed = any(plan.routes.steps[one].action not in spared for one in waived)
    # What cannot be stopped is cut off instead, and that is not the same.
    instead = plan.purpose == "stop" and plan.routes.steps[steps[-1]].action == "isolate"
    state = NodeState.ISOLATED if instead else NodeState.REACHED
    draft.emit(stream, e.NodeEnded(step.node, NodeState.LEFT if missed else state, text))


def node_step_failed(draft: Draft, plan_id: str, step_id: str, because: str) -> bool:
    """What a failure means by the node's policy. Returns whether a person has to look now."""
    plan = draft.world.plans[plan_id]
    step = plan.routes.steps[step_id]
    node = plan.routes.nodes[step.node]
    policy, stream = node.on_failure, plan_stream(plan_id)
    if plan.node_at(node.id).state in ENDS:
        return False
    if step.action in GENTLE_ACTIONS and policy in ("force", "continue"):
        text = f"its policy is to {policy}: {because}"
        draft.emit(stream, e.StepWaived(step_id, text))
        node_step_done(draft, plan_id, step_id)
        return False
    if step.action not in DATA_ACTIONS and not step.latent:
        rescue = plan.routes.rescues.get(node.id, {})
        wanted = {"force": "kill", "isolate": "isolate"}.get(policy, "")
        if plan.state is not PlanState.RUNNING:
            because = f"{because}; the plan is {plan.state}, so nothing more was tried"
        elif wanted in rescue and plan.standing(rescue[wanted]).state is StepState.WAITING:
            draft.emit(stream, e.StepStarted(rescue[wanted], 1))
            return False
        if policy == "continue":
            draft.emit(stream, e.NodeEnded(node.id, NodeState.LEFT, because))
            return True
    draft.emit(stream, e.NodeHeld(node.id, step_id, because))
    if policy == "abort":
        text = f"{node.id} failed, and its policy is to stop everything: {because}"
        draft.emit(stream, e.PlanHeld(FAILURES, text))
    return True


def hold_by_failures(draft: Draft, plan_id: str) -> str:
    """Hold the plan before anything more starts when too many nodes have failed. Returns why, or empty."""
    plan = draft.world.plans[plan_id]
    most = plan.pace.failures
    if plan.state is not PlanState.RUNNING or FAILURES in plan.violated or not most:
        return ""
    if len(plan.failures) < most:
        return ""
    text = f"{len(plan.failures)} nodes failed, {most} is the limit: {_few(plan.failures)}"
    draft.emit(plan_stream(plan_id), e.PlanHeld(FAILURES, text))
    return text


def hold_where_stuck(draft: Draft, plan_id: str) -> str:
    """Hold the plan when nothing of it can go on. Returns why, or empty."""
    plan = draft.world.plans[plan_id]
    if plan.state is not PlanState.RUNNING or plan.finished or plan.active or plan.ripe:
        return ""
    held = {id for id, at in plan.nodes_at.items() if at.state is NodeState.HELD}
    text = f"nothing of it can go on: {_few(held)} held"
    draft.emit(plan_stream(plan_id), e.PlanHeld(STALLED, text))
    return text


def _few(names: frozenset[str] | set[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return f"{', '.join(shown[:5])}{more}"

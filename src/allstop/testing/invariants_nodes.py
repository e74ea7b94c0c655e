"""What must hold of plans made of nodes: order between nodes, branches that stand, ends that were seen."""

from __future__ import annotations

from collections.abc import Iterator

from allstop.domain.deciding.node_running import DATA_ACTIONS, GENTLE_ACTIONS, LOOKS
from allstop.domain.plan import events as p
from allstop.domain.plan.lifecycle import ENDS, NodeState, StepState
from allstop.domain.plan.routes import NODE
from allstop.domain.plan.state import OVER, Plan
from allstop.testing.traces import Trace

Found = Iterator[tuple[str, object]]


def awaited(plan: Plan, step: str) -> Iterator[str]:
    """Everything that must be over before a step begins: steps, and nodes as `node:ID`."""
    one = plan.routes.steps[step]
    yield from one.after
    node = plan.routes.nodes.get(one.node)
    yield from (f"{NODE}{id}" for id in (node.after if node and not one.latent else ()))


def over(plan: Plan, what: str, step: str) -> bool:
    """Whether what a step waits for is over. Of another node that has ended, everything is."""
    if what.startswith(NODE):
        return plan.node_at(what.removeprefix(NODE)).state in ENDS
    steps = plan.routes.steps
    other = steps[what].node if what in steps and steps[what].node != steps[step].node else ""
    gone = bool(other) and plan.node_at(other).state in ENDS
    return gone or plan.standing(what).state in OVER


def branch_stands(plan: Plan, step: str) -> bool:
    """Whether nothing goes on behind a failed step: its node is held, is being rescued, or ended without it."""
    node = plan.routes.steps[step].node
    if not node:
        return False
    state = plan.node_at(node).state
    rescued = any(
        plan.standing(id).state in (StepState.RUNNING, StepState.UNKNOWN, StepState.DONE)
        for id in plan.routes.latent.get(node, ())
    )
    return state is NodeState.HELD or state in ENDS or rescued


def nodes_end_as_seen(trace: Trace) -> Found:
    """S6: a node is reached, forced or isolated only by steps that were seen to be done; waiving is for people."""
    for moment in trace.moments_of(p.StepWaived, p.NodeEnded):
        event, plan = moment.record.event, moment.before.plans.get(moment.id)
        if plan is None:
            continue
        if isinstance(event, p.StepWaived) and moment.record.actor.startswith("agent:"):
            yield f"{event.step} was waived by {moment.record.actor}", moment
        if isinstance(event, p.NodeEnded):
            yield from ((what, moment) for what in _unseen(plan, event))


def _unseen(plan: Plan, event: p.NodeEnded) -> Iterator[str]:
    rescues = plan.routes.rescues.get(event.node, {})
    if event.state in (NodeState.FORCED, NodeState.ISOLATED):
        wanted = "kill" if event.state == NodeState.FORCED else "isolate"
        own = [id for id in plan.routes.of_node.get(event.node, ()) if plan.routes.steps[id].action == wanted]  # fmt: skip
        tried = (rescues.get(wanted, ""), *own)
        if not any(plan.standing(id).state is StepState.DONE for id in tried):
            yield f"{event.node} is {event.state}, and nothing did that"
    if event.state == NodeState.RETURNED:
        way_back = plan.routes.latent.get(event.node, ())
        left = [id for id in way_back if plan.standing(id).state is not StepState.DONE]
        if left or not way_back:
            yield f"{event.node} is returned, and {', '.join(left) or 'no way back'} is not done"
    if event.state != NodeState.REACHED:
        return
    for id in plan.routes.of_node.get(event.node, ()):
        state, action = plan.standing(id).state, plan.routes.steps[id].action
        spared = state is StepState.WAIVED and action in DATA_ACTIONS | GENTLE_ACTIONS | LOOKS
        if state is not StepState.DONE and not spared:
            yield f"{event.node} is reached, and {id} is {state}"

"""The nodes of a running plan: what may start now, how a node ends, and what a failure in one means.

A failure holds a branch, never the fleet: what waits for the node waits, everything else goes on.
"""

from __future__ import annotations

from heapq import heapify, heappop

from allstop.domain.deciding.safe_again import unsafe_now
from allstop.domain.draft import Draft
from allstop.domain.fleet.estimating import Limits, Site, Tokens
from allstop.domain.plan import events as e
from allstop.domain.plan.cutting import KEEPS_DATA
from allstop.domain.plan.lifecycle import ENDS, NodeState, PlanState, StepState
from allstop.domain.plan.routes import TAKING_ROOM as TAKING_ROOM
from allstop.domain.plan.state import FAILURES, OVER, STALLED, Plan
from allstop.domain.record import plan_stream

# Steps that keep data whole. When one fails, nobody forces anything: what waits for it waits.
DATA_ACTIONS = KEEPS_DATA
# Steps that only make it gentler: whose policy is to force, or to go on, does so without them.
GENTLE_ACTIONS = frozenset({"quiesce", "drain"})
# Steps that only look at something for the record: nothing waits for what they cannot see.
LOOKS = frozenset({"history"})
# What a node does whose fix has failed, and the steps whose failure is none of the fix.
FALLBACK = "fallback"
BESIDE_THE_FIX = frozenset({"branch", "push"})


def startable(plan: Plan) -> list[e.Step]:
    """The steps that start now: all that are ready and have room, the most urgent first."""
    if not plan.ripe:
        return []
    routes = plan.routes
    found = [routes.steps[id] for id in plan.ripe & routes.roomless]
    found += _with_room(plan)
    found.sort(key=lambda step: routes.places[step.id])
    return found


def _with_room(plan: Plan) -> list[e.Step]:
    """Of the ripe steps that need room those that have it, the most urgent first."""
    routes, pace = plan.routes, plan.pace
    taking = plan.active - routes.roomless
    wanted = plan.ripe - routes.roomless
    if not (pace.together or pace.per_host or pace.per_zone or pace.per_adapter):
        return [routes.steps[id] for id in wanted]
    free = pace.together - len(taking) if pace.together else len(wanted)
    if free <= 0 or not wanted:
        return []
    tokens = Tokens(Limits(pace.together, pace.per_host, pace.per_zone, dict(pace.per_adapter)))
    for id in taking:
        tokens.take(_site(plan, routes.steps[id]))
    # Thousands may be ready, of which one can go: they are not all put in order for that.
    waiting = list(map(routes.places.__getitem__, wanted))
    heapify(waiting)
    found: list[e.Step] = []
    while waiting and len(found) < free:
        step = routes.by_urgency[heappop(waiting)]
        site = _site(plan, step)
        if tokens.room(site):
            tokens.take(site)
            found.append(step)
    return found


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
    if step.latent and plan.routes.nodes[step.node].on_failure == FALLBACK:
        _fallen_back(draft, plan, step.node)
        return
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
    spared = GENTLE_ACTIONS | DATA_ACTIONS | LOOKS
    missed = any(plan.routes.steps[one].action not in spared for one in waived)
    # What cannot be stopped is cut off instead, and that is not the same.
    instead = plan.purpose == "stop" and plan.routes.steps[steps[-1]].action == "isolate"
    state = NodeState.ISOLATED if instead else NodeState.REACHED
    draft.emit(stream, e.NodeEnded(step.node, NodeState.LEFT if missed else state, text))


def node_step_failed(draft: Draft, plan_id: str, step_id: str, because: str) -> str:
    """What a failure means by the node's policy. Returns the step a person has to look at now, or empty."""
    plan = draft.world.plans[plan_id]
    step = plan.routes.steps[step_id]
    node = plan.routes.nodes[step.node]
    policy, stream = node.on_failure, plan_stream(plan_id)
    rescued = not step.latent and being_rescued(plan, node.id)
    if rescued or plan.node_at(node.id).state in ENDS:
        return ""
    gentle = step.action in GENTLE_ACTIONS and policy in ("force", "continue")
    if gentle or step.action in LOOKS:
        text = f"its policy is to {policy}: {because}" if gentle else f"it only looks: {because}"
        draft.emit(stream, e.StepWaived(step_id, text))
        node_step_done(draft, plan_id, step_id)
        return ""
    if policy == FALLBACK and not step.latent and step.action not in BESIDE_THE_FIX:
        if plan.state is PlanState.RUNNING:
            _fall_back(draft, plan, node.id)
            return ""
        because = f"{because}; the plan is {plan.state}, so nothing more was tried"
    if step.action not in DATA_ACTIONS and not step.latent:
        rescue = plan.routes.rescues.get(node.id, {})
        wanted = {"force": "kill", "isolate": "isolate"}.get(policy, "")
        if plan.state is not PlanState.RUNNING:
            because = f"{because}; the plan is {plan.state}, so nothing more was tried"
        elif wanted in rescue and plan.standing(rescue[wanted]).state is StepState.WAITING:
            return _rescued(draft, plan, rescue[wanted])
        if policy == "continue":
            draft.emit(stream, e.NodeEnded(node.id, NodeState.LEFT, because))
            return step_id
    draft.emit(stream, e.NodeHeld(node.id, step_id, because))
    if policy == "abort":
        text = f"{node.id} failed, and its policy is to stop everything: {because}"
        draft.emit(stream, e.PlanHeld(FAILURES, text))
    return step_id


def _rescued(draft: Draft, plan: Plan, rescue: str) -> str:
    """Begin what is left to do, unless a safety rule is against it by now. Returns it if a person has to look."""
    step, stream = plan.routes.steps[rescue], plan_stream(plan.id)
    incident = draft.incident(plan.incident, must_be_open=False)
    unsafe = unsafe_now(draft.world, draft.policy(incident), incident, plan, step)
    if not unsafe:
        draft.emit(stream, e.StepStarted(rescue, 1))
        return ""
    draft.emit(stream, e.StepRefused(rescue, unsafe))
    draft.emit(stream, e.NodeHeld(step.node, rescue, unsafe))
    return rescue


def _fall_back(draft: Draft, plan: Plan, node: str) -> None:
    """The fix has failed: the way back begins. What comes after its first steps becomes ready by itself."""
    for id in plan.routes.latent.get(node, ()):
        first = not plan.routes.steps[id].after
        if first and plan.standing(id).state is StepState.WAITING:
            draft.emit(plan_stream(plan.id), e.StepStarted(id, 1))


def _fallen_back(draft: Draft, plan: Plan, node: str) -> None:
    """A step of the way back is over: so is the node, once all of them are."""
    steps = plan.routes.latent[node]
    if any(plan.standing(id).state not in OVER for id in steps):
        return
    waived = [id for id in steps if plan.standing(id).state is StepState.WAIVED]
    text = f"the fix failed; {plan.standing(steps[-1]).evidence}"
    if waived:
        text = f"{text}; without {', '.join(waived)}"
    state = NodeState.LEFT if waived else NodeState.RETURNED
    draft.emit(plan_stream(plan.id), e.NodeEnded(node, state, text))


def being_rescued(plan: Plan, node: str) -> bool:
    """Whether a kill or an isolation of it is under way: how its other steps end no longer matters."""
    under_way = (StepState.RUNNING, StepState.UNKNOWN)
    return any(plan.standing(id).state in under_way for id in plan.routes.latent.get(node, ()))


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

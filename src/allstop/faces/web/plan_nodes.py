"""A plan of nodes as its card shows it: counted, what matters first, the rest folded, commands to copy."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from allstop.application.plan_shapes import NodeLine, PlanView, StepLine
from allstop.domain.moment import between

# In the order in which a person wants to see them; the first six need a look, whatever the size of the plan.
STATES = ("held", "running", "forced", "isolated", "returned", "left", "waiting", "reached")
MATTERS = STATES[:6]
OVER = frozenset({"forced", "isolated", "returned", "left", "reached"})
# As many nodes are listed one by one, as many stand in each fold; `allstop plan show` has them all.
LISTED = 16
FOLDED = 150
FEW = 5
# More commands than a person copies at once only push away what they are for.
ADVISED = 4
WHY = '--because "why"'
SECOND = 1000


@dataclass(frozen=True, slots=True)
class NodeShown:
    """One node. steps: of one that runs or is held; waits: nodes it waits for that have not ended, the first
    few, and how many more; commands: what a person can do about one that is held; longest: it is on the longest
    path, which nothing makes shorter."""

    line: NodeLine
    steps: tuple[StepLine, ...]
    waits: tuple[str, ...]
    more: int
    commands: tuple[str, ...]
    longest: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """A plan under way against what was expected, in milliseconds. over: how much longer than expected it will
    take; only what a person would call longer."""

    spent: int
    rest: int
    expected: int
    over: int


@dataclass(frozen=True, slots=True)
class Fold:
    """Nodes of one state that are not listed. more: how many are only counted."""

    state: str
    count: int
    nodes: tuple[NodeShown, ...]
    more: int


@dataclass(frozen=True, slots=True)
class NodesShown:
    """counts: of nodes by state, none of them 0; over: how many have ended; commands: about the whole plan.

    trouble: the command that helps what is held, and why; None when nothing is; run: the one that starts it, empty
    when it cannot start now; pace: of one that is under way.
    """

    counts: tuple[tuple[str, int], ...]
    over: int
    listed: tuple[NodeShown, ...]
    folds: tuple[Fold, ...]
    commands: tuple[str, ...]
    trouble: tuple[str, str] | None
    run: str
    pace: Pace | None = None


def laid_out(
    plan: PlanView, holding: Collection[str], now: datetime, *, opened: bool
) -> NodesShown:
    """holding: what the plan is held for, steps and `failures` or `rule:ID`; opened: its incident is open."""
    counts = Counter(node.state for node in plan.nodes)
    acting = opened and not plan.earlier and plan.state not in ("done", "aborted")
    run = f"allstop plan run {plan.id} --follow" if acting and _runnable(plan, now) else ""
    few = len(plan.nodes) <= LISTED
    shown = _shown(plan, acting=acting, few=few)
    # Of a few, the order in which they go says more than their states do.
    shown.sort(key=lambda one: one.line.state != "held" if few else STATES.index(one.line.state))
    chosen = [one for one in shown if few or one.line.state in MATTERS][:LISTED]
    listed = {one.line.id for one in chosen}
    folds = []
    for state in STATES:
        left = [one for one in shown if one.line.state == state and one.line.id not in listed]
        if left:
            folds.append(Fold(state, len(left), tuple(left[:FOLDED]), max(0, len(left) - FOLDED)))
    return NodesShown(
        tuple((state, counts[state]) for state in STATES if counts[state]),
        sum(counts[state] for state in OVER),
        tuple(chosen),
        tuple(folds),
        _commands(plan, holding, run) if acting else (),
        _trouble(plan, holding) if acting else None,
        run,
        _pace(plan, now) if acting else None,
    )


def _pace(plan: PlanView, now: datetime) -> Pace | None:
    """Of a plan that was started; while it is held or paused the rest still has to come."""
    if plan.started_at is None or plan.ended_at is not None or plan.rest_ms is None:
        return None
    spent = max(0, between(plan.started_at, now))
    expected = plan.outlook.whole_ms if plan.outlook else 0
    over = spent + plan.rest_ms - expected
    noticed = expected and over > max(SECOND, expected // 10)
    return Pace(spent, plan.rest_ms, expected, over if noticed else 0)


def _shown(plan: PlanView, *, acting: bool, few: bool) -> list[NodeShown]:
    """Each node behind what it waits for. few: then all steps of a node are shown, else what is not well."""
    steps: dict[str, list[StepLine]] = {}
    for step in plan.steps:
        # What only runs after a failure is of interest once it does.
        if not step.latent or step.state != "waiting":
            steps.setdefault(step.node, []).append(step)
    ended = {node.id for node in plan.nodes if node.state in OVER}
    longest = (
        frozenset(plan.outlook.critical) if plan.outlook and not plan.ended_at else frozenset()
    )
    advised = 0
    found = []
    for node in _in_order(plan.nodes):
        waits = [one for one in node.after if one not in ended] if node.state == "waiting" else []
        own = tuple(steps.get(node.id, ())) if node.state in ("running", "held") else ()
        advice: tuple[str, ...] = ()
        asks = node.state == "held" or _open_task(own) is not None
        if acting and asks and advised < ADVISED:
            advice = _about(plan, own)
            advised += 1
        whole = tuple(one for one in own if few or one.state in ("running", "failed", "unknown"))
        found.append(
            NodeShown(
                node, whole, tuple(waits[:FEW]), max(0, len(waits) - FEW), advice,
                len(longest) > 1 and bool({node.id, node.service} & longest),
            )
        )  # fmt: skip
    return found


def _open_task(steps: Iterable[StepLine]) -> StepLine | None:
    """What waits for a person to do it."""
    return next((one for one in steps if one.kind == "task" and one.state == "running"), None)


def _about(plan: PlanView, steps: Iterable[StepLine]) -> tuple[str, ...]:
    """What a person can do about a node. A step of unknown end is looked at, and its end said; so is a task."""
    task = _open_task(steps)
    if task is not None:
        return (f'allstop plan settle {plan.id} {task.id} --happened --evidence "what you saw"',)
    stuck = next((one for one in steps if one.state in ("failed", "unknown")), None)
    if stuck is None:
        return ()
    settle = f'allstop plan settle {plan.id} {stuck.id} --happened --evidence "what you saw"'
    both = (
        f"allstop plan retry {plan.id} {stuck.id}",
        f"allstop plan waive {plan.id} {stuck.id} {WHY}",
    )
    return (settle, *both) if stuck.state == "unknown" else both


def _runnable(plan: PlanView, now: datetime) -> bool:
    """Whether it waits for nothing but somebody who starts it. An approval that is over starts nothing."""
    if plan.expires_at is not None and plan.expires_at <= now:
        return False
    return plan.asked and (
        plan.state == "approved" or (plan.state == "proposed" and not plan.approve)
    )


def _commands(plan: PlanView, holding: Collection[str], run: str) -> tuple[str, ...]:
    """About the whole plan. How it is approved stands beside who must agree."""
    abort = f"allstop plan abort {plan.id} {WHY}"
    match plan.state:
        case "approved" | "proposed" if plan.asked:
            if not run and plan.state == "approved":
                return (f"allstop approve {plan.id}", abort)
            return (run, abort) if run else (abort,)
        case "running":
            return (f"allstop plan pause {plan.id} {WHY}", abort)
        case "paused":
            return (f"allstop plan resume {plan.id}", abort)
        case "held":
            return (*(f"allstop plan retry {plan.id} {one}" for one in _rules(holding)), abort)
        case _:
            return ()


def _rules(holding: Collection[str]) -> list[str]:
    """What a plan is held for as a whole, and a person can accept."""
    return [one for one in holding if one == "failures" or one.startswith("rule:")]


def _trouble(plan: PlanView, holding: Collection[str]) -> tuple[str, str] | None:
    rules = _rules(holding)
    if plan.state == "held" and rules:
        return f"allstop plan retry {plan.id} {rules[0]}", f"{plan.id} is held: {plan.held_because}"
    held = {node.id: node.because for node in plan.nodes if node.state == "held"}
    for step in plan.steps:
        if step.node in held and step.state in ("failed", "unknown"):
            text = f"{step.node} is held in {plan.id}: {held[step.node]}"
            return f"allstop plan retry {plan.id} {step.id}", text
    return None


def _in_order(nodes: tuple[NodeLine, ...]) -> list[NodeLine]:
    """Each behind what it waits for; of several that could go, the most urgent first."""
    known = {node.id: node for node in nodes}
    left = {node.id: sum(one in known for one in node.after) for node in nodes}
    behind: dict[str, list[str]] = {}
    for node in nodes:
        for one in node.after:
            behind.setdefault(one, []).append(node.id)
    ready = [(node.rank, node.id) for node in nodes if not left[node.id]]
    heapq.heapify(ready)
    found = []
    while ready:
        _, id = heapq.heappop(ready)
        found.append(known[id])
        for one in behind.get(id, ()):
            left[one] -= 1
            if not left[one]:
                heapq.heappush(ready, (known[one].rank, one))
    return found

"""One graph from its beginning to its end, told once whole and once more for every place at which it can be cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from allstop.domain.plan.lifecycle import ENDS, NodeState, PlanState, StepState
from allstop.domain.plan.routes import NODE
from allstop.domain.plan.state import FAILURES, Plan
from allstop.testing.invariants import check
from allstop.testing.invariants_nodes import awaited, over
from allstop.testing.traces import Trace
from tests.simulation.graphs.ground import Cut, Ground, ground_of
from tests.simulation.graphs.outside import Outside
from tests.simulation.graphs.people import next_request, remedy
from tests.simulation.graphs.scenes import scene

# Where a story that goes nowhere is given up: far more than any of them needs.
MOST_DEEDS, MOST_STEPS = 400, 20_000


@dataclass(slots=True)
class Told:
    """One graph. cuts: places at which it was killed, entries: in the log that was not cut; ends: of the nodes,
    in all that was told; at_rest: where they stood when first nothing went on without a person; findings: what does
    not hold."""

    seed: int
    services: int = 0
    edges: int = 0
    entries: int = 0
    cuts: int = 0
    deaths: int = 0
    deeds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    at_rest: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    again: int = 0
    findings: list[str] = field(default_factory=list)


class Stuck(Exception):
    """It does not come to an end; the text says where."""


def tell(seed: int, only: int | None = None) -> Told:
    """The graph of this seed, whole and cut at every entry. only: the one cut with this number, from 1; 0: none."""
    wanted = scene(seed)
    fleet = wanted.fleet
    told = Told(seed, len(fleet.services), sum(len(one.depends) for one in fleet.services))
    base = ground_of(wanted)
    cuts: list[Cut] = []
    base.forks = cuts
    _play(base, told, "whole", [])
    told.entries = len(base.moments)
    for number, cut in enumerate(cuts, 1):
        if only in (None, number):
            told.cuts += 1
            _tell_cut(cut, number, told)
    return told


def _tell_cut(cut: Cut, number: int, told: Told) -> None:
    dice = Random(f"{told.seed}/cut {number}")
    ground = cut.ground
    ground.die(dice.choice((5, 300, 2_000, 20_000)))
    # Now and then it dies again, soon or late.
    later = [dice.randrange(1, 60)] if dice.random() < 0.25 else []
    _play(ground, told, f"cut {number} ({cut.side} entry {cut.entries + cut.lost})", later)


def _play(ground: Ground, told: Told, where: str, later: list[int]) -> None:
    """Go on to the end, and judge."""
    found: list[str] = []
    try:
        _drive(ground, told, later)
    except Stuck as stuck:
        found.append(str(stuck))
    except Exception as error:  # noqa: BLE001  (whatever the core raises is what is looked for)
        found.append(f"raised {type(error).__name__}: {error}")
    found += judged(ground)
    told.findings += [f"{where}: {one}" for one in found]
    told.deaths += ground.deaths
    told.deeds += ground.deeds
    told.faults.update(ground.outside.hits)
    told.broken += len(ground.outside.broken)
    told.again += len(ground.again)
    plan = ground.plan
    if plan is not None:
        told.ends.update(stands(plan))


# --- what happens --------------------------------------------------------------------------------------


def _drive(ground: Ground, told: Told, later: list[int]) -> None:
    steps = 0
    while True:
        steps += 1
        if steps > MOST_STEPS:
            raise Stuck("it goes on and on")
        if later and steps >= later[0]:
            later.pop()
            ground.die(1_000)
        if ground.step():
            continue
        asked = next_request(ground.world, ground.scene.purposes)
        if asked is not None:
            if not ground.do(*asked):
                raise Stuck(f"{asked[0]} was refused: {ground.refused}")
            continue
        plan = ground.plan
        if plan is None or plan.state is PlanState.DONE:
            return
        if not ground.deeds:
            told.at_rest.update(stands(plan))
        at_rest(plan)
        ground.deeds += 1
        asked = remedy(plan, ground.outside)
        if asked is None or ground.deeds > MOST_DEEDS or not ground.do(*asked):
            raise Stuck(f"{plan.id} is {plan.state}, people do not help: {plan.held_because}")


# --- what must hold ------------------------------------------------------------------------------------


def stands(plan: Plan) -> Counter[str]:
    """How many nodes are in which state."""
    return Counter(plan.node_at(node.id).state.value for node in plan.nodes)


def at_rest(plan: Plan) -> None:
    """Nothing goes on by itself: every node has ended, is held, or waits for one that is, or for a person. Raises
    Stuck."""
    if FAILURES in plan.holding:
        return
    standing = {node.id for node in plan.nodes if plan.node_at(node.id).state is NodeState.HELD}
    left = {
        node.id: _waits_for(plan, node.id)
        for node in plan.nodes
        if plan.node_at(node.id).state not in ENDS
    }
    # Whoever waits for one that stands, stands for a reason, and so does whoever waits for that one.
    while more := {id for id, others in left.items() if others & standing} - standing:
        standing |= more
    if idle := sorted(left.keys() - standing):
        raise Stuck(f"{idle[0]} waits for nobody, and does not go on")


def _waits_for(plan: Plan, node: str) -> set[str]:
    """The nodes that must go further before any step of this one can begin."""
    found = set()
    for step in plan.routes.of_node.get(node, ()):
        if plan.standing(step).state is StepState.WAITING:
            open_ones = [one for one in awaited(plan, step) if not over(plan, one, step)]
            found |= {
                one.removeprefix(NODE) if one.startswith(NODE) else plan.routes.steps[one].node
                for one in open_ones
            }
    return found - {node}


def judged(ground: Ground) -> list[str]:
    """What does not hold of one story."""
    found = ground.outside.findings()
    found += [f"run again after its end: {one}" for one in ground.again]
    found += [f"the log leads to another state {one}" for one in ground.differed]
    plan = ground.plan
    if plan is None or plan.state is not PlanState.DONE:
        return [*found, "the plan was not done"]
    found += list(untrue(ground.outside, plan))
    trace = Trace(tuple(one.record for one in ground.moments), ground.book, folded=ground.moments)
    return found + [str(one) for one in check(trace)]


def untrue(outside: Outside, plan: Plan) -> Iterator[str]:
    """What the plan says of a node, and the world does not."""
    wanted = plan.purpose != "stop"
    for node in plan.nodes:
        state, truth = plan.node_at(node.id).state, outside.truth.get(node.service)
        if state not in ENDS:
            yield f"{node.id} is {state} at the end"
        if truth is None:
            continue
        if state is NodeState.ISOLATED and not truth.isolated:
            yield f"{node.id} is called isolated, and is not"
        if state in (NodeState.REACHED, NodeState.FORCED) and truth.up is not wanted and not _settled_so(plan, node.id):  # fmt: skip
            yield f"{node.id} is called {state}, and is {'up' if truth.up else 'down'}"


def _settled_so(plan: Plan, node: str) -> bool:
    """Whether a person said how a step of it ended: then the person is believed."""
    steps = (*plan.routes.of_node.get(node, ()), *plan.routes.rescues.get(node, {}).values())
    return any("person:" in plan.standing(id).evidence for id in steps)

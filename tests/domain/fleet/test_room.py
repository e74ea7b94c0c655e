"""Which steps start now: the most urgent first, as far as there is room in all, on a host, in a zone, for an adapter."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from allstop.domain.deciding.node_running import startable
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.events import Pace, Step
from allstop.domain.plan.state import Plan
from allstop.domain.policy import Fleet
from tests.domain.fleet.fleets import random_fleet
from tests.domain.fleet.ground import Ground


def by_going_through_all(plan: Plan) -> list[str]:
    """The same, told plainly: everything that is ready in its order, each judged by what is under way by then."""
    pace, nodes = plan.pace, plan.routes.nodes
    held: Counter[tuple[str, str]] = Counter()

    def limits(step: Step) -> list[tuple[tuple[str, str], int]]:
        node = nodes.get(step.node)
        host, zone = (node.host, node.zone) if node else ("", "")
        rows = [
            (("together", ""), pace.together),
            (("host", host), pace.per_host if host else 0),
            (("zone", zone), pace.per_zone if zone else 0),
            (("adapter", step.adapter), pace.per_adapter.get(step.adapter, 0)),
        ]
        return [(key, limit) for key, limit in rows if limit]

    def urgency(step: Step) -> tuple[int, int, str]:
        node = nodes.get(step.node)
        return (node.rank, -node.remaining_ms, step.id) if node else (0, 0, step.id)

    for id in plan.active:
        step = plan.routes.steps[id]
        if step.kind in ("act", "probe"):
            held.update(key for key, _ in limits(step))
    found = []
    for step in sorted((plan.routes.steps[id] for id in plan.ripe), key=urgency):
        takes = step.kind in ("act", "probe")
        if takes and any(held[key] >= limit for key, limit in limits(step)):
            continue
        held.update(key for key, _ in limits(step) if takes)
        found.append(step.id)
    return found


def somewhere_in_between(seed: int, dice: Random) -> Plan:
    """A plan over a random fleet with hosts and zones, and random steps that are ready or under way."""
    fleet = random_fleet(seed, 40)
    spread = tuple(
        replace(one, host=dice.choice(("", "h1", "h2")), zone=dice.choice(("", "z1", "z2")))
        for one in fleet.services
    )
    plan = Ground(Fleet(spread)).declared().drawn(Asked("stop", ("all",)))
    kinds = {step.id: dice.choice(("act", "act", "act", "gate", "task")) for step in plan.steps}
    steps = {id: replace(step, kind=kinds[id]) for id, step in plan.routes.steps.items()}
    ids = dice.sample(sorted(steps), 60)
    pace = Pace(
        dice.choice((0, 1, 8, 32)), dice.choice((0, 0, 3)), dice.choice((0, 0, 4)),
        dice.choice(({}, {"script": 5}, {"another": 1})),
    )  # fmt: skip
    under_way = frozenset(ids[: dice.randrange(20)])
    return replace(
        plan, pace=pace, routes=replace(plan.routes, steps=steps), active=under_way,
        ripe=frozenset(ids[20:]),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_those_start_that_have_room_in_the_order_of_their_urgency(seed: int) -> None:
    plan = somewhere_in_between(seed, Random(seed))
    assert [step.id for step in startable(plan)] == by_going_through_all(plan)


def test_where_nothing_is_ready_nothing_starts() -> None:
    plan = somewhere_in_between(1, Random(1))
    assert startable(replace(plan, ripe=frozenset())) == []

"""The timekeeper: everything that falls due, once, however long nobody watched the clock."""

from __future__ import annotations

import asyncio
from collections import Counter

from allstop.application.timekeeper import AFTER_REFUSAL_MS, LONGEST_SLEEP_MS
from allstop.domain.incident.commands import AcknowledgeIncident
from allstop.domain.plan.commands import MakePlan
from allstop.testing.simulator.virtual_time import HOUR
from tests.application.ground import SECOND, House, told
from tests.domain.builders import MINUTE


def missed(house: House) -> Counter[str]:
    return Counter(one.body for one in house.store.records() if one.kind == "deadline.missed")


@told
async def test_after_a_downtime_everything_is_caught_up_with_once(house: House) -> None:
    """Given three hours in which nobody was there, when a coordinator starts, and another one after it,
    then each deadline was missed once, each with its own time, and an update was asked for once."""
    await house.register()
    await house.declare()
    house.time.move_to(house.time.us + 3 * HOUR)
    for _ in range(2):
        await house.begin()
        async with house.working(house.timekeeper.run):
            await house.wait(60 * SECOND)

    incident = house.world.incidents["INC-1"]
    assert incident.missed == {"acknowledge", "update:1", "target:contain", "target:resolve"}
    assert set(missed(house).values()) == {1}
    assert len(missed(house)) == len(incident.missed)
    assert house.kinds().count("update.requested") == 1
    assert house.kinds().count("agent.unaccounted") == 2


@told
async def test_it_sleeps_until_the_next_thing_is_due(house: House) -> None:
    """Given nothing due, then it looks again after its longest sleep; given a deadline near, then then."""
    keeper = house.timekeeper
    assert await keeper.tick() == LONGEST_SLEEP_MS
    await house.declare()
    while await keeper.tick() == 0:
        pass
    await house.wait(2 * MINUTE - 1500)

    assert await keeper.tick() == 1500
    assert house.world.incidents["INC-1"].remedy is None
    await house.wait(1500)
    assert await keeper.tick() == 0
    assert house.world.incidents["INC-1"].remedy is not None


@told
async def test_a_commit_wakes_it(house: House) -> None:
    """Given a sleeping timekeeper, when an incident is declared, then its plan is made at once."""
    async with house.working(house.timekeeper.run):
        await house.wait(100)
        await house.declare()
        await house.wait(1)

    assert "contain" in {plan.purpose for plan in house.world.plans.values()}


@told
async def test_a_due_command_that_is_refused_is_not_asked_for_in_a_loop(house: House) -> None:
    """Given a person who is a moment faster, when the same command falls due, then it is refused, and the
    timekeeper waits before it looks again."""
    await house.declare()
    asked = asyncio.ensure_future(house.do(MakePlan("INC-1", "contain")))
    await asyncio.sleep(0)
    pause = await house.timekeeper.tick()
    await asked

    assert pause == AFTER_REFUSAL_MS
    assert len(house.world.plans) == 1
    assert house.store.refusals() == []


@told
async def test_a_full_disk_does_not_end_it_nor_make_it_spin(house: House) -> None:
    """Given a disk without space, when something is due, then it is tried now and then, and done as soon
    as there is space."""
    await house.declare()
    house.crash.full = True
    async with house.working(house.timekeeper.run):
        await house.wait(10 * SECOND)
        tries = house.crash.seen.count("timekeeper.due")
        house.crash.full = False
        await house.wait(2 * SECOND)

    assert 5 <= tries <= 15
    assert list(house.world.plans) == ["PLAN-1"]


@told
async def test_what_was_done_in_time_is_not_missed(house: House) -> None:
    """Given an acknowledgement before its deadline, when the deadline passes, then nothing is missed."""
    await house.declare()
    async with house.working(house.timekeeper.run):
        await house.do(AcknowledgeIncident("INC-1"))
        await house.wait(6 * MINUTE)

    assert "acknowledge" not in house.world.incidents["INC-1"].missed

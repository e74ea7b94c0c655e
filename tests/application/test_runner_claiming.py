"""The runner and what is claimed for it: with the write that asks, as long as it has a place."""

from __future__ import annotations

from allstop.application.ports import EffectState
from allstop.application.runner import PLACES
from allstop.domain.effects import Lane, retry
from allstop.domain.incident.commands import PostUpdate
from allstop.domain.plan.commands import MakePlan, StartPlan
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.principal import TIMEKEEPER
from tests.application.ground import SECOND, House, Never, isolating_by, told


def commits(house: House) -> int:
    return house.crash.seen.count("store.after-commit")


@told
async def test_a_step_costs_one_sync_for_its_start_and_one_for_its_end(house: House) -> None:
    """Given a runner at work, when a plan of one step runs, then its start claims the step, before the adapter is
    called, and one more write holds what it did; the news of it cost one more, to note that they were sent."""
    await house.begin(isolating_by("isolate"))
    plan = str((await house.do(MakePlan(await house.declare(), "contain"), TIMEKEEPER))["plan"])
    async with house.working(house.runner.run):
        await house.wait(SECOND)
        before, sent = commits(house), house.states("post").count(EffectState.DONE)
        await house.do(StartPlan(plan), TIMEKEEPER)
        assert commits(house) == before + 1
        assert house.row("isolate").state is EffectState.CLAIMED
        await house.wait(SECOND)
    news = house.states("post").count(EffectState.DONE) - sent
    assert news > 0
    assert commits(house) == before + 2 + news
    assert house.world.plans[plan].state is PlanState.DONE
    assert house.outside.calls("isolate") == ["act"]


@told
async def test_what_finds_no_place_waits_and_has_its_turn(house: House) -> None:
    """Given more messages than there are places for, when those under way come to an end, then the others are
    sent as well, and never more at once than there are places."""
    places = next(one.count for one in PLACES if Lane.PAGE in one.lanes)
    house.outside.acts["post"] = [Never]
    await house.declare()
    runner = house.runner
    async with house.working(runner.run):
        await house.wait(SECOND)
        for number in range(places + 8):
            await house.do(PostUpdate("INC-1", "fixing", f"message {number}"))
        assert runner.in_flight == house.outside.under_way == places
        assert EffectState.PENDING in house.states("post")
        sent = len(house.outside.calls("post"))
        # Those that hang run into their time-out.
        await house.wait(20 * SECOND)
        assert len(house.outside.calls("post")) > sent + 7
        assert runner.in_flight <= places


@told
async def test_not_now_is_tried_again_by_whoever_was_given_the_claim(house: House) -> None:
    """Given a step that was claimed with its plan's start, when the adapter says "not now", then it is tried
    again after the pause it asked for, as any other."""
    house.outside.acts["isolate"] = [retry("busy", 10 * SECOND), retry("busy", 10 * SECOND)]
    await house.begin(isolating_by("isolate"))
    async with house.working(house.runner.run):
        await house.contain()
        await house.wait(9 * SECOND)
        assert house.outside.calls("isolate") == ["act"]
        await house.wait(2 * SECOND)
        assert house.outside.calls("isolate") == ["act"] * 2
        assert (house.row("isolate").state, house.row("isolate").attempt) == (
            EffectState.PENDING,
            2,
        )


@told
async def test_nothing_is_claimed_for_a_runner_that_is_not_there(house: House) -> None:
    """Given no runner, or one that has ended, when a message is to be sent, then it waits, and has not begun:
    the next runner sends it without looking first."""
    await house.declare()
    await house.do(PostUpdate("INC-1", "fixing", "before"))
    assert set(house.states("post")) == {EffectState.PENDING}
    async with house.working(house.runner.run):
        await house.wait(SECOND)
        assert set(house.states("post")) == {EffectState.DONE}
    await house.wait(SECOND)
    await house.do(PostUpdate("INC-1", "fixing", "after"))
    assert house.row("post").state is EffectState.PENDING
    async with house.working(house.runner.run):
        await house.wait(SECOND)
    assert house.row("post").state is EffectState.DONE
    assert "observe" not in house.outside.calls("post")

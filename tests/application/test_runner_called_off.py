"""The runner and plans that were given up: what has not happened by then is not done any more."""

from __future__ import annotations

from typing import Any

import pytest

from allstop.application.ports import EffectState
from allstop.domain.effects import Outcome, done, failed, retry, unknown
from allstop.domain.plan.commands import AbortPlan
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import Plan
from tests.application.ground import SECOND, House, Never, isolating_by, told
from tests.application.test_runner import STEP


async def aborted_while_it_waits(house: House, verb: str, first: Outcome) -> Plan:
    """A step whose first attempt has ended so; before it is tried again, a person aborts its plan."""
    house.outside.acts[verb] = [first, done("done all the same")]
    await house.begin(isolating_by(verb))
    plan = await house.contain()
    async with house.working(house.runner.run):
        await house.wait(100)
        assert house.row(verb).state is EffectState.PENDING
        await house.do(AbortPlan(plan, "it is the wrong service"))
        await house.wait(120 * SECOND)
    return house.world.plans[plan]


def text_of(house: House) -> str:
    return house.world.plans["PLAN-1"].standing(STEP).evidence


@told
async def test_what_was_not_done_yet_is_not_done_after_an_abort(house: House) -> None:
    """Given "not now", when the plan is aborted before it is tried again, then it is not tried again."""
    plan = await aborted_while_it_waits(house, "isolate", retry("busy", 10 * SECOND))

    assert house.outside.calls("isolate") == ["act", "observe"]
    assert house.row("isolate").state is not EffectState.PENDING
    assert plan.state is PlanState.ABORTED


@pytest.mark.parametrize(("seen", "state"), [
    (done("the route is shut"), StepState.DONE),
    (failed("the route is open"), StepState.FAILED),
    (unknown("cannot see"), StepState.UNKNOWN),
])  # fmt: skip
@told
async def test_what_may_have_happened_before_an_abort_is_looked_at_and_not_repeated(
    house: House, seen: Outcome, state: StepState
) -> None:
    """Given no answer, when the plan is aborted before the next attempt, then what became of the first is on the
    record, and it is not done again."""
    house.outside.observes["isolate"] = [seen]
    plan = await aborted_while_it_waits(house, "isolate", unknown("the line broke"))

    assert "act" not in house.outside.calls("isolate")[1:]
    assert plan.standing(STEP).state is state
    assert house.row("isolate").state not in (EffectState.PENDING, EffectState.CLAIMED)


@told
async def test_a_step_that_was_asked_for_and_not_begun_does_not_begin_after_an_abort(
    house: House,
) -> None:
    """Given a step that nobody has taken up yet, when its plan is aborted, then nothing of it happens."""
    await house.begin(isolating_by("isolate"))
    plan = await house.contain()
    await house.do(AbortPlan(plan, "it is the wrong service"))
    async with house.working(house.runner.run):
        await house.wait(60 * SECOND)

    assert house.outside.calls("isolate") == []
    assert text_of(house) == "not begun: PLAN-1 is aborted"
    assert house.row("isolate").state is EffectState.FAILED


@pytest.mark.parametrize("verb", ["isolate", "rollback"])
@told
async def test_what_a_crash_left_open_is_looked_at_and_not_repeated_after_an_abort(
    house: House, verb: str
) -> None:
    """Given a step under way at a crash, of which no trace is found, when its plan was aborted first, then the
    next coordinator looks, and does not do it again."""
    house.outside.acts[verb] = [Never, done("done again")]
    await house.begin(isolating_by(verb))
    plan = await house.contain()
    async with house.working(house.runner.run):
        await house.wait(SECOND)
        await house.do(AbortPlan(plan, "it is the wrong service"))
    await house.begin()
    house.outside.observes[verb] = [failed("no trace")]
    async with house.working(house.runner.run):
        await house.wait(120 * SECOND)

    assert house.outside.calls(verb) == ["act", "observe"]
    assert house.world.plans[plan].standing(STEP).state is StepState.FAILED
    assert text_of(house) == "no trace; not done again: PLAN-1 is aborted"


@told
async def test_what_goes_on_is_tried_again(house: House) -> None:
    """Given "not now" and no abort, then the next attempt is made: only a plan that has ended calls it off."""
    house.outside.acts["isolate"] = [retry("busy", SECOND), done("isolated")]
    await house.begin(isolating_by("isolate"))
    plan: Any = await house.contain()
    async with house.working(house.runner.run):
        await house.wait(10 * SECOND)

    assert house.outside.calls("isolate") == ["act", "act"]
    assert house.world.plans[plan].state is PlanState.DONE

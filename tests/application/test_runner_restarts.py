"""The runner after a restart: what was in flight is looked at before anything else is done about it."""

from __future__ import annotations

import pytest

from allstop.application.command_post import Attached, Request
from allstop.application.ports import Conflict, EffectState, Finish
from allstop.domain.effects import LANES, done, failed, unknown
from allstop.domain.incident.commands import PostUpdate
from allstop.domain.plan.commands import RecordOutcome
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import Plan
from allstop.domain.principal import RUNNER
from tests.application.ground import SECOND, House, Never, isolating_by, told
from tests.application.test_runner import BY_CLASS, STEP


async def died_in(house: House, verb: str) -> str:
    """The coordinator dies while the adapter works on the step; the next one has started."""
    house.outside.acts[verb] = [Never, done("done again")]
    await house.begin(isolating_by(verb))
    plan = await house.contain()
    async with house.working(house.runner.run):
        await house.wait(SECOND)
    assert house.outside.calls(verb) == ["act"]
    await house.begin()
    return plan


async def recovered(house: House, verb: str) -> Plan:
    """As `died_in`, and the next coordinator has worked for a while."""
    plan = await died_in(house, verb)
    async with house.working(house.runner.run):
        await house.wait(120 * SECOND)
    return house.world.plans[plan]


@pytest.mark.parametrize("verb", BY_CLASS)
@told
async def test_what_was_in_flight_and_is_found_done_is_done(house: House, verb: str) -> None:
    """Given a step in flight at a crash, when the look finds it done, then it is not acted again."""
    plan = await recovered(house, verb)

    assert house.outside.calls(verb) == ["act", "observe"]
    assert house.kinds(f"plan/{plan.id}")[-3:] == ["step.unknown", "step.done", "plan.done"]
    assert plan.standing(STEP).evidence == f"observed after a restart: {verb} found"


@pytest.mark.parametrize(("verb", "calls"), [
    ("isolate", ["act", "observe", "act"]),
    ("reopen", ["act", "observe", "act"]),
    ("rollback", ["act", "observe", "act"]),
    ("restart", ["act", "observe"]),
])  # fmt: skip
@told
async def test_what_was_in_flight_and_left_no_trace_is_done_again_only_where_safe(
    house: House, verb: str, calls: list[str]
) -> None:
    """Given a step in flight at a crash, when no trace of it is found, then it is acted again, unless the
    verb may never be repeated by a machine: that one waits for a person."""
    house.outside.observes[verb] = [failed("no trace")]
    plan = await recovered(house, verb)

    assert house.outside.calls(verb) == calls
    assert plan.state is (PlanState.HELD if verb == "restart" else PlanState.DONE)


@told
async def test_a_mark_that_cannot_be_looked_for_is_no_mark_missing(house: House) -> None:
    """Given a rollback in flight at a crash, when nobody can look, then it is not rolled back again."""
    house.outside.observes["rollback"] = [unknown("")]
    plan = await recovered(house, "rollback")

    assert house.outside.calls("rollback") == ["act", "observe"]
    assert plan.held_because == "outcome unknown: cannot tell whether it took effect"


@pytest.mark.parametrize("trouble", ["missing", "raises", "hangs"])
@told
async def test_what_cannot_be_looked_at_after_a_restart_has_not_failed(
    house: House, trouble: str
) -> None:
    """Given a step in flight at a crash, when the adapter is gone or cannot look, then nobody knows how it
    ended: a person has to say, because it may have happened."""
    plan = await died_in(house, "restart")
    house.outside.installed = trouble != "missing"
    house.outside.observes["restart"] = [Never if trouble == "hangs" else ValueError("cannot look")]
    async with house.working(house.runner.run):
        await house.wait(120 * SECOND)

    assert house.row("restart").state is EffectState.PARKED
    assert house.world.plans[plan].standing(STEP).state is StepState.UNKNOWN
    assert house.outside.calls("restart").count("act") == 1


@told
async def test_a_report_with_a_lost_claim_is_fenced_off(house: House) -> None:
    """Given a claim that another incarnation took over, when the old owner reports, then nothing of it is
    recorded, and the effect is observed by whoever holds it now."""
    house.outside.acts["isolate"] = [Never]
    await house.begin(isolating_by("isolate"))
    plan = await house.contain()
    async with house.working(house.runner.run):
        await house.wait(SECOND)
        await house.store.close()
        await house.store.open("another")
        await house.wait(60 * SECOND)

    assert house.outside.calls("isolate") == ["act", "observe"]
    assert house.kinds(f"plan/{plan}").count("step.done") == 1


@told
async def test_an_outcome_with_a_stale_token_writes_nothing(house: House) -> None:
    """Given a claim that has ended, when its outcome comes once more, then it conflicts as a whole."""
    await house.contain()
    claim = next(
        one for one in await house.store.claim(LANES, 100, house.clock.now().utc)
        if one.effect.verb == "isolate"
    )  # fmt: skip
    command = RecordOutcome(claim.effect, done("isolated"))
    end = Attached(Finish(claim.token, EffectState.DONE, "isolated"))
    await house.post.do(command, Request(RUNNER), end)
    before = house.store.last_position()

    with pytest.raises(Conflict):
        await house.post.do(command, Request(RUNNER), end)

    assert house.store.last_position() == before
    assert await house.do(PostUpdate("INC-1", "fixing", "it goes on"))

"""The runner: one outcome per attempt, and nothing claimed about the world that nobody saw."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.application.ports import EffectState
from allstop.application.runner import PLACES
from allstop.domain.effects import Lane, Outcome, done, failed, retry, unknown
from allstop.domain.halt.commands import OrderHalt
from allstop.domain.halt.lifecycle import Hold
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import PostUpdate
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import Plan
from tests.application.ground import SECOND, House, Never, isolating_by, told
from tests.domain import builders

STEP = "isolate-payments"
BY_CLASS = {"isolate": "repeatable", "reopen": "keyed", "rollback": "probe", "restart": "once"}


async def contained(house: House, verb: str, minutes: int = 2) -> Plan:
    """Contain by one step with this verb, with the runner at work."""
    await house.begin(isolating_by(verb))
    plan = await house.contain()
    async with house.working(house.runner.run):
        await house.wait(minutes * 60 * SECOND)
    return house.world.plans[plan]


@told
async def test_an_effect_that_is_done_is_recorded_once(house: House) -> None:
    """Given a step, when its adapter has done it, then it was asked once, and there is one outcome."""
    plan = await contained(house, "isolate")

    assert house.outside.calls("isolate") == ["act"]
    assert house.kinds(f"plan/{plan.id}").count("step.done") == 1
    row = house.row("isolate")
    assert (row.state, row.attempt) == (EffectState.DONE, 1)
    assert plan.state is PlanState.DONE


@told
async def test_what_an_adapter_keeps_stands_beside_the_log(house: House) -> None:
    """Given evidence, when it was collected, then its body is stored under the digest the entry names."""
    house.outside.keeps["history"] = b"commit c0ffee"
    await house.declare()
    async with house.working(house.runner.run):
        await house.wait(10 * SECOND)

    piece = house.world.incidents["INC-1"].evidence["payments/recent-changes"]
    assert house.store.blob(piece.sha256) == b"commit c0ffee"


@told
async def test_not_now_is_tried_again_and_then_given_up(house: House) -> None:
    """Given an adapter that always says "not now", when its three attempts are used up, then the step has
    failed, the plan is held, and nothing is tried any more."""
    house.outside.acts["isolate"] = [retry("busy", 700)]
    plan = await contained(house, "isolate")

    assert house.outside.calls("isolate") == ["act"] * 3
    assert plan.standing(STEP).state is StepState.FAILED
    assert plan.held_because == "gave up after 3 attempts: busy"
    assert house.row("isolate").state is EffectState.FAILED


@told
async def test_a_retry_waits_as_long_as_the_adapter_asks(house: House) -> None:
    """Given "in ten seconds", when five have passed, then the adapter was not asked again yet."""
    house.outside.acts["isolate"] = [retry("busy", 10 * SECOND), done("isolated")]
    await house.begin(isolating_by("isolate"))
    await house.contain()
    async with house.working(house.runner.run):
        await house.wait(5 * SECOND)
        assert house.outside.calls("isolate") == ["act"]
        assert house.row("isolate").state is EffectState.PENDING
        await house.wait(6 * SECOND)

    assert house.row("isolate").state is EffectState.DONE


@told
async def test_a_plain_no_is_not_tried_again(house: House) -> None:
    """Given an adapter that says it will not, then the step has failed at the first attempt."""
    house.outside.acts["isolate"] = [failed("no such route")]
    plan = await contained(house, "isolate")

    assert house.outside.calls("isolate") == ["act"]
    assert plan.held_because == "no such route"


# --- nobody knows ------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "calls"), [
    ("isolate", ["act", "act"]),
    ("reopen", ["act", "act"]),
    ("rollback", ["act", "observe"]),
])  # fmt: skip
@told
async def test_an_unknown_outcome_is_cleared_up_where_that_is_safe(
    house: House, verb: str, calls: list[str]
) -> None:
    """Given no answer, when the verb may be repeated it is, and when it leaves a mark that is looked for;
    then the step is done, and was not recorded as failed on the way."""
    house.outside.acts[verb] = [unknown("the line broke"), done("it is")]
    plan = await contained(house, verb)

    assert house.outside.calls(verb) == calls
    assert plan.state is PlanState.DONE
    assert "step.failed" not in house.kinds()


@told
async def test_a_mark_that_is_not_there_means_try_again(house: House) -> None:
    """Given no answer and no mark, when it was looked for, then it is acted again, once."""
    house.outside.acts["rollback"] = [unknown("the line broke"), done("rolled back")]
    house.outside.observes["rollback"] = [failed("no mark")]
    plan = await contained(house, "rollback")

    assert house.outside.calls("rollback") == ["act", "observe", "act"]
    assert plan.state is PlanState.DONE


@pytest.mark.parametrize(("verb", "calls"), [
    ("isolate", ["act"] * 3),
    ("reopen", ["act"] * 3),
    ("rollback", ["act", "observe"]),
    ("restart", ["act"]),
])  # fmt: skip
@told
async def test_what_no_machine_can_know_waits_for_a_person(
    house: House, verb: str, calls: list[str]
) -> None:
    """Given an adapter that never knows, when all that is safe was tried, then the effect is parked, the
    step is unknown rather than failed, and the plan is held."""
    house.outside.acts[verb] = [unknown("the line broke")]
    house.outside.observes[verb] = [unknown("cannot see")]
    plan = await contained(house, verb)

    assert house.outside.calls(verb) == calls, BY_CLASS[verb]
    assert house.row(verb).state is EffectState.PARKED
    assert plan.standing(STEP).state is StepState.UNKNOWN
    assert plan.state is PlanState.HELD
    assert plan.held_because.startswith("outcome unknown: ")


@told
async def test_a_message_nobody_knows_about_counts_as_undeliverable(house: House) -> None:
    """Given a notification without answer, when it is parked, then it is recorded as not delivered."""
    house.outside.acts["post"] = [unknown("the line broke")]
    await house.declare()
    async with house.working(house.runner.run):
        await house.wait(600 * SECOND)

    assert {one.state for one in house.world.incidents["INC-1"].notifications.values()} == {
        "undeliverable"
    }


# --- adapters that misbehave -------------------------------------------------------------------


@told
async def test_an_adapter_that_raises_may_have_acted(house: House) -> None:
    """Given an adapter with a bug, when it raises in the act, then nobody knows: it is tried as often as
    its verb allows, the step waits for a person, and the runner goes on."""
    house.outside.acts["isolate"] = [ValueError("no such thing")] * 3
    plan = await contained(house, "isolate")

    assert house.outside.calls("isolate") == ["act"] * 3
    assert plan.held_because == "outcome unknown: script raised ValueError: no such thing"
    assert set(house.states("post")) == {EffectState.DONE}


@told
async def test_an_adapter_that_is_missing_is_a_failed_step(house: House) -> None:
    """Given a plan for an adapter that was uninstalled, then the step says so."""
    house.outside.installed = False
    plan = await contained(house, "isolate")

    assert plan.held_because == "there is no adapter script"


@told
async def test_an_adapter_that_hangs_is_cut_off_and_nobody_knows(house: House) -> None:
    """Given an adapter that does not come back, when its time is over, then the outcome is unknown: it is
    tried as often as is allowed, and then a person has to look."""
    house.outside.acts["isolate"] = [Never]
    plan = await contained(house, "isolate")

    assert house.outside.calls("isolate") == ["act"] * 3
    assert house.outside.under_way == 0
    assert plan.held_because == "outcome unknown: no answer from script within 5000 ms"


UNFIT: dict[str, Any] = {"share": 0.5, "big": 2**60, "half": "\ud800", "fine": 7}


@pytest.mark.parametrize("answer", [
    done("isolated", UNFIT),
    done("half a \ud800 letter"),
    None,
    "done",
])  # fmt: skip
@told
async def test_an_answer_that_cannot_be_recorded_does_not_end_the_runner(
    house: House, answer: Any
) -> None:
    """Given an answer that is none, or with values the log does not hold, when it comes, then the step
    ends with what can be recorded, and other effects are carried out."""
    house.outside.acts["isolate"] = [answer]
    plan = await contained(house, "isolate")

    known = isinstance(answer, Outcome)
    assert plan.standing(STEP).state is (StepState.DONE if known else StepState.UNKNOWN)
    assert set(house.states("post")) == {EffectState.DONE}


# --- halts first -------------------------------------------------------------------------------


@told
async def test_hanging_messages_do_not_hold_up_a_halt(house: House) -> None:
    """Given forty messages that hang and use up all their places, when agents are ordered to stop, then
    both are told while the messages still hang."""
    house.outside.acts["post"] = [Never]
    await house.register()
    await house.declare(impact=Impact())
    for number in range(40):
        await house.do(PostUpdate("INC-1", "fixing", f"message {number}"))
    runner = house.runner
    async with house.working(runner.run):
        await house.wait(SECOND)
        places = next(one.count for one in PLACES if Lane.PAGE in one.lanes)
        assert runner.in_flight == house.outside.under_way == places
        await house.do(OrderHalt("all", "stop", exempt=()))
        await house.wait(SECOND)
        assert house.outside.under_way == places

    roll = house.world.halts["HALT-1"].roll
    assert {line.state for line in roll.values()} == {Hold.TOLD}


# --- proofs ------------------------------------------------------------------------------------


@told
async def test_a_proof_is_looked_for_until_it_is_there(house: House) -> None:
    """Given a step that proves isolation, when the first looks find none, then it is looked for again, and
    what the probe saw is the evidence."""
    house.outside.samples["prove-payments"] = [
        (False, "it still answers", {}),
        (None, "no route to it", {}),
        Never,
        (True, "it refuses", {"code": 503, "share": 0.5}),
    ]
    plan = await house.contain()
    async with house.working(house.runner.run):
        await house.wait(60 * SECOND)

    assert house.outside.calls("prove-payments") == ["measure"] * 4
    assert house.world.plans[plan].standing("prove-payments").evidence == "it refuses"
    assert "contained" in house.world.incidents["INC-1"].milestones


@told
async def test_a_proof_that_never_comes_holds_the_plan(house: House) -> None:
    """Given a service that cannot be isolated, when all looks are used up, then nothing claims it is."""
    house.outside.samples["prove-payments"] = [(False, "it still answers", {})]
    plan = await house.contain()
    async with house.working(house.runner.run):
        await house.wait(120 * SECOND)

    assert house.outside.calls("prove-payments") == ["measure"] * 20
    held = house.world.plans[plan]
    assert held.held_because == "gave up after 20 attempts: it still answers"
    assert "contained" not in house.world.incidents["INC-1"].milestones


@told
async def test_a_proof_without_its_probe_holds_the_plan(house: House) -> None:
    """Given a plan whose probe was uninstalled, then the step says so."""
    plain = builders.policy()
    payments, *others = plain.fleet.services
    spec = replace(payments.verify["isolated"], adapter="gone")
    service = replace(payments, verify={"isolated": spec})
    fleet = replace(plain.fleet, services=(service, *others))
    await house.begin(replace(plain, fleet=fleet))
    plan = await house.contain()
    async with house.working(house.runner.run):
        await house.wait(10 * SECOND)

    assert house.world.plans[plan].held_because == "there is no probe gone"


@told
async def test_a_full_disk_for_a_while_leaves_the_work_for_later(house: House) -> None:
    """Given a disk without space, when effects are due, then none is begun, the runner goes on, and they
    are carried out once there is space again."""
    await house.contain()
    house.crash.full = True
    async with house.working(house.runner.run):
        await house.wait(30 * SECOND)
        assert house.outside.asked == []
        house.crash.full = False
        await house.wait(30 * SECOND)

    assert house.outside.calls("isolate") == ["act"]

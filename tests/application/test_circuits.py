"""Circuits around the runner's calls: what keeps failing is left alone for a while, and everybody can see it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.application.circuits import Circuits
from allstop.domain.breaker import BreakerRules, Circuit
from allstop.domain.effects import Ending, Outcome, done, failed
from allstop.domain.fleet.circuits import CircuitStanding
from allstop.domain.incident.commands import Approve
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import AbortPlan, DrawPlan, RetryStep, StartPlan
from allstop.domain.plan.lever_commands import ForceCircuit, NoteCircuit
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import StepProgress
from allstop.domain.policy import ActionSpec, Lever, Policy
from allstop.errors import Refused
from tests.application.ground import SECOND, House, Never, told
from tests.domain import builders

STEP = "pull-less-payments"
NAME = "payments@script"
MINUTE = 60 * SECOND
NO = failed("no answer")


def policy(timeout: int = 5000, **rules: int) -> Policy:
    """The policy of the builders, with a lever at payments, and rules of circuits."""
    plain = builders.policy()
    payments, *others = plain.fleet.services
    pull, back = (ActionSpec("script", verb, {}, timeout) for verb in ("reopen", "isolate"))
    lever = Lever("less", "less", "minor", pull, back, None, None, "60 %", 86_400_000)
    fleet = replace(
        plain.fleet, services=(replace(payments, levers=(lever,)), *others),
        circuits=replace(BreakerRules(), **rules),
    )  # fmt: skip
    return replace(plain, fleet=fleet)


def circuit(house: House) -> CircuitStanding:
    return house.world.circuits[NAME]


def step(house: House) -> StepProgress:
    (plan,) = (one for one in house.world.plans.values() if one.purpose == "degrade")
    return plan.standing(STEP)


def calls(house: House) -> int:
    return house.outside.calls("reopen").count("act")


async def started(
    house: House, rules: Policy | None = None, *answers: Outcome | type[Never]
) -> None:
    """A plan that pulls the lever has been started; nobody has called anything yet."""
    await house.begin(rules or policy())
    house.outside.acts["reopen"] = list(answers) or [NO]
    incident = await house.declare()
    made = await house.do(
        DrawPlan(incident, Asked("degrade", levers=("payments:less",))), builders.EVE
    )
    plan = house.world.plans[str(made["plan"])]
    if plan.approve:
        await house.do(Approve(incident, f"plan:{plan.id}", plan.hash), builders.EVE)
    await house.do(StartPlan(plan.id), builders.EVE)


async def begun(house: House, rules: Policy | None = None, *answers: Outcome | type[Never]) -> None:
    """The same, and its first call has been made."""
    await started(house, rules, *answers)
    async with house.working(house.runner.run):
        await house.wait(SECOND)


async def again(house: House) -> None:
    """A person tries the step again."""
    (plan,) = (one for one in house.world.plans.values() if one.purpose == "degrade")
    await house.do(RetryStep(plan.id, STEP), builders.EVE)
    await house.wait(SECOND)


@told
async def test_after_five_failures_no_call_is_made_and_the_words_say_until_when(
    house: House,
) -> None:
    """Given a service whose lever fails, when it has failed five times in a row, then the sixth call is not
    made: the step fails with what is the matter and when it is tried again."""
    await started(house)
    async with house.working(house.runner.run):
        await house.wait(SECOND)
        for _ in range(4):
            await again(house)
        assert (calls(house), circuit(house).state) == (5, Circuit.OPEN)
        await again(house)

    assert calls(house) == 5
    assert step(house).state is StepState.FAILED
    assert step(house).evidence.startswith(
        "not called: the circuit payments@script is open after 5 failures in a row (no answer)"
    )
    assert f"it is tried again at {circuit(house).until:%H:%M:%S} UTC" in step(house).evidence
    assert circuit(house).failures == 5
    assert "circuit.opened" in house.kinds("incident/INC-1")


@told
async def test_a_success_between_counts_anew(house: House) -> None:
    await started(house, policy(failures=2), NO, done("went well"))
    async with house.working(house.runner.run):
        await house.wait(SECOND)
        await again(house)
    assert house.world.circuits == {}


@told
async def test_after_five_minutes_one_call_tries_it_and_closes_it(house: House) -> None:
    await begun(house, policy(failures=1), NO, done("well again"))
    async with house.working(house.runner.run):
        await again(house)
        assert calls(house) == 1
        await house.wait(5 * MINUTE)
        await again(house)

    assert calls(house) == 2
    assert step(house).state is StepState.DONE
    assert circuit(house).state is Circuit.CLOSED
    kinds = [kind for kind in house.kinds("incident/INC-1") if kind.startswith("circuit")]
    assert kinds == ["circuit.opened", "circuit.half_opened", "circuit.closed"]


@told
async def test_a_trial_that_fails_opens_it_again(house: House) -> None:
    await begun(house, policy(failures=1))
    async with house.working(house.runner.run):
        await house.wait(5 * MINUTE)
        await again(house)
        assert (calls(house), circuit(house).state) == (2, Circuit.OPEN)
        await again(house)
    assert calls(house) == 2


@told
async def test_an_open_circuit_stays_open_over_a_restart_for_what_is_left_of_its_time(
    house: House,
) -> None:
    await begun(house, policy(failures=1))
    await house.begin()
    async with house.working(house.runner.run):
        await house.wait(4 * MINUTE)
        await again(house)
        assert calls(house) == 1
        await house.wait(MINUTE)
        await again(house)
    assert calls(house) == 2


@told
async def test_what_cuts_off_is_called_however_often_it_has_failed(house: House) -> None:
    """Given a circuit that is open, when the service is to be isolated through the same adapter, then it is."""
    await begun(house, policy(failures=1))
    async with house.working(house.runner.run):
        (held,) = (one for one in house.world.plans.values() if one.purpose == "degrade")
        await house.do(AbortPlan(held.id, "isolate it instead"), builders.EVE)
        await played(house, Asked("contain", ("payments",)))

    assert circuit(house).state is Circuit.OPEN
    assert "act" in house.outside.calls("isolate")


@told
async def test_evidence_is_kept_back_as_well_and_says_so(house: House) -> None:
    await begun(house, policy(failures=1))
    async with house.working(house.runner.run):
        await house.wait(SECOND)
        assert circuit(house).state is Circuit.OPEN
        asked = len(house.outside.calls("history") + house.outside.calls("state"))
        await house.declare(dedup="again")
        await house.wait(SECOND)

    assert len(house.outside.calls("history") + house.outside.calls("state")) == asked
    told_so = [one.summary for one in house.world.incidents["INC-2"].evidence.values()]
    assert told_so
    assert all("circuit payments@script is open" in one for one in told_so)


@told
async def test_what_only_looks_keeps_nobody_from_mending(house: House) -> None:
    """Given a service about which every diagnosis fails, because it is broken, when something is to be done about
    it through the same adapter, then that call is made: only calls that act open a circuit."""
    rules = policy(failures=2)
    await house.begin(rules)
    house.outside.acts |= {"history": [NO], "state": [NO]}
    async with house.working(house.runner.run):
        for number in range(3):
            await house.declare(dedup=f"{number}")
            await house.wait(SECOND)
        assert house.outside.calls("history").count("act") == 3
        assert house.world.circuits == {}
    await begun(house, rules, done("mended"))
    assert step(house).state is StepState.DONE


@told
async def test_what_only_looks_is_no_trial(house: House) -> None:
    """Given a circuit whose time is over, when somebody looks first and sees nothing, then the next call that acts
    is made all the same."""
    await begun(house, policy(failures=1), NO, done("well again"))
    house.outside.acts |= {"history": [NO], "state": [NO]}
    async with house.working(house.runner.run):
        await house.wait(5 * MINUTE)
        await house.declare(dedup="again")
        await house.wait(SECOND)
        assert "act" in house.outside.calls("history")
        await again(house)
    assert (calls(house), circuit(house).state) == (2, Circuit.CLOSED)


@told
async def test_what_was_cut_off_is_opened_again_while_the_circuit_is_open(house: House) -> None:
    """Given a circuit that opened while its service was isolated, when that is taken back, then it is called: else
    a service that is well again would stay cut off for as long as the circuit."""
    await begun(house, policy(failures=1))
    async with house.working(house.runner.run):
        (held,) = (one for one in house.world.plans.values() if one.purpose == "degrade")
        await house.do(AbortPlan(held.id, "isolate it instead"), builders.EVE)
        isolated = await played(house, Asked("contain", ("payments",)))
        assert circuit(house).state is Circuit.OPEN
        before = calls(house)
        house.outside.acts["reopen"] = [done("open")]
        back = await played(house, Asked("undo", plan=isolated))
    assert circuit(house).state is Circuit.OPEN
    assert calls(house) == before + 1
    assert house.world.plans[back].state is PlanState.DONE


async def played(house: House, asked: Asked) -> str:
    """A plan of INC-1, made, approved where somebody must, and started; some time has passed."""
    made = await house.do(DrawPlan("INC-1", asked), builders.EVE)
    plan = house.world.plans[str(made["plan"])]
    if plan.approve:
        await house.do(Approve("INC-1", f"plan:{plan.id}", plan.hash), builders.EVE)
    await house.do(StartPlan(plan.id), builders.EVE)
    await house.wait(10 * SECOND)
    return plan.id


@told
async def test_a_call_that_hangs_counts_and_the_trial_is_timed(house: House) -> None:
    await begun(house, policy(failures=1, trial_ms=1000), NO, Never)
    async with house.working(house.runner.run):
        await house.wait(5 * MINUTE)
        await again(house)
        await house.wait(2 * MINUTE)
    assert circuit(house).state is Circuit.OPEN


@told
async def test_what_is_secret_in_an_answer_does_not_get_onto_the_record(house: House) -> None:
    """Given an adapter whose answer has a password in it, when that opens the circuit, then nobody reads it."""
    said = failed("could not log in: postgres://allstop:hunter2secret@db/ledger")
    await begun(house, policy(failures=1), said)
    assert circuit(house).state is Circuit.OPEN
    assert "hunter2secret" not in circuit(house).because
    assert "could not log in" in circuit(house).because


@told
async def test_a_trial_has_the_time_of_its_own_call_whoever_asks_meanwhile(house: House) -> None:
    """Given a trial that may take two minutes, when something short is asked for after one, then that waits, and
    the trial goes on."""
    await started(house, policy(timeout=120_000, failures=1, trial_ms=1000))
    circuits, long = Circuits(house.post, house.clock), house.row("reopen").effect
    short = replace(long, timeout_ms=1000)
    gate = asyncio.Event()

    async def refused() -> Outcome:
        return NO

    async def slow() -> Outcome:
        await gate.wait()
        return done("well again")

    await circuits.guard(long, refused)
    await house.wait(5 * MINUTE)
    trial = asyncio.ensure_future(circuits.guard(long, slow))
    await house.wait(MINUTE)
    assert (await circuits.guard(short, refused)).ending is Ending.RETRY
    gate.set()
    assert (await trial).ending is Ending.DONE
    assert circuit(house).state is Circuit.CLOSED


@told
async def test_a_person_closes_it_opens_it_and_switches_it_off(house: House) -> None:
    """Given an open circuit, when a person closes it, then the next call is made; when they open it, none is
    until they say so; and one that is off never opens."""
    await begun(house, policy(failures=1))
    async with house.working(house.runner.run):
        await house.do(ForceCircuit(NAME, "closed", "the cable is in again"), builders.EVE)
        await again(house)
        assert (calls(house), circuit(house).state) == (2, Circuit.OPEN)
        await house.do(ForceCircuit(NAME, "open", "nobody touches it"), builders.EVE)
        await house.wait(60 * MINUTE)
        await again(house)
        assert calls(house) == 2
        assert "it stays so until somebody closes it" in step(house).evidence
        await house.do(ForceCircuit(NAME, "off", "call it anyway"), builders.EVE)
        await again(house)
        await again(house)
        assert calls(house) == 4
    assert circuit(house).state is Circuit.DISABLED
    assert circuit(house).by == "person:eve"


@told
async def test_a_circuit_can_be_forced_before_it_was_ever_open(house: House) -> None:
    await house.begin(policy())
    await house.do(ForceCircuit(NAME, "open", "maintenance of the adapter"), builders.EVE)
    await begun(house, policy(), done("fine"))
    assert calls(house) == 0
    assert house.kinds("fleet") == ["circuit.forced"]


@told
async def test_who_may_not_force_and_what_cannot_be_forced(house: House) -> None:
    await house.begin(policy())
    with pytest.raises(Refused, match="already"):
        await house.do(ForceCircuit(NAME, "closed", "it was never open"), builders.EVE)
    for who, name, state, because, code in (
        (builders.BEN, NAME, "open", "x", "no-authority"),
        (builders.BUILDER, NAME, "open", "x", "no-authority"),
        (builders.EVE, "paymnts@script", "open", "x", "unknown-circuit"),
        (builders.EVE, "payments@nothing", "open", "x", "unknown-circuit"),
        (builders.EVE, NAME, "ajar", "x", "unknown-state"),
        (builders.EVE, NAME, "open", "  ", "empty"),
    ):
        with pytest.raises(Refused) as caught:
            await house.do(ForceCircuit(name, state, because), who)
        assert caught.value.reasons[0][0] == code
    await house.do(ForceCircuit(NAME, "open", "x"), builders.EVE)
    with pytest.raises(Refused, match="already"):
        await house.do(ForceCircuit(NAME, "open", "x"), builders.EVE)
    with pytest.raises(Refused):
        await house.do(NoteCircuit("payments", "script", "open", 5, "x", 1, ""), builders.EVE)


@told
async def test_a_full_disk_keeps_no_call_from_being_made(house: House) -> None:
    """Given a disk without space, when a circuit opens, then it does so in memory, and nothing else breaks."""
    await started(house, policy(failures=1), done("fine"))
    circuits, row = Circuits(house.post, house.clock), house.row("reopen").effect

    async def call() -> Outcome:
        return NO

    house.crash.full = True
    assert await circuits.guard(row, call) == NO
    assert house.world.circuits == {}
    kept = await circuits.guard(row, call)
    assert kept.because.startswith("not called")
    until = house.clock.now().utc + timedelta(minutes=5)
    assert f"it is tried again at {until:%H:%M:%S} UTC" in kept.because
    assert "circuit close" not in kept.because, "nothing on the record could be closed"

"""The preflight as a whole: made by the runner, in time, once, and for real."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from allstop.application.preflight import LIMIT_MS, WithCoordinator
from allstop.application.runner import Runner
from allstop.domain.effects import Ending, Lane
from allstop.domain.incident.commands import Override
from allstop.domain.incident.course_commands import BeginPreflight
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.preflight import CHECKS
from allstop.domain.react import COORDINATOR
from tests.application.ground import SECOND, House, told
from tests.application.preflight_world import (
    Ground,
    effect,
    looked,
    preflight,
    reachable,
    rules,
)
from tests.domain import builders
from tests.domain.builders import ADA, EVE


@told
async def test_what_does_not_end_in_time_is_unknown_and_keeps_nothing_back(house: House) -> None:
    """Given a check that hangs, when its time is over, then it is unknown, what the others found is reported,
    and nothing of it goes on."""

    class Hanging(Ground):
        async def documents(self) -> Sequence[str]:
            await asyncio.Event().wait()
            return ()

    await house.begin(rules("documents", "capacity"))
    before = house.clock.now().monotonic_ms
    found = await preflight(house, Hanging()).run()
    late, mend = "no end within 45 seconds", "allstop protocol check"
    assert found[0] == CheckResult("documents", "", None, late, mend)
    assert [one.ok for one in found[1:]] == [True, True]
    assert LIMIT_MS <= house.clock.now().monotonic_ms - before < 60_000


@told
async def test_an_unknown_check_and_a_wrong_verb(house: House) -> None:
    found = await looked(house, "horoscope")
    assert found == {"": (None, "this coordinator does not know the check")}
    outcome = await preflight(house).act(effect({}, "explode"), lambda _: "")
    assert outcome.ending is Ending.FAILED
    assert (await preflight(house).observe(effect({}))).ending is Ending.FAILED


@told
async def test_outside_of_an_incident_the_protocols_checks_are_made_or_all(house: House) -> None:
    await house.begin(rules("capacity"))
    assert {one.check for one in await preflight(house).run()} == {"capacity"}
    await house.begin(builders.policy())
    assert {one.check for one in await preflight(house).run()} == set(CHECKS)


@told
async def test_the_runner_makes_them_and_the_plan_goes_on(house: House) -> None:
    """Given a protocol whose plans wait for a preflight, when an outage is declared on a coordinator that
    runs, then the checks are made, what fails is on the record, and the plan waits until it is overridden."""
    await reachable(house, rules("documents", "capacity", "channels", required=True))
    ground = Ground(problems=("roster.yaml:2 AP002 nobody",))
    hands = WithCoordinator(house.outside, preflight(house, ground))
    runner = Runner(house.post, house.store, house.hub, hands, house.clock, house.crash)
    async with house.working(runner.run, house.timekeeper.run):
        await house.declare()
        await house.wait(5 * SECOND)
        incident = house.world.incidents["INC-1"]
        assert [(one.check, one.subject, one.ok) for one in incident.preflights[-1].results or ()] == [
            ("documents", "", False), ("capacity", "disk", True), ("capacity", "memory", True),
            ("channels", "chat", True),
        ]  # fmt: skip
        assert house.world.plans["PLAN-1"].state == "proposed"
        ground.problems = ()
        await house.do(BeginPreflight("INC-1"), ADA)
        await house.wait(5 * SECOND)
        assert house.world.plans["PLAN-1"].started_at is not None
    assert house.kinds("incident/INC-1").count("preflight.begun") == 2


@told
async def test_a_crash_in_the_middle_makes_them_again(house: House) -> None:
    """Given a preflight under way when the coordinator dies, when the next one runs, then it is made again
    and its results are recorded once."""
    await reachable(house, rules("capacity", required=True))
    await house.declare()
    await house.do(BeginPreflight("INC-1"), ADA)
    await house.store.claim((Lane.COMMAND,), 9, house.clock.now().utc)
    await house.begin()
    hands = WithCoordinator(house.outside, preflight(house))
    runner = Runner(house.post, house.store, house.hub, hands, house.clock, house.crash)
    async with house.working(runner.run):
        await house.wait(5 * SECOND)
    assert house.kinds("incident/INC-1").count("preflight.done") == 1
    assert house.world.incidents["INC-1"].preflights[-1].passed


@told
async def test_documents_cannot_name_the_coordinator(house: House) -> None:
    """Given the adapters with the coordinator beside them, then only the runner can ask for it."""
    hands = WithCoordinator(house.outside, preflight(house))
    own = hands.actuator(COORDINATOR)
    assert own is not None
    assert own.info.name == COORDINATOR
    assert hands.actuator("script") is house.outside
    assert hands.probe("script") is house.outside
    assert [one.name for one in hands.infos()] == ["script"]
    assert hands.unavailable() == {}


@told
async def test_an_override_lets_a_plan_start_while_the_checks_still_run(house: House) -> None:
    await house.begin(rules("documents", required=True))
    await house.declare()
    await house.timekeeper.tick()
    await house.do(Override("INC-1", "preflight", "there is no time"), EVE)
    await house.timekeeper.tick()
    assert house.world.plans["PLAN-1"].started_at is not None

"""What faces show: the next command, what is waited for, and names that do not exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from allstop.application.timeline import QUIET
from allstop.application.views import BATCH
from allstop.domain.effects import failed
from allstop.domain.halt.commands import AnswerRollCall, OrderHalt, ReleaseHalt
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.principal import TIMEKEEPER
from allstop.errors import Missing
from tests.application.ground import SECOND, House, isolating_by, told
from tests.domain import builders
from tests.domain.builders import ADA, BEN, BUILDER, EVE

CALM = Impact(failed_share_percent=12)


async def go_on(house: House, seconds: int = 60) -> None:
    """Everything works for a while."""
    async with house.working(house.runner.run, house.timekeeper.run, house.monitor.run):
        await house.wait(seconds * SECOND)


# --- the next command --------------------------------------------------------------------------


@told
async def test_in_peace_the_next_command_is_to_declare(house: House) -> None:
    """Given nothing wrong, then the overview is empty, and says how to begin."""
    seen = house.views.overview()

    assert (seen.incidents, seen.halts, seen.agents, seen.position) == ((), (), (), 0)
    assert seen.next == 'allstop declare "what fails" --service NAME'
    assert seen.protocol == "Test protocol"
    assert [(one.name, one.state) for one in seen.services] == [
        ("payments", "unknown"),
        ("gateway", "unknown"),
    ]


@told
async def test_first_somebody_acknowledges_then_approves_then_looks(house: House) -> None:
    """Given an incident that asks before it isolates, then the next command is to acknowledge it, then to
    approve the plan, then to look at what it waits for; after it all, to declare the next one."""
    await house.declare(impact=CALM)
    await go_on(house)
    seen = house.views.overview()
    assert (seen.next, seen.next_because) == ("allstop ack", "nobody has acknowledged INC-1")
    await house.do(c.AcknowledgeIncident("INC-1"))
    seen = house.views.overview()
    assert seen.next == "allstop approve PLAN-1"
    assert seen.next_because == "PLAN-1 waits for approval by commander, owner"
    await house.do(c.Approve("INC-1", "plan:PLAN-1", house.views.plan("PLAN-1").hash))
    seen = house.views.overview()
    assert seen.next == "allstop show INC-1"
    assert seen.next_because == seen.incidents[0].waits_for[0]


@told
async def test_with_several_incidents_the_command_says_which(house: House) -> None:
    """Given two open incidents, then the next command names the one it means."""
    await house.declare()
    await house.wait(SECOND)
    await house.declare("gateway")

    assert house.views.overview().next == "allstop ack --incident INC-2"


@told
async def test_a_halt_that_no_incident_holds_is_released_by_hand(house: House) -> None:
    """Given a halt ordered by hand and no incident, then the next command releases it; after that it is
    gone from the overview, and stays in the list of all halts."""
    await house.register()
    await house.do(OrderHalt("team:builders", "stop"))
    seen = house.views.overview()
    assert seen.next == 'allstop release HALT-1 --because "..."'
    assert seen.next_because == "HALT-1 holds 2 agents"
    await house.do(ReleaseHalt("HALT-1", "go on"), EVE)

    assert house.views.overview().halts == ()
    assert [one.released_by for one in house.views.halts()] == ["person:eve"]


# --- what is waited for ------------------------------------------------------------------------


@told
async def test_it_waits_for_the_gate_of_its_phase(house: House) -> None:
    """Given an incident that has just been declared, then it waits for what its first phase wants."""
    await house.register()
    await house.declare()
    (line,) = house.views.incidents()

    assert line.waits_for == (
        "roll call: 0 of 2 agents confirmed or enforced; builder-1 ordered, builder-2 ordered",
        "evidence in: waiting for payments/recent-changes, payments/service-state",
        "remedy decided: not decided yet",
    )
    assert (line.state, line.severity, line.phase_title) == ("open", "SEV1", "Assess")
    assert (line.commander, line.services, line.age) == ("ada", ("payments",), "0s")


async def resolved(house: House) -> None:
    """Every criterion of every phase is overridden by the owner."""
    for phase in house.post.book.latest.protocol.phases:
        for criterion in phase.exit:
            await house.do(c.Override("INC-1", criterion.id, "seen by eye"), EVE)
    while "resolved" not in house.world.incidents["INC-1"].milestones:
        await house.do(c.AdvancePhase("INC-1"), ADA)


@told
async def test_after_the_last_phase_it_waits_for_the_stand_down(house: House) -> None:
    """Given a resolved incident, then it waits for what standing down wants; a closed one for nothing, and
    it comes after the open ones."""
    await house.declare(impact=CALM)
    await resolved(house)
    (line,) = house.views.incidents()
    assert line.waits_for[0] == "resolved: nobody has stated it"
    view = house.views.incident("INC-1")
    assert {one.state for one in view.phases} == {"done"}
    assert all(one.overridden for phase in view.phases for one in phase.criteria if not one.passed)
    for criterion in ("resolved", "root-cause", "still-stable", "approved"):
        await house.do(c.Override("INC-1", criterion, "seen by eye"), EVE)
    await house.do(c.StandDown("INC-1", "it is over"), ADA)
    await house.wait(SECOND)
    await house.declare("gateway")
    await house.wait(60 * SECOND)

    first, second = house.views.incidents()
    assert (first.id, second.id) == ("INC-2", "INC-1")
    assert (second.state, second.waits_for, second.update_due_at) == ("stood-down", (), None)
    assert second.age == "0s"
    (owed,) = house.views.incident("INC-1").obligations
    assert (owed.title, owed.owner, owed.met, owed.late) == (
        "Write the report",
        "commander",
        "",
        False,
    )
    await house.wait(25 * 60 * 60 * SECOND)
    assert house.views.incident("INC-1").obligations[0].late
    assert house.views.overview().late_obligations == 1


# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ask", "hint"), [
    (lambda views: views.incident("INC-1"), 'allstop declare "what fails"'),
    (lambda views: views.timeline("INC-1"), 'allstop declare "what fails"'),
    (lambda views: views.plan("PLAN-1"), "allstop plans"),
    (lambda views: views.halt("HALT-1"), "allstop rollcall"),
    (lambda views: views.current(), 'allstop declare "what fails"'),
])  # fmt: skip
@told
async def test_where_there_is_nothing_the_hint_says_how_to_begin(
    house: House, ask: Callable[..., object], hint: str
) -> None:
    """Given an empty project, when somebody asks for a thing, then it is missing, with a way on."""
    with pytest.raises(Missing) as caught:
        ask(house.views)

    assert caught.value.hint == hint


@pytest.mark.parametrize(("ask", "hint"), [
    (lambda views: views.incident("INC-11"), "known: INC-1"),
    (lambda views: views.plan("PLAN1"), "known: PLAN-1"),
    (lambda views: views.halt("xyz"), "known: HALT-1"),
])  # fmt: skip
@told
async def test_an_unknown_name_is_answered_with_the_nearest(
    house: House, ask: Callable[..., object], hint: str
) -> None:
    """Given names that exist, when one is misspelt, then the hint has all of them: numbered names are never near."""
    await house.contain()
    with pytest.raises(Missing) as caught:
        ask(house.views)

    assert caught.value.hint == hint


@told
async def test_the_current_incident_is_the_one_that_is_open(house: House) -> None:
    """Given one open incident, then it is meant without a name; given two, then somebody has to say."""
    await house.declare()
    assert house.views.current() == "INC-1"
    await house.declare("gateway")
    with pytest.raises(Missing, match="2 incidents are open") as caught:
        house.views.current()

    assert caught.value.hint == "say which: --incident INC-1 or INC-2"


# --- lines -------------------------------------------------------------------------------------


@told
async def test_the_timeline_leaves_the_quiet_entries_out(house: House) -> None:
    """Given an incident with its halt and plan, then the timeline has all three in the order of the log,
    without samples and deliveries unless everything is asked for."""
    await house.register()
    await house.declare()
    await go_on(house)
    short = house.views.timeline("INC-1")
    whole = house.views.timeline("INC-1", everything=True)

    # Looks of the aftercare come only once it was stood down.
    assert {entry.kind for entry in whole} >= QUIET - {"aftercare.looked"}
    assert [one for one in whole if one.kind not in QUIET] == list(short)
    assert [one.position for one in whole] == sorted(one.position for one in whole)
    assert {one.stream for one in whole} == {"incident/INC-1", "halt/HALT-1", "plan/PLAN-1"}
    assert {one.tone for one in short} == {"good", "bad", "notice", "plain"}
    assert all(one.text for one in whole)


@told
async def test_a_timeline_is_whole_however_long_it_is(house: House) -> None:
    """Given more entries than are read at once, in several streams, then none is left out and each comes
    once, in order."""
    await house.register()
    await house.declare()
    for number in range(BATCH + 5):
        await house.do(c.AddNote("INC-1", f"note {number}"))
        if number == BATCH // 2:
            await house.do(OrderHalt("team:builders", "in the middle", "INC-1"))
    found = house.views.timeline("INC-1", everything=True)

    assert [one.text for one in found if one.kind == "note.added"] == [
        f"Note: note {number}" for number in range(BATCH + 5)
    ]
    places = [one.position for one in found]
    assert places == sorted(set(places))
    assert len({one.stream for one in found}) == 3


@told
async def test_the_log_can_be_followed_by_position(house: House) -> None:
    """Given a position, then the entries behind it come, quiet ones too, as many as are asked for."""
    await house.declare()
    entries = house.views.log(2, 3)

    assert [one.position for one in entries] == [3, 4, 5]


@told
async def test_the_roll_shows_words_and_evidence_apart(house: House) -> None:
    """Given an agent that answered and one that is silent, then the roll has what each said and what was
    seen, counts only what was seen, and keeps it after a release."""
    await house.register()
    await house.do(OrderHalt("all", "stop"))
    answer = AnswerRollCall("builder-1", "HALT-1", "stopped", "a task", "c0ffee", "main", True)
    await house.do(answer, BUILDER)
    async with house.working(house.runner.run):
        await house.wait(SECOND)
    view = house.views.halt("HALT-1")
    first, second = view.roll

    assert (first.state, first.settled, first.working_on, first.checkpoint) == (
        "confirmed", True, "a task", "c0ffee",
    )  # fmt: skip
    assert (first.evidence, second.state, second.settled) == ("confirm seen", "told", False)
    assert (view.settled, view.total, view.stopped, view.stands) == (1, 2, False, True)
    assert view.deadline_at is not None
    assert (view.deadline_at - view.ordered_at).total_seconds() == 300
    assert [one.state for one in house.views.agents()] == ["confirmed", "told"]
    await house.do(ReleaseHalt("HALT-1", "go on"), EVE)
    after = house.views.halt("HALT-1")
    assert [(one.state, one.held_as) for one in after.roll] == [
        ("released", "confirmed"), ("released", "told"),
    ]  # fmt: skip
    assert (after.stopped, after.settled) == (False, 1)
    assert [(one.state, one.held_by) for one in house.views.agents()] == [("running", ())] * 2


@told
async def test_an_agent_in_two_halts_shows_both_holders(house: House) -> None:
    """Given two halts over one agent, then it is held by both, and by one after the other is released."""
    await house.register()
    await house.do(OrderHalt("agent:builder-1", "stop"))
    await house.do(OrderHalt("all", "stop"))
    assert house.views.agents()[0].held_by == ("HALT-1", "HALT-2")
    await house.do(ReleaseHalt("HALT-2", "go on"), EVE)

    assert house.views.agents()[0].held_by == ("HALT-1",)


@told
async def test_a_held_plan_says_at_which_step_and_why(house: House) -> None:
    """Given a plan whose step failed, then its lines show each step's state and what was seen."""
    await house.begin(isolating_by("isolate"))
    house.outside.acts["isolate"] = [failed("no such route")]
    plan = await house.contain()
    async with house.working(house.runner.run):
        await house.wait(SECOND)
    view = house.views.plan(plan)

    assert (view.state, view.held_because) == (PlanState.HELD, "no such route")
    assert [(one.id, one.state, one.evidence) for one in view.steps] == [
        ("isolate-payments", "failed", "no such route")
    ]
    assert view.hash == house.world.plans[plan].hash
    assert house.views.incident("INC-1").plans == (view,)


@told
async def test_a_gate_shows_how_far_it_is(house: House) -> None:
    """Given a remedy that waits at its gate, then the step says how many good samples it has of how many."""
    await house.declare()
    await go_on(house, 5)
    command = c.DecideRemedy("INC-1", "fix", "it is only stuck", "payments")
    await house.do(command, ADA)
    await go_on(house, 1)
    await house.do(c.Approve("INC-1", "plan:PLAN-2", house.views.plan("PLAN-2").hash), ADA)
    async with house.working(house.runner.run, house.timekeeper.run):
        await house.wait(2 * SECOND)
    await house.monitor.tick()
    gates = [one.gate for one in house.views.plan("PLAN-2").steps if one.gate]

    assert gates == ["1 of 3 good samples, stable 0s of 2s"]


@told
async def test_services_show_what_their_probes_saw(house: House) -> None:
    """Given probes that are down, bad for the first time, lame and good, then a service is down when one is
    down, up when all are up, and otherwise unknown."""
    plain = builders.policy()
    payments, gateway = plain.fleet.services
    lame = replace(gateway, name="lame", probes=(builders.probe("lame", "lame"),))
    first = replace(gateway, name="first", probes=(builders.probe("first", "first"),))
    fleet = replace(plain.fleet, services=(payments, gateway, first, lame))
    await house.begin(replace(plain, fleet=fleet))
    house.outside.samples = {
        "payments-deep": [(False, "it fails", {})],
        "first": [(True, "fine", {}), (True, "fine", {}), (False, "once", {})],
        "lame": [(None, "no route", {})],
    }
    for _ in range(3):
        await house.monitor.tick()
    seen = {one.name: (one.state, one.probes[0].state) for one in house.views.services()}

    assert seen == {
        "payments": ("down", "down"), "gateway": ("up", "up"),
        "first": ("unknown", "failing"), "lame": ("unknown", "unknown"),
    }  # fmt: skip
    assert house.views.services()[0].functions == ("buying",)


@told
async def test_one_incident_is_shown_whole(house: House) -> None:
    """Given an incident with people, evidence and times, then the view has all of it, in people's words."""
    terms = {"commander": "headmaster"}
    plain = builders.policy()
    await house.begin(replace(plain, protocol=replace(plain.protocol, terms=terms)))
    await house.declare(began_at=house.clock.now().utc)
    await house.do(c.OfferHandoff("INC-1", "commander", "ben"), ADA)
    await house.do(c.AcknowledgeIncident("INC-1"), BEN)
    await go_on(house, 10)
    await house.do(c.MissDeadline("INC-1", "none such"), TIMEKEEPER)
    view = house.views.incident("INC-1")

    assert [(one.title, one.name, one.offered_to) for one in view.roles] == [
        ("headmaster", "Ada", "ben"), ("communications lead", "Ben", ""), ("scribe", "", ""),
    ]  # fmt: skip
    assert [one.state for one in view.evidence] == ["collected", "collected"]
    measured = {one.name: (one.measured, one.target, one.met) for one in view.measures}
    assert measured["detect"] == ("0s", "15s", True)
    assert measured["mitigate"] == ("not yet", "none set", None)
    assert {one.id for one in view.deadlines} >= {"update:1", "target:resolve"}
    assert view.acknowledged_by == "ben"
    assert view.remedy in ("rollback", "fix", "investigate")

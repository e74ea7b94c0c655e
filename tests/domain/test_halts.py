"""Halts: latched, counted per holder, lifted only by people, and a release restarts only the free."""

import pytest

from allstop.domain.effects import Effect, Lane, Purpose, done, failed
from allstop.domain.halt.commands import OrderHalt, RegisterAgent, ReleaseHalt
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.principal import MONITOR, TIMEKEEPER, Principal
from tests.domain.builders import ADA, BEN, BUILDER, EVE, MINUTE, Story, outage


def refusal(story: Story) -> str:
    assert story.refused is not None, "it was allowed"
    return story.refused.reasons[0].code


def held(story: Story, agent: str) -> list[str]:
    return [halt.id for halt in story.world.holders(agent)]


def newcomer(story: Story) -> Story:
    return story.when(RegisterAgent("builder-3", "builder-3", "builders", "script", {}), ADA)


def two_outages() -> Story:
    """Two incidents, each with an all-stop of its own."""
    second = DeclareIncident("gateway fails", ("gateway",), "monitor", Impact(("browsing",)))
    return outage().when(second, MONITOR)


def test_an_all_stop_tells_every_agent_before_anything_else() -> None:
    story = outage()
    told = [effect for effect in story.effects if effect.purpose is Purpose.TELL]
    assert [effect.target for effect in told] == ["builder-1", "builder-2"]
    assert {effect.lane for effect in told} == {Lane.HALT}
    assert all(other.lane is not Lane.HALT for other in story.effects if other not in told)


def test_a_newcomer_in_scope_starts_halted_and_is_told() -> None:
    story = newcomer(outage())
    assert held(story, "builder-3") == ["HALT-1"]
    assert story.effects[-1].purpose is Purpose.TELL
    assert story.effects[-1].target == "builder-3"


def test_a_newcomer_unsettles_a_settled_halt() -> None:
    story = Story().when(OrderHalt("all", "nobody is here yet"))
    assert story.world.halts["HALT-1"].settled_at is not None
    assert newcomer(story).world.halts["HALT-1"].settled_at is None


def test_a_newcomer_outside_the_scope_goes_free() -> None:
    story = Story().register().when(OrderHalt("agent:builder-1", "it looks odd"))
    assert held(newcomer(story), "builder-3") == []


def test_an_agent_that_registers_again_stays_held() -> None:
    story = outage()
    story.when(RegisterAgent("builder-1", "other name", "crew", "script", {"new": 1}), ADA)
    assert held(story, "builder-1") == ["HALT-1"]


def test_exempt_agents_stay_active() -> None:
    story = Story().register().when(OrderHalt("all", "a drill", exempt=("builder-2",)))
    assert held(story, "builder-1") == ["HALT-1"]
    assert held(story, "builder-2") == []


def test_two_incidents_cannot_lift_each_others_halt() -> None:
    story = two_outages().when(ReleaseHalt("HALT-1", "the first is over"))
    assert held(story, "builder-1") == ["HALT-2"]
    assert story.records[-1].event.agents == ()
    assert story.result["still_held"] == ["builder-1", "builder-2"]
    assert not [effect for effect in story.effects if effect.purpose is Purpose.RESUME]


def test_the_last_release_resumes_all_and_an_overlap_only_the_free() -> None:
    story = outage().when(OrderHalt("agent:builder-1", "it deployed last"), EVE)
    story.when(ReleaseHalt("HALT-1", "it is over"))
    resumed = [one.target for one in story.effects if one.purpose is Purpose.RESUME]
    assert resumed == ["builder-2"]
    story.when(ReleaseHalt("HALT-2", "it was not the cause"), EVE)
    assert [one.target for one in story.effects if one.purpose is Purpose.RESUME] == [
        "builder-2",
        "builder-1",
    ]


def test_a_release_outranks_the_orders_before_it() -> None:
    """A delayed order to stop carries a lower number than the release, so it is refused."""
    story = outage().when(ReleaseHalt("HALT-1", "it is over"))
    epochs = {
        purpose: {one.epoch for one in story.effects if one.purpose is purpose}
        for purpose in (Purpose.TELL, Purpose.RESUME)
    }
    assert max(epochs[Purpose.TELL]) < min(epochs[Purpose.RESUME])


@pytest.mark.parametrize("who", [BUILDER, TIMEKEEPER, MONITOR, BEN])
def test_neither_agents_nor_the_coordinator_nor_bystanders_release(who: Principal) -> None:
    story = outage()
    world = story.world
    assert refusal(story.when(ReleaseHalt("HALT-1", "let us go on"), who)) in (
        "human-only",
        "no-authority",
    )
    assert story.world == world


def test_a_release_needs_a_reason_and_happens_once() -> None:
    story = outage()
    assert refusal(story.when(ReleaseHalt("HALT-1", " "))) == "no-reason"
    story.when(ReleaseHalt("HALT-1", "it is over"))
    assert refusal(story.when(ReleaseHalt("HALT-1", "again"))) == "already-released"
    assert refusal(story.when(ReleaseHalt("HALT-9", "what?"))) == "unknown-halt"


def test_agents_and_people_may_halt_and_must_say_why() -> None:
    story = Story().register().when(OrderHalt("all", "I broke it"), BUILDER)
    assert story.refused is None
    assert refusal(story.when(OrderHalt("all", ""), ADA)) == "no-reason"
    assert refusal(story.when(OrderHalt("team:bilders", "x"))) == "unknown-team"
    assert refusal(story.when(OrderHalt("agent:builder-9", "x"))) == "unknown-agent"
    assert refusal(story.when(OrderHalt("planet", "x"))) == "unknown-scope"
    assert refusal(story.when(OrderHalt("all", "x", exempt=("nobody",)))) == "unknown-agent"


def test_a_halt_of_nobody_is_settled_at_once() -> None:
    story = Story().when(OrderHalt("all", "just in case"))
    assert story.kinds() == ["halt.ordered", "halt.settled"]


def test_an_outcome_of_a_lifted_halt_settles_nothing() -> None:
    story = outage()
    told = [effect for effect in story.effects if effect.verb == "tell"]
    story.when(ReleaseHalt("HALT-1", "a false alarm"))
    story.effects = [*told]
    story.answer(done("late"))
    assert "halt.settled" not in story.kinds()


def test_who_could_not_be_told_to_go_on_is_stuck_and_named() -> None:
    story = outage().when(ReleaseHalt("HALT-1", "it is over"))
    story.answer(failed("no answer"), only="resume")
    lines = story.world.halts["HALT-1"].roll.values()
    assert {line.state for line in lines} == {"stuck"}


def test_time_lifts_no_halt() -> None:
    story = outage()
    story.answer(done("told"), only="tell")
    story.wait(10 * 24 * 60 * MINUTE)
    assert story.world.halts["HALT-1"].stands


def test_effects_are_numbered_by_their_place_in_the_log() -> None:
    ids: list[Effect] = outage().effects
    assert len({effect.id for effect in ids}) == len(ids)
    assert ids[0].id == "halt/HALT-1:1:0"

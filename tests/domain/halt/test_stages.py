"""A release in stages: a few go on first and are watched; what happens meanwhile stops it; every step is a person's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.effects import Purpose, failed
from allstop.domain.halt.commands import AbortRelease, OrderHalt, RegisterAgent, ReleaseHalt
from allstop.domain.halt.host_commands import Reach, RecordReached
from allstop.domain.halt.hosts import Host
from allstop.domain.halt.lifecycle import Hold
from allstop.domain.halt.scope import CLASSES
from allstop.domain.halt.standing_order import Accepted, Known, accept
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.policy import ReleaseRule, ReleaseStage
from allstop.domain.principal import HOSTS, MONITOR, TIMEKEEPER, Principal
from allstop.domain.standing_orders import compose, what_stands
from tests.domain.builders import ADA, BUILDER, EVE, MINUTE, Story, outage, policy
from tests.domain.halt.keys import ADA_KEY, ORDER_KEYS, RELEASE_KEYS, sealed, statement

CANARY = ReleaseStage("canary", 5 * MINUTE)
READING = ReleaseStage("reading")


def halted(*stages: ReleaseStage, keys: int = 0) -> Story:
    """A SEV1 whose agents are told and have a session each; a release goes by these stages."""
    rules = policy()
    stop = replace(rules.protocol.all_stop, stages=stages, release=(ReleaseRule("SEV1", 1, keys),))
    story = outage(replace(rules, protocol=replace(rules.protocol, all_stop=stop)))
    for agent in ("builder-1", "builder-2"):
        command = RegisterAgent(agent, agent, "builders", "script", {}, session=f"s-{agent}")
        story.when(command, ADA)
    return story.answer()


def codes(story: Story) -> list[str]:
    return [one.code for one in story.refused.reasons] if story.refused else []


def free(story: Story) -> list[str]:
    return [agent for agent in story.world.agents if not story.world.holders(agent)]


def release(story: Story, who: Principal = EVE) -> Story:
    return story.when(ReleaseHalt("HALT-1", "it is over"), who)


def test_without_stages_everybody_goes_on_at_once() -> None:
    assert free(release(halted())) == ["builder-1", "builder-2"]


def test_whoever_goes_on_is_told_that_the_world_has_changed_and_by_no_word_of_anybody() -> None:
    story = halted().wait(90 * MINUTE)
    story.effects.clear()
    story.when(ReleaseHalt("HALT-1", "$(rm -rf /) it is over"), EVE)
    told = {one.options["reason"] for one in story.effects if one.purpose is Purpose.RESUME}
    (said,) = told
    assert said.startswith("HALT-1 held you for 1h 30m; INC-1 is open; ")
    assert said.endswith("plan again; do not replay what you were doing.")


def test_one_a_team_goes_first_and_is_watched_before_the_rest() -> None:
    story = release(halted(CANARY))
    assert story.result == {"halt": "HALT-1", "stage": "canary", "allowed": ["builder-1"]}
    assert free(story) == ["builder-1"]
    assert [one.target for one in story.effects if one.purpose is Purpose.RESUME] == ["builder-1"]
    assert story.world.halts["HALT-1"].stands
    assert codes(release(story)) == ["watched"]
    story.wait(5 * MINUTE)
    assert free(release(story)) == ["builder-1", "builder-2"]
    assert not story.world.halts["HALT-1"].stands
    resumed = [one.target for one in story.effects if one.purpose is Purpose.RESUME]
    assert sorted(resumed) == ["builder-1", "builder-2"]


@pytest.mark.parametrize("who", [BUILDER, TIMEKEEPER, MONITOR])
def test_no_stage_is_entered_but_by_a_person(who: Principal) -> None:
    story = release(halted(CANARY)).wait(6 * MINUTE)
    assert codes(release(story, who)) in (["human-only"], ["no-authority"])
    assert free(story) == ["builder-1"]


def test_time_alone_lets_nobody_go() -> None:
    assert free(release(halted(CANARY)).wait(600 * MINUTE)) == ["builder-1"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (DeclareIncident("again", ("gateway",), "monitor"), "INC-2 was declared since"),
        (OrderHalt("agent:builder-1", "it did it again"), "HALT-2 was ordered since"),
    ],
)
def test_what_happens_meanwhile_keeps_the_rest_where_it_is(what: object, said: str) -> None:
    story = release(halted(CANARY)).when(what, ADA).wait(6 * MINUTE)
    assert codes(release(story)) == ["alarm"]
    assert story.refused is not None
    assert said in story.refused.reasons[0].text
    assert "builder-2" not in free(story)


def test_a_canary_that_cannot_be_woken_is_an_alarm() -> None:
    story = release(halted(CANARY)).answer(failed("its process is gone"), only="resume")
    assert codes(release(story.wait(6 * MINUTE))) == ["alarm"]


def test_a_release_that_is_aborted_puts_the_halt_back() -> None:
    story = release(halted(CANARY)).answer()
    before = story.world.halts["HALT-1"].epoch
    story.when(AbortRelease("HALT-1", "it dropped a table"), BUILDER)
    assert story.refused is None
    assert free(story) == []
    told = [one for one in story.effects if one.purpose is Purpose.TELL]
    assert [one.target for one in told] == ["builder-1"]
    assert told[0].epoch > before
    halt = story.world.halts["HALT-1"]
    assert (halt.stage, halt.asked_by, halt.roll["builder-1"].state) == ("", (), Hold.ORDERED)


def test_the_roll_is_called_anew_for_whoever_is_put_back() -> None:
    """Given a halt of an hour ago, whoever is put back has as long to answer as everybody had."""
    story = release(halted(CANARY).wait(60 * MINUTE)).answer()
    story.when(AbortRelease("HALT-1", "no"), ADA).wait(4 * MINUTE)
    for state in (Hold.ORDERED, Hold.UNACCOUNTED):
        assert story.world.halts["HALT-1"].roll["builder-1"].state is state
        story.wait(2 * MINUTE)


def test_what_cannot_be_put_back() -> None:
    story = halted(CANARY)
    assert codes(story.when(AbortRelease("HALT-1", "x"), ADA)) == ["not-releasing"]
    assert codes(story.when(AbortRelease("HALT-9", "x"), ADA)) == ["unknown-halt"]
    assert codes(release(story).when(AbortRelease("HALT-1", " "), ADA)) == ["no-reason"]
    story.wait(6 * MINUTE)
    assert codes(release(story).when(AbortRelease("HALT-1", "x"), ADA)) == ["already-released"]


def test_a_stage_that_lets_nobody_go_is_passed_over() -> None:
    """Reading is open under the usual halt, and there are no crews here."""
    story = release(halted(ReleaseStage("responders"), READING, CANARY))
    assert story.result["stage"] == "canary"


def test_reading_comes_first_where_it_was_blocked() -> None:
    story = halted(READING, CANARY).when(OrderHalt("all", "nothing at all", classes=("hard",)))
    story.when(ReleaseHalt("HALT-2", "let them look"), EVE)
    assert story.result["stage"] == "reading"
    assert free(story) == []
    passes = [one for one in what_stands(story.world, story.book).passes if one.halt == "HALT-2"]
    assert {(one.agent, one.classes) for one in passes} == {
        ("builder-1", ("read",)), ("builder-2", ("read",)),
    }  # fmt: skip


def test_whom_another_halt_holds_is_no_canary() -> None:
    story = halted(CANARY).when(OrderHalt("agent:builder-1", "that one too"), ADA)
    assert release(story).result["allowed"] == ["builder-2"]


def test_a_host_lets_the_canary_act_and_nobody_else() -> None:
    story = release(halted(CANARY))
    (one,) = what_stands(story.world, story.book).passes
    assert (one.session, one.role, one.classes) == ("s-builder-1", "canary", CLASSES)
    order = compose(what_stands(story.world, story.book), "coordinator", 9, story.now.utc, MINUTE)
    found = accept(Known("web-1"), sealed(order), ORDER_KEYS, RELEASE_KEYS, story.now.utc)
    assert isinstance(found, Accepted)
    assert [each.agent for each in found.known.passes] == ["builder-1"]
    assert [each.id for each in found.known.halts] == ["HALT-1"]


@pytest.mark.parametrize(("signed", "passes"), [(True, 1), (False, 0)])
def test_a_guarded_halt_lets_a_canary_act_by_the_same_signatures(signed: bool, passes: int) -> None:
    """Given a coordinator that was taken over, its stages open no host whose halt asks for keys."""
    story = halted(CANARY, keys=1)
    known = _heard(story, Known("web-1"), 8)
    said = statement("HALT-1", ADA_KEY, at=story.now.utc)
    forged = replace(said, signature="00" * 64)
    story.when(ReleaseHalt("HALT-1", "over", (said if signed else forged,), ("ada",)), EVE)
    assert story.result["stage"] == "canary"
    known = _heard(story, known, 9)
    assert ([one.id for one in known.halts], len(known.passes)) == (["HALT-1"], passes)


def _heard(story: Story, known: Known, seq: int) -> Known:
    order = compose(what_stands(story.world, story.book), "coordinator", seq, story.now.utc, MINUTE)
    found = accept(known, sealed(order), ORDER_KEYS, RELEASE_KEYS, story.now.utc)
    assert isinstance(found, Accepted)
    return found.known


def test_an_agent_on_a_host_is_awake_when_its_host_holds_the_order_that_lets_it_act() -> None:
    story = halted(CANARY)
    command = RegisterAgent("a-coder", "c", "coders", "host", {}, "web-1", "s-9")
    story.world = replace(story.world, hosts={"web-1": _host(story)})
    story.when(command, ADA)
    release(story)
    assert "a-coder" in story.result["allowed"]
    for passes, state in (((), Hold.RELEASED), ((("a-coder", "HALT-1"),), Hold.RESUMED)):
        reach = Reach("web-1", 9, ("a-coder",), ("HALT-1",), (), passes)
        story.when(RecordReached((reach,)), HOSTS)
        assert story.world.halts["HALT-1"].roll["a-coder"].state is state


def _host(story: Story) -> Host:
    return Host("web-1", story.now.utc, "person:eve")

"""Scopes and classes: whom a halt takes in, which tools it blocks, and who wins where halts meet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allstop.domain.halt.commands import OrderHalt, RegisterAgent, ReleaseHalt
from allstop.domain.halt.scope import (
    CLASSES,
    DEFAULT,
    HARD,
    blocked,
    normal,
    shown,
    stops_work,
    trouble_with,
)
from allstop.domain.halt.state import conflicts
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.incident.course_commands import MergeIncident
from allstop.domain.principal import COORDINATOR
from tests.domain.builders import ADA, EVE, Story
from tests.domain.test_kinship import whole


def placed(story: Story, agent: str, **place: str) -> Story:
    return story.when(RegisterAgent(agent, agent, "builders", "script", {}, **place), ADA)


def fleet() -> Story:
    """Two agents whose places are known."""
    story = Story().register()
    placed(story, "builder-1", host="web-1", session="s-1", repository="/srv/shop/api")
    return placed(story, "builder-2", host="web-2", session="s-2", repository="docs")


def held(story: Story) -> list[str]:
    return [agent for agent in story.world.agents if story.world.holders(agent)]


def refusal(story: Story) -> str:
    assert story.refused is not None, "it was allowed"
    return story.refused.reasons[0].code


@pytest.mark.parametrize(
    ("scope", "agents"),
    [
        ("session:s-1", ["builder-1"]),
        ("host:web-2", ["builder-2"]),
        ("repository:docs", ["builder-2"]),
        ("repository:/srv/shop", ["builder-1"]),
        ("repository:/srv/shop/", ["builder-1"]),
        ("repository:/srv/sho", []),
        ("repository:doc", []),
        ("repository:/srv/shop/api/v2", []),
    ],
)
def test_a_scope_takes_in_whoever_is_there(scope: str, agents: list[str]) -> None:
    assert held(fleet().when(OrderHalt(scope, "look"))) == agents


def test_an_agent_whose_place_is_unknown_is_in_no_such_scope() -> None:
    assert held(Story().register().when(OrderHalt("host:web-1", "look"))) == []


@pytest.mark.parametrize("scope", ["session:s-9", "host:web-9", "repository:/srv/none"])
def test_a_scope_nobody_is_in_yet_latches_for_newcomers_and_says_so(scope: str) -> None:
    story = fleet().when(OrderHalt(scope, "keep out"))
    assert "no agent is known to be in" in story.result["warning"]
    kind, _, name = scope.partition(":")
    placed(story, "builder-1", **{kind: name})
    assert held(story) == ["builder-1"]


def test_whoever_moves_out_of_a_scope_stays_held() -> None:
    story = fleet().when(OrderHalt("session:s-1", "stop"))
    placed(story, "builder-1", session="s-8")
    assert held(story) == ["builder-1"]


def test_the_roster_does_not_forget_where_an_agent_works() -> None:
    story = fleet()
    before = len(story.records)
    story.when(RegisterAgent("builder-1", "builder-1", "builders", "script", {}), COORDINATOR)
    assert story.world.agents["builder-1"].host == "web-1"
    assert len(story.records) == before


@pytest.mark.parametrize(
    ("scope", "code"),
    [
        ("session:", "bad-scope"),
        ("host:a b", "bad-scope"),
        ("host:web/1", "bad-scope"),
        ("repository:/srv/../etc", "bad-scope"),
        ("repository:a\nhalt HALT-1", "bad-scope"),
        ("repository: x", "bad-scope"),
        ("repository:" + "x" * 301, "bad-scope"),
        ("all:everybody", "unknown-scope"),
        ("service:payments", "unknown-scope"),
        ("", "unknown-scope"),
    ],
)
def test_what_is_no_scope_is_refused(scope: str, code: str) -> None:
    assert refusal(fleet().when(OrderHalt(scope, "stop"))) == code


@pytest.mark.parametrize("place", [{"host": "a b"}, {"session": "x\n"}, {"repository": "/a/../b"}])
def test_an_agent_registers_from_no_impossible_place(place: dict[str, str]) -> None:
    assert refusal(placed(Story().register(), "builder-1", **place)) == "bad-place"


def test_classes_are_recorded_in_one_way() -> None:
    story = fleet().when(OrderHalt("all", "no writes", classes=("exec", "write", "exec")))
    assert story.world.halts["HALT-1"].classes == ("write", "exec")
    story.when(OrderHalt("all", "all of it", classes=CLASSES))
    assert story.world.halts["HALT-2"].classes == HARD
    story.when(OrderHalt("all", "as usual", classes=()))
    assert story.world.halts["HALT-3"].classes == DEFAULT
    assert refusal(story.when(OrderHalt("all", "x", classes=("shell",)))) == "unknown-class"
    assert refusal(story.when(OrderHalt("all", "x", classes=("report",)))) == "unknown-class"


@given(st.lists(st.sampled_from((*CLASSES, "default", "hard"))), st.lists(st.sampled_from(CLASSES)))
def test_the_most_restrictive_wins(one: list[str], other: list[str]) -> None:
    both = blocked((*one, *other))
    assert both >= blocked(one)
    assert both >= blocked(other)
    assert blocked(normal(one)) == (blocked(one) or blocked(DEFAULT))
    assert shown(normal(one)) == shown(normal(normal(one)))


def test_a_halt_of_some_tools_is_no_all_stop() -> None:
    story = fleet().when(OrderHalt("all", "no deploys", classes=("deploy",)))
    assert not story.world.halts["HALT-1"].is_all_stop
    story.when(OrderHalt("all", "nothing at all", classes=("hard",)))
    assert story.world.halts["HALT-2"].is_all_stop
    assert not stops_work(("write", "exec"))


def test_an_agent_is_free_when_its_last_holder_lets_it_go() -> None:
    story = fleet().when(OrderHalt("host:web-1", "this machine"))
    story.when(OrderHalt("repository:/srv/shop", "this code", classes=("write",)))
    story.when(ReleaseHalt("HALT-1", "the machine is well"), EVE)
    assert story.result["still_held"] == ["builder-1"]
    assert story.result["held_by"] == {"builder-1": ["HALT-2"]}
    assert held(story) == ["builder-1"]


def test_two_halts_that_disagree_about_a_responder_are_shown_and_the_halt_wins() -> None:
    story = fleet().when(OrderHalt("all", "first", exempt=("builder-2",)))
    assert "warning" not in story.result
    story.when(OrderHalt("all", "second"), EVE)
    assert held(story) == ["builder-1", "builder-2"]
    assert story.result["warning"] == "HALT-1 lets builder-2 act, HALT-2 stops it"
    (found,) = conflicts(story.world.standing_halts())
    assert (found.agent, found.exempt_in, found.held_by) == ("builder-2", "HALT-1", "HALT-2")


def test_a_merge_keeps_what_only_the_merged_incident_blocked() -> None:
    """The incident that goes on blocks less, so it takes the stricter halt over."""
    story = Story(whole()).register()
    story.when(DeclareIncident("it is slow", ("gateway",), severity="SEV2"), ADA)
    story.when(DeclareIncident("it fails", ("payments",), severity="SEV2"), ADA)
    story.when(OrderHalt("all", "nothing at all", "INC-1", classes=("hard",)), ADA)
    story.when(OrderHalt("all", "no deploys", "INC-2", classes=("deploy",)), ADA)
    story.when(MergeIncident("INC-1", "INC-2", "one cause"), ADA)
    standing = [halt for halt in story.world.halts_of("INC-2") if halt.stands]
    assert [halt.classes for halt in standing] == [("deploy",), ("hard",)]


@given(st.text(max_size=40))
def test_no_text_is_half_a_scope(text: str) -> None:
    """Whatever passes can stand on a line of the state file."""
    if not trouble_with(text):
        assert text == "all" or (text.isprintable() and text.partition(":")[2].strip())

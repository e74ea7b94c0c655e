"""Agents that have gone for good: forgotten by people, never while something holds them."""

from __future__ import annotations

import pytest

from allstop.domain.halt.commands import OrderHalt, RegisterAgent, ReleaseHalt, RemoveAgent
from allstop.domain.principal import COORDINATOR
from tests.domain.builders import ADA, BUILDER, EVE, Story


def here() -> Story:
    """Two agents of the roster, and one that somebody started by hand."""
    story = Story().register()
    return story.when(RegisterAgent("claude-shop", "claude-shop", "agents", "script", {}), ADA)


def code(story: Story) -> str:
    assert story.refused is not None
    return story.refused.reasons[0].code


def test_who_was_removed_is_asked_for_no_more() -> None:
    story = here().when(RemoveAgent("claude-shop", "that machine is gone"), ADA)
    assert story.refused is None
    story.when(OrderHalt("all", "a look"), ADA)
    assert set(story.world.halts["HALT-1"].roll) == {"builder-1", "builder-2"}
    assert not any(one.target == "claude-shop" for one in story.effects)


def test_who_comes_back_under_the_name_is_an_agent_again_and_starts_halted() -> None:
    story = (
        here().when(RemoveAgent("claude-shop", "gone"), ADA).when(OrderHalt("all", "a look"), ADA)
    )
    story.when(RegisterAgent("claude-shop", "claude-shop", "agents", "script", {}), ADA)
    assert "claude-shop" in story.world.halts["HALT-1"].roll


def test_what_stops_somebody_does_not_lose_sight_of_it() -> None:
    story = here().when(OrderHalt("agent:claude-shop", "it drops tables"), ADA)
    story.when(RemoveAgent("claude-shop", "gone"), ADA)
    assert code(story) == "held"
    # and once it is let go, what is left of that halt stays readable
    story.when(ReleaseHalt("HALT-1", "it was a test"), EVE)
    story.when(RemoveAgent("claude-shop", "gone"), ADA)
    assert story.refused is None
    assert story.world.halts["HALT-1"].roll["claude-shop"].agent == "claude-shop"
    story.answer()
    assert story.refused is None


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (RemoveAgent("claude-shop", " "), "no-reason"),
        (RemoveAgent("claude-shopp", "gone"), "unknown-agent"),
        (RemoveAgent("builder-1", "gone"), "on-roster"),
    ],
)
def test_what_cannot_be_removed_says_why(command: RemoveAgent, said: str) -> None:
    assert code(here().when(command, ADA)) == said


@pytest.mark.parametrize("who", [BUILDER, COORDINATOR])
def test_only_people_remove_agents(who: object) -> None:
    story = here().when(RemoveAgent("claude-shop", "gone"), who)  # type: ignore[arg-type]
    assert story.refused is not None
    assert "claude-shop" in story.world.agents

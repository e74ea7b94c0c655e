"""Timers of a phase, and the deadlines of an incident that was reopened."""

from __future__ import annotations

from allstop.domain.draft import Draft
from allstop.domain.incident.commands import PostUpdate, StandDown
from allstop.domain.incident.course_commands import ElapseTimer
from allstop.domain.incident.events import PhaseEntered
from allstop.domain.policy import CriterionKind, Escalation, Phase, Policy
from tests.domain.builders import ADA, MINUTE, criterion
from tests.domain.promises import (
    HOUR,
    TIMEKEEPER,
    at,
    codes,
    declared,
    events,
    missed,
    quick,
    reopened,
)

# --- timers -------------------------------------------------------------------------------------


def waiting(*, ends: bool = False) -> Policy:
    timer = criterion("waited", CriterionKind.TIMER, window_ms=10 * MINUTE)
    after = criterion("rested", CriterionKind.TIMER, window_ms=20 * MINUTE)
    return quick(
        phases=(Phase("work", "Work", True, (timer,)),), stand_down=(after,) if ends else ()
    )


def test_a_timer_elapses_once_when_its_phase_has_lasted_so_long() -> None:
    story = declared(waiting()).wait(10 * MINUTE - 1)
    assert not events(story, "timer.elapsed")
    assert "resolved" in story.wait(1).world.incidents["INC-1"].milestones
    story.wait(HOUR)
    assert [one.criterion for one in events(story, "timer.elapsed")] == ["waited"]


def test_a_timer_does_not_elapse_early_nor_twice_whoever_says_so() -> None:
    story = declared(waiting())
    story.when(ElapseTimer("INC-1", "waited"), TIMEKEEPER)
    assert not events(story, "timer.elapsed")
    for _ in range(2):
        story.wait(10 * MINUTE).when(ElapseTimer("INC-1", "waited"), TIMEKEEPER)
        story.when(ElapseTimer("INC-1", "nothing"), TIMEKEEPER)
    assert len(events(story, "timer.elapsed")) == 1


def test_a_timer_of_standing_down_counts_from_the_last_phase() -> None:
    story = declared(waiting(ends=True)).wait(19 * MINUTE)
    assert codes(story.when(StandDown("INC-1", "over"), ADA)) == ["criterion:rested"]
    assert story.wait(MINUTE).when(StandDown("INC-1", "over"), ADA).refused is None


def test_a_phase_that_is_entered_again_counts_its_timer_anew() -> None:
    story = declared(waiting()).wait(11 * MINUTE).when(StandDown("INC-1", "over"), ADA)
    reopened(story.wait(HOUR))
    assert not story.world.incidents["INC-1"].timers
    story.wait(9 * MINUTE)
    assert len(events(story, "timer.elapsed")) == 1
    assert len(events(story.wait(MINUTE), "timer.elapsed")) == 2


def test_a_phase_that_is_gone_back_to_counts_its_timer_anew() -> None:
    """However it was entered: what had passed in the first stay does not count for the second."""
    story = declared(waiting()).wait(11 * MINUTE)
    draft = Draft(story.world, story.book, story.now, ADA, "story")
    draft.on_incident("INC-1", PhaseEntered("work"))
    story.world = draft.world
    assert not story.world.incidents["INC-1"].timers
    assert len(events(story.wait(10 * MINUTE), "timer.elapsed")) == 2


# --- another round ------------------------------------------------------------------------------


def test_a_reopened_incident_has_deadlines_of_its_own() -> None:
    """What was missed in the first response can be missed in the second, under another id."""
    chain = Escalation(("commander", "owner"), 10 * MINUTE)
    rules = quick(escalation=chain, phases=waiting().protocol.phases)
    story = declared(rules).wait(12 * MINUTE).when(StandDown("INC-1", "over"), ADA)
    first = missed(story)
    assert {"acknowledge", "target:contain"} <= set(first)
    reopened(story.wait(HOUR)).wait(2 * HOUR)
    second = missed(story)[len(first) :]
    assert {"acknowledge@2", "target:contain@2", "acknowledge:2@2"} <= set(second)
    assert len(set(missed(story))) == len(missed(story))
    found = events(story, "deadline.missed")
    assert [one.escalated_to for one in found if one.deadline == "acknowledge@2"] == [("ada",)]


def test_what_was_expected_before_is_no_promise_about_the_second_response() -> None:
    story = declared().when(PostUpdate("INC-1", "fixing", "soon", {}, at("2026-11-21 03:20")), ADA)
    story.wait(MINUTE).when(StandDown("INC-1", "over"), ADA)
    reopened(story.wait(HOUR)).wait(HOUR)
    assert not [id for id in missed(story) if id.startswith("expected")]

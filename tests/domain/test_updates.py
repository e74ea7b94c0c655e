"""Updates and deadlines: asked once, late once, escalated along the chain, also after an outage."""

from dataclasses import replace
from datetime import timedelta

from allstop.domain.due import due
from allstop.domain.incident.commands import (
    AcknowledgeIncident,
    DeclareIncident,
    MissDeadline,
    PostUpdate,
    RequestUpdate,
    SetSeverity,
)
from allstop.domain.principal import TIMEKEEPER
from tests.domain.builders import ADA, MINUTE, Story, outage


def events(story: Story, kind: str) -> list[object]:
    return [record.event for record in story.records if record.kind == kind]


def missed(story: Story) -> list[str]:
    return [event.deadline for event in events(story, "deadline.missed")]  # type: ignore[attr-defined]


def test_an_update_is_asked_for_when_it_falls_due_and_only_once() -> None:
    story = outage().wait(15 * MINUTE - 1)
    assert not events(story, "update.requested")
    story.wait(1)
    story.when(RequestUpdate("INC-1", 1), TIMEKEEPER)
    story.wait(5 * MINUTE)
    asked = events(story, "update.requested")
    assert [(event.number, event.of) for event in asked] == [(1, "ben")]  # type: ignore[attr-defined]


def test_an_update_in_time_is_not_late_and_moves_the_next_one() -> None:
    story = outage().when(AcknowledgeIncident("INC-1")).wait(14 * MINUTE)
    story.when(PostUpdate("INC-1", "containing", "we are at it"))
    story.wait(14 * MINUTE)
    assert "update:1" not in missed(story)
    assert not events(story, "update.requested")
    story.wait(MINUTE)
    assert [event.number for event in events(story, "update.requested")] == [2]  # type: ignore[attr-defined]


def test_a_late_update_is_late_once() -> None:
    story = outage().wait(17 * MINUTE - 1)
    assert "update:1" not in missed(story)
    story.wait(1).wait(60 * MINUTE)
    assert missed(story).count("update:1") == 1


def test_an_update_needs_words_and_a_known_status() -> None:
    def refusal(story: Story) -> str:
        assert story.refused is not None
        return story.refused.reasons[0].code

    story = outage()
    assert refusal(story.when(PostUpdate("INC-1", "fixing", " "))) == "empty"
    assert refusal(story.when(PostUpdate("INC-1", "fixing", "x" * 4001))) == "too-long"
    assert refusal(story.when(PostUpdate("INC-1", "fixin", "x"))) == "unknown-status"


def test_each_missed_deadline_goes_further_up_the_chain() -> None:
    """First the commander, then the owner, who stays the last."""
    story = outage().wait(61 * MINUTE)
    told = [event.escalated_to for event in events(story, "deadline.missed")]  # type: ignore[attr-defined]
    assert told[0] == ("ada",)
    assert set(told[1:]) == {("eve",)}
    assert len(told) == len(set(missed(story))) >= 4


def test_a_deadline_that_was_met_is_not_missed() -> None:
    story = outage().wait(4 * MINUTE).when(AcknowledgeIncident("INC-1"), ADA).wait(2 * MINUTE)
    assert "acknowledge" not in missed(story)


def test_a_deadline_is_not_missed_before_its_time_whoever_says_so() -> None:
    story = outage().wait(MINUTE).when(MissDeadline("INC-1", "acknowledge"), TIMEKEEPER)
    assert not missed(story)


def test_after_a_long_outage_each_deadline_fires_once() -> None:
    """Nobody looked for three days; then each is recorded once, marked with when it was due."""
    story = outage()
    story.now = replace(story.now, utc=story.now.utc + timedelta(days=3))
    story.settle().settle()
    assert sorted(missed(story)) == ["acknowledge", "target:contain", "target:resolve", "update:1"]
    for event in events(story, "deadline.missed"):
        assert event.due_at < story.now.utc - timedelta(days=2)  # type: ignore[attr-defined]


def test_due_comes_to_rest_and_names_the_next_instant() -> None:
    story = outage().settle()
    found = due(story.world, story.book, story.now)
    assert not found.commands
    assert found.next_at is not None
    assert found.next_at > story.now.utc


def test_a_severity_that_owes_no_updates_asks_for_none() -> None:
    story = Story().when(DeclareIncident("a small thing")).wait(120 * MINUTE)
    assert story.world.incidents["INC-1"].severity == "SEV3"
    assert not events(story, "update.requested")


def test_a_raised_severity_makes_updates_due_from_when_it_was_raised() -> None:
    """That it was raised was told to everybody just now: the first update is due a cadence later."""
    story = Story().when(DeclareIncident("a small thing")).wait(30 * MINUTE)
    story.when(AcknowledgeIncident("INC-1"))
    story.when(SetSeverity("INC-1", "SEV1", "it grew")).wait(15 * MINUTE - 1)
    assert not events(story, "update.requested")
    assert len(events(story.wait(1), "update.requested")) == 1


def test_an_update_that_was_asked_for_stays_asked_for_when_the_severity_changes() -> None:
    """It was due, and is: a new severity moves when it is late, and nobody is asked twice."""
    story = outage().wait(15 * MINUTE)
    story.when(SetSeverity("INC-1", "SEV2", "it shrank")).wait(16 * MINUTE)
    assert len(events(story, "update.requested")) == 1
    assert "update:1" not in missed(story)
    assert missed(story.wait(MINUTE)).count("update:1") == 1

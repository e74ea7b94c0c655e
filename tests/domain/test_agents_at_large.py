"""Agents that force did not stop, and what is said late, twice, or about a halt that is over."""

from __future__ import annotations

from dataclasses import replace

from allstop.domain.effects import Effect, Purpose, done, failed
from allstop.domain.halt.commands import (
    AnswerRollCall,
    CloseRollCall,
    OrderHalt,
    ReleaseHalt,
    RemindRollCall,
)
from allstop.domain.plan.commands import RecordOutcome
from allstop.domain.policy import Policy
from allstop.domain.principal import RUNNER, TIMEKEEPER, Kind, Principal
from tests.domain.builders import ADA, BUILDER, MINUTE, Story, outage, policy

OTHER = Principal("builder-2", Kind.AGENT)


def at_large(story: Story) -> list[tuple[str, str, str]]:
    """Who was told that an agent may still be running."""
    events = [one.event for one in story.records if one.kind == "notification.requested"]
    return [
        (one.to, one.subject, one.text) for one in events if "may still be running" in one.subject
    ]


def owner_heard() -> Policy:
    """The owner has a channel too."""
    rules = policy()
    people = tuple(replace(one, channels=("chat",)) for one in rules.roster.people)
    return replace(rules, roster=replace(rules.roster, people=people))


def freezing(rules: Policy | None = None) -> Story:
    """Nobody has answered, and force is on its way to both."""
    return outage(rules).answer(done("told"), only="tell").wait(5 * MINUTE)


def mine(story: Story, purpose: Purpose, agent: str = "builder-1") -> Effect:
    return next(one for one in story.effects if one.purpose is purpose and one.target == agent)


def test_the_commander_hears_of_each_agent_that_runs_on_with_what_to_do() -> None:
    story = freezing()
    story.when(RecordOutcome(mine(story, Purpose.FREEZE), failed("pid 1 runs on")), RUNNER)
    story.when(RecordOutcome(mine(story, Purpose.FREEZE, "builder-2"), done("frozen")), RUNNER)
    assert at_large(story) == [
        (
            "person:ada", "INC-1: builder-1 may still be running",
            "pid 1 runs on. Stop it by hand, then answer for it: allstop answer HALT-1 --agent builder-1",
        )
    ]  # fmt: skip


def test_nobody_is_sent_after_an_agent_whose_halt_was_lifted_meanwhile() -> None:
    story = freezing()
    freeze = mine(story, Purpose.FREEZE)
    story.when(ReleaseHalt("HALT-1", "it was a false alarm"), ADA)
    story.when(RecordOutcome(freeze, failed("pid 1 runs on")), RUNNER)
    assert at_large(story) == []


def test_where_nobody_commands_whoever_is_next_hears_of_it() -> None:
    """Given an incident without a commander, an agent that runs on is not kept quiet about."""
    story = freezing(owner_heard())
    incident = replace(story.world.incidents["INC-1"], roles={})
    story.world = replace(story.world, incidents={"INC-1": incident})
    story.when(RecordOutcome(mine(story, Purpose.FREEZE), failed("pid 1 runs on")), RUNNER)
    assert at_large(story)


def test_of_a_halt_of_no_incident_whoever_ordered_it_hears_and_so_does_the_owner() -> None:
    story = Story(owner_heard()).register().when(OrderHalt("all", "a look at the disk"), ADA)
    story.answer(done("told"), only="tell").wait(5 * MINUTE)
    story.when(RecordOutcome(mine(story, Purpose.FREEZE), failed("it runs on")), RUNNER)
    assert story.refused is None
    assert story.world.halts["HALT-1"].roll["builder-1"].state == "escaped"
    told = at_large(story)
    assert {one[0] for one in told} == {"person:ada", "person:eve"}
    assert all(one[1] == "HALT-1: builder-1 may still be running" for one in told)


def test_what_is_observed_of_somebody_no_halt_holds_changes_nothing() -> None:
    story = freezing()
    freeze, before = mine(story, Purpose.FREEZE), len(story.records)
    for stray in (
        replace(freeze, stream="halt/HALT-9"),
        replace(freeze, target="stranger", ref="stranger"),
    ):
        story.when(RecordOutcome(stray, done("frozen")), RUNNER)
        assert story.refused is None
    assert len(story.records) == before


def test_all_stopped_is_said_once_and_never_of_a_halt_that_is_over() -> None:
    """Given everybody accounted for, when more evidence of the same comes in, then it is not said again; and when
    the evidence comes after the release, then it is not said at all."""
    story = outage().answer(done("told"), only="tell")
    for who in (BUILDER, OTHER):
        story.when(AnswerRollCall(who.id, "HALT-1", "stopped"), who)
    confirm = mine(story, Purpose.CONFIRM)
    story.answer(done("seen"), only="confirm")
    story.when(RecordOutcome(confirm, done("seen again")), RUNNER)
    assert story.kinds().count("halt.settled") == 1

    late = outage().answer(done("told"), only="tell")
    for who in (BUILDER, OTHER):
        late.when(AnswerRollCall(who.id, "HALT-1", "stopped"), who)
    late.when(ReleaseHalt("HALT-1", "a false alarm"), ADA).answer(done("seen"), only="confirm")
    assert "halt.settled" not in late.kinds()


def test_the_silent_are_reminded_once_and_nobody_else() -> None:
    story = outage().answer(done("told"), only="tell")
    story.when(AnswerRollCall("builder-1", "HALT-1", "stopped"), BUILDER)
    for _ in range(2):
        story.when(RemindRollCall("HALT-1"), TIMEKEEPER)
    reminded = [one.event.agents for one in story.records if one.kind == "roll_call.reminded"]
    assert reminded == [("builder-2",)]

    answered = outage().answer(done("told"), only="tell")
    for who in (BUILDER, OTHER):
        answered.when(AnswerRollCall(who.id, "HALT-1", "stopped"), who)
    answered.when(RemindRollCall("HALT-1"), TIMEKEEPER)
    assert "roll_call.reminded" not in answered.kinds()


def test_after_the_release_nobody_is_reminded_or_unaccounted_for() -> None:
    story = outage().answer(done("told"), only="tell")
    story.when(ReleaseHalt("HALT-1", "a false alarm"), ADA)
    before = len(story.records)
    story.when(RemindRollCall("HALT-1"), TIMEKEEPER).when(CloseRollCall("HALT-1"), TIMEKEEPER)
    assert len(story.records) == before


def test_an_agent_that_does_not_go_on_is_not_said_to_work_again() -> None:
    story = freezing().answer(done("frozen"), only="freeze")
    story.when(ReleaseHalt("HALT-1", "over"), ADA)
    story.answer(failed("its process is gone"), only="resume")
    states = {line.agent: line.state.value for line in story.world.halts["HALT-1"].roll.values()}
    assert states == {"builder-1": "stuck", "builder-2": "stuck"}

"""The roll call: words are checked against evidence, and silence ends in force."""

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.effects import Purpose, done, failed
from allstop.domain.gates import phase_standings
from allstop.domain.halt.commands import AnswerRollCall, OrderHalt, ReleaseHalt
from allstop.domain.halt.lifecycle import Hold
from allstop.domain.incident.commands import DeclareIncident, MeasureImpact
from allstop.domain.principal import Kind, Principal
from tests.domain.builders import ADA, BUILDER, MINUTE, Story, outage

OTHER = Principal("builder-2", Kind.AGENT)


def refusal(story: Story) -> str:
    assert story.refused is not None, "it was allowed"
    return story.refused.reasons[0].code


def told() -> Story:
    return outage().answer(done("told"), only="tell")


def says(story: Story, who: Principal = BUILDER, **more: Any) -> Story:
    return story.when(AnswerRollCall(who.id, "HALT-1", "stopped", **more), who)


def state(story: Story, agent: str = "builder-1") -> str:
    return story.world.halts["HALT-1"].roll[agent].state.value


def met(story: Story) -> bool:
    incident = story.world.incidents["INC-1"]
    phase = story.policy.protocol.phase("assess")
    found = phase_standings(story.world, story.policy, incident, phase)
    return next(one.passed for one in found if one.criterion.id == "roll-call")


def test_an_answer_is_the_agents_word_until_evidence_agrees() -> None:
    story = says(told(), working_on="the tax table", checkpoint="c0ffee", branch="tax")
    assert state(story) == "answered"
    assert story.effects[-1].purpose is Purpose.CONFIRM
    assert story.effects[-1].options["checkpoint"] == "c0ffee"
    story.answer(done("clean work tree at c0ffee"), only="confirm")
    assert state(story) == "confirmed"


def test_all_stopped_is_said_only_when_all_are_accounted_for() -> None:
    story = says(told()).answer(done("seen"), only="confirm")
    assert "halt.settled" not in story.kinds()
    assert not met(story)
    says(story, OTHER).answer(done("seen"), only="confirm")
    assert story.records[-1].event.confirmed == 2
    assert met(story)


def test_evidence_against_an_answer_contradicts_it() -> None:
    story = says(told()).answer(failed("pid 17 still writes"), only="confirm")
    assert state(story) == "contradicted"
    assert story.world.halts["HALT-1"].roll["builder-1"].evidence == "pid 17 still writes"


def test_a_contradicted_agent_may_answer_again_truthfully() -> None:
    story = says(told()).answer(failed("it writes"), only="confirm")
    says(story).answer(done("now it stands still"), only="confirm")
    assert state(story) == "confirmed"


def test_an_agent_may_not_answer_for_another_and_a_person_may() -> None:
    story = told()
    story.when(AnswerRollCall("builder-2", "HALT-1", "stopped"), BUILDER)
    assert refusal(story) == "not-yours"
    story.when(AnswerRollCall("builder-2", "HALT-1", "stopped"), ADA)
    assert state(story, "builder-2") == "answered"


def test_answers_to_unknown_or_lifted_halts_are_refused() -> None:
    story = told()
    assert (
        refusal(story.when(AnswerRollCall("builder-1", "HALT-7", "x"), BUILDER)) == "unknown-halt"
    )
    assert refusal(story.when(AnswerRollCall("ghost", "HALT-1", "x"), ADA)) == "not-held"
    story.when(ReleaseHalt("HALT-1", "it is over"))
    assert refusal(says(story)) == "released"


def test_a_second_answer_after_the_evidence_changes_nothing() -> None:
    story = says(told(), checkpoint="c0ffee").answer(done("seen"), only="confirm")
    before = len(story.records)
    says(story, checkpoint="other")
    assert len(story.records) == before
    assert story.result["state"] == "confirmed"
    assert story.world.halts["HALT-1"].roll["builder-1"].checkpoint == "c0ffee"


def test_the_silent_are_reminded_once() -> None:
    story = says(told()).answer(done("seen"), only="confirm").wait(4 * MINUTE)
    reminders = [one.event.agents for one in story.records if one.kind == "roll_call.reminded"]
    assert reminders == [("builder-2",)]
    assert [one.target for one in story.effects if one.purpose is Purpose.TELL] == ["builder-2"]


def test_at_the_deadline_the_silent_are_stopped_by_force_and_read_back() -> None:
    story = told().wait(5 * MINUTE - 1)
    assert state(story) == "told"
    story.wait(1)
    assert state(story) == "unaccounted"
    assert "halt.settled" not in story.kinds()
    story.answer(done("3 processes frozen"), only="freeze")
    assert state(story) == "enforced"
    settled = [one.event for one in story.records if one.kind == "halt.settled"]
    assert [(one.confirmed, one.enforced) for one in settled] == [(0, 2)]


@pytest.mark.parametrize(
    ("outcome", "because"),
    [
        (done("told"), "no answer by the deadline"),
        (failed("no route"), "the order could not be delivered"),
    ],
)
def test_the_record_says_why_somebody_is_unaccounted_for(outcome: object, because: str) -> None:
    story = outage().answer(outcome, only="tell").wait(5 * MINUTE)  # type: ignore[arg-type]
    lost = [one.event for one in story.records if one.kind == "agent.unaccounted"]
    assert {one.because for one in lost} == {because}


def test_a_late_answer_is_heard_and_checked() -> None:
    story = told().wait(5 * MINUTE)
    says(story).answer(done("it stands still"), only="confirm")
    assert state(story) == "confirmed"
    story.answer(done("frozen too"), only="freeze")
    assert state(story) == "confirmed"


def test_a_late_lie_is_enforced() -> None:
    story = says(told().wait(5 * MINUTE))
    story.effects = [one for one in story.effects if one.verb == "confirm"]
    story.answer(failed("it writes"), only="confirm")
    story.settle()
    assert state(story) == "unaccounted"
    story.answer(done("frozen"), only="freeze")
    assert state(story) == "enforced"


def test_when_force_does_not_help_the_commander_is_told_and_nobody_says_all_stopped() -> None:
    story = told().wait(5 * MINUTE).answer(failed("pid 1 runs on"), only="freeze")
    assert state(story) == "escaped"
    assert not met(story)
    subjects = [
        (one.event.to, one.event.subject)
        for one in story.records
        if one.kind == "notification.requested"
    ]
    assert ("person:ada", "INC-1: builder-1 may still be running") in subjects


def test_an_escaped_agent_that_a_person_stopped_is_checked_again() -> None:
    story = told().wait(5 * MINUTE).answer(failed("it runs on"), only="freeze")
    story.when(AnswerRollCall("builder-1", "HALT-1", "unplugged by hand"), ADA)
    assert state(story) == "answered"
    story.answer(done("no process is left"), only="confirm")
    assert state(story) == "confirmed"


def test_without_enforcement_the_unaccounted_stay_unaccounted() -> None:
    story = told()
    rules = replace(story.policy.protocol.all_stop, enforce="none")
    story.policy = replace(story.policy, protocol=replace(story.policy.protocol, all_stop=rules))
    story.wait(5 * MINUTE)
    assert state(story) == "unaccounted"
    assert not [one for one in story.effects if one.purpose is Purpose.FREEZE]


def test_a_smaller_halt_of_the_incident_does_not_stand_for_its_all_stop() -> None:
    """Found by review: the criterion used to look at the newest halt only."""
    story = told().when(OrderHalt("agent:builder-1", "that one too", "INC-1"))
    story.when(AnswerRollCall("builder-1", "HALT-2", "stopped"), BUILDER)
    story.answer(done("seen"), only="confirm")
    assert story.world.halts["HALT-2"].settled_at is not None
    assert not met(story)


def test_below_the_all_stop_severity_there_is_no_roll_to_call() -> None:
    story = Story().register().when(DeclareIncident("slow", ("payments",)))
    assert met(story)
    story.when(MeasureImpact("INC-1", outage().world.incidents["INC-1"].impact))
    assert not met(story)


def test_what_an_agent_says_is_cut_to_size() -> None:
    story = says(told(), working_on="x" * 9000, checkpoint="y" * 900)
    line = story.world.halts["HALT-1"].roll["builder-1"]
    assert (len(line.working_on), len(line.checkpoint)) == (500, 100)
    assert line.state is Hold.ANSWERED

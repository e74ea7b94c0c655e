"""Rollback, fix or investigate: the table decides, names what nobody knew, and a person may overrule."""

from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.domain.due import due
from allstop.domain.effects import done, failed
from allstop.domain.incident.commands import DecideRemedy, DeclareIncident
from allstop.domain.incident.events import RemedyDecided
from allstop.domain.policy.tables import Scalar
from allstop.domain.principal import MONITOR, TIMEKEEPER
from allstop.domain.remedy import REMEDY_FACTS, decide_by_table
from tests.domain.builders import ADA, BEN, BUILDER, MINUTE, Story, outage, protocol

FRESH: dict[str, Scalar] = {"head_age_seconds": 60, "head_tree": "bad-tree"}
STALE: dict[str, Scalar] = {"head_age_seconds": 10**6, "head_tree": "bad-tree"}
UP: dict[str, Scalar] = {"running": True}
DOWN: dict[str, Scalar] = {"running": False}


def decided(changes: dict[str, Scalar], state: dict[str, Scalar]) -> RemedyDecided:
    story = outage()
    story.answer(done("read", changes), only="history")
    story.answer(done("read", state), only="state")
    story.settle()
    found = story.world.incidents["INC-1"].remedy
    assert found is not None
    return found


def refusal(story: Story) -> str:
    assert story.refused is not None, "it was allowed"
    return story.refused.reasons[0].code


@pytest.mark.parametrize(
    ("changes", "state", "remedy", "row"),
    [
        (FRESH, DOWN, "fix", 0),
        (STALE, DOWN, "fix", 0),
        (FRESH, UP, "rollback", 1),
        (STALE, UP, "investigate", 2),
        ({**FRESH, "head_tree": "good-tree"}, UP, "investigate", 2),
        ({}, {}, "investigate", 2),
    ],
)
def test_each_row_of_the_table(
    changes: dict[str, Scalar], state: dict[str, Scalar], remedy: str, row: int
) -> None:
    found = decided(changes, state)
    assert (found.remedy, found.row, found.by_person) == (remedy, row, False)


def test_a_decision_explains_itself_and_lists_what_nobody_knew() -> None:
    found = decided(FRESH, {})
    assert found.because.startswith("it was deployed just now (recent_deployment is yes")
    assert "process_running" in found.unknown
    assert "recent_deployment" not in found.unknown
    assert found.facts["process_running"] is None


def test_an_empty_table_investigates() -> None:
    rules = protocol()
    found = decide_by_table(replace(rules, remedy=replace(rules.remedy, rows=())), {})
    assert (found.remedy, found.row) == ("investigate", -1)
    assert found.unknown == tuple(REMEDY_FACTS)


def test_the_table_waits_for_the_evidence_and_not_for_ever() -> None:
    story = outage().settle()
    assert story.world.incidents["INC-1"].remedy is None
    story.wait(2 * MINUTE)
    assert story.world.incidents["INC-1"].remedy is not None


def test_evidence_that_cannot_be_had_is_recorded_as_such() -> None:
    story = outage().answer(failed("no such repository"), only="history")
    piece = story.world.incidents["INC-1"].evidence["payments/recent-changes"]
    assert (piece.state, piece.summary) == ("failed", "no such repository")


def test_evidence_is_recorded_once() -> None:
    story = outage()
    effects = [one for one in story.effects if one.verb == "history"]
    story.answer(done("first"), only="history")
    story.effects = effects
    story.answer(done("second"), only="history")
    assert story.kinds().count("evidence.collected") == 1


def test_a_commander_overrules_the_table_with_a_reason() -> None:
    story = outage().wait(2 * MINUTE)
    assert refusal(story.when(DecideRemedy("INC-1", "fix"))) == "no-reason"
    assert refusal(story.when(DecideRemedy("INC-1", "pray", "x"))) == "unknown-remedy"
    assert refusal(story.when(DecideRemedy("INC-1", "fix", "x", "paymnts"))) == "unknown-service"
    assert refusal(story.when(DecideRemedy("INC-1", "fix", "x"), BEN)) == "no-authority"
    assert refusal(story.when(DecideRemedy("INC-1", "fix", "x"), BUILDER)) == "no-authority"
    story.when(DecideRemedy("INC-1", "fix", "I saw the stack trace"), ADA)
    found = story.world.incidents["INC-1"].remedy
    assert found is not None
    assert (found.remedy, found.row, found.by_person) == ("fix", -1, True)


def test_the_coordinator_never_overrules_and_never_decides_twice() -> None:
    story = outage().wait(2 * MINUTE)
    before = len(story.records)
    story.when(DecideRemedy("INC-1"), TIMEKEEPER)
    assert len(story.records) == before


def test_an_active_remedy_plan_is_abandoned_before_another_is_chosen() -> None:
    story = outage()
    story.answer(done("gone", DOWN), only="state").answer(done("read", FRESH), only="history")
    story.settle().answer(done("cut off"), only="isolate").answer(done("proven"), only="measure")
    story.settle()
    assert story.world.plans["PLAN-2"].purpose == "remedy"
    assert refusal(story.when(DecideRemedy("INC-1", "rollback", "better"))) == "plan-active"


def test_one_decision_leads_to_one_plan_even_when_the_wall_clock_steps_back() -> None:
    """A plan that looks older than its decision was once made again and again."""
    story = outage()
    story.answer(done("gone", DOWN), only="state").answer(done("read", FRESH), only="history")
    story.settle()
    assert story.world.incidents["INC-1"].remedy is not None
    story.now = replace(story.now, utc=story.now.utc - timedelta(seconds=30))
    story.answer(done("cut off"), only="isolate").answer(done("proven"), only="measure")
    story.settle()
    assert [plan.purpose for plan in story.world.plans.values()] == ["contain", "remedy"]
    assert not due(story.world, story.book, story.now).commands


def test_without_a_named_service_there_is_nothing_to_decide_on() -> None:
    story = Story().when(DeclareIncident("something is wrong"), MONITOR).settle()
    found = story.world.incidents["INC-1"].remedy
    assert found is not None
    assert (found.remedy, found.service) == ("investigate", "")

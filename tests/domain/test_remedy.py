"""Rollback, fix or investigate: the table decides, names what nobody knew, and a person may overrule."""

from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.domain.diagnosis import remedy_facts
from allstop.domain.due import due
from allstop.domain.effects import done, failed
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import (
    Approve,
    DecideRemedy,
    DeclareIncident,
    MeasureImpact,
    RecordStatement,
)
from allstop.domain.incident.events import RemedyDecided
from allstop.domain.incident.work_commands import RecordFacts
from allstop.domain.plan.commands import AbortPlan
from allstop.domain.policy import Condition, Grant, Policy, RemedyRow
from allstop.domain.policy.tables import Scalar
from allstop.domain.principal import MONITOR, TIMEKEEPER
from allstop.domain.remedy import REMEDY_FACTS, decide_by_table
from tests.domain.builders import ADA, BEN, BUILDER, MINUTE, Story, outage, policy, protocol

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


def test_an_active_remedy_plan_is_aborted_before_another_is_chosen() -> None:
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


# --- what people state, and deciding again -------------------------------------------------------


def stating(*rows: RemedyRow) -> Policy:
    """The builders' policy, in which people may state facts; rows go before its decision table."""
    plain = policy()
    grants = (*plain.protocol.authority, Grant("facts", ("person",)))
    remedy = replace(plain.protocol.remedy, rows=(*rows, *plain.protocol.remedy.rows))
    return replace(plain, protocol=replace(plain.protocol, authority=grants, remedy=remedy))


def facts(story: Story) -> dict[str, Scalar]:
    incident = story.world.incidents["INC-1"]
    return remedy_facts(story.world, story.policy, incident, "payments")


def state(story: Story, **stated: Scalar) -> Story:
    return story.when(RecordFacts("INC-1", stated, "I looked"), BEN)


def remedies(story: Story) -> list[str]:
    return [one.event.remedy for one in story.records if one.kind == "remedy.decided"]


def gathered(story: Story, changes: dict[str, Scalar], service: dict[str, Scalar]) -> Story:
    story.answer(done("read", changes), only="history").answer(done("read", service), only="state")
    return story.settle()


@pytest.mark.parametrize(("name", "stated", "observed", "counts"), [
    ("recent_deployment", False, FRESH, True),
    ("recent_deployment", False, {}, False),
    ("fix_minutes", 20, FRESH, 20),
    ("schema_changed", True, FRESH, True),
    ("fix_safe", True, FRESH, True),
    ("rollback_disrupts", False, FRESH, False),
    ("cause_understood", True, FRESH, True),
    ("isolated", True, FRESH, True),
    ("known_good_release", False, FRESH, True),
    ("isolated", None, FRESH, False),
])  # fmt: skip
def test_what_was_observed_goes_before_what_is_stated_except_where_people_know_better(
    name: str, stated: Scalar, observed: dict[str, Scalar], counts: Scalar
) -> None:
    """Given a fact somebody states, then it fills what nobody observed; how long a fix takes, whether it is
    safe, whether the cause is understood or the trouble isolated, is for people to say."""
    story = gathered(outage(stating()), observed, DOWN)
    assert facts(state(story, **{name: stated}))[name] == counts


@pytest.mark.parametrize(("services", "impact", "isolated"), [
    (("payments",), Impact(failed_share_percent=5), True),
    (("payments", "gateway"), Impact(failed_share_percent=5), False),
    (("payments",), Impact(core_functions_down=("buying",)), False),
    (("gateway",), Impact(core_functions_down=("buying",)), True),
    (("payments",), Impact(), None),
    ((), Impact(failed_share_percent=5), None),
])  # fmt: skip
def test_trouble_is_isolated_when_one_service_is_hit_and_nothing_beside_it(
    services: tuple[str, ...], impact: Impact, isolated: bool | None
) -> None:
    story = Story().when(DeclareIncident("x", services, impact=impact), MONITOR)
    assert facts(story)["isolated"] is isolated


def test_a_stated_root_cause_is_a_cause_that_is_understood() -> None:
    story = outage(stating())
    assert facts(story)["cause_understood"] is None
    story.when(RecordStatement("INC-1", "root-cause", "a bad index"))
    assert facts(story)["cause_understood"] is True
    assert facts(state(story, cause_understood=False))["cause_understood"] is False


def test_evidence_that_comes_late_turns_the_decision() -> None:
    """Given a decision made without the evidence, when that arrives and the table says otherwise, then it is
    decided again, with the facts used and an announcement, and comes to rest."""
    story = outage().wait(3 * MINUTE)
    assert remedies(story) == ["investigate"]
    gathered(story, FRESH, UP)
    assert remedies(story) == ["investigate", "rollback"]
    assert not due(story.world, story.book, story.now).commands
    again = story.world.incidents["INC-1"].remedy
    assert again is not None
    assert (again.by_person, again.row, again.facts["recent_deployment"]) == (False, 1, True)
    notes = story.world.incidents["INC-1"].notifications.values()
    assert [one.subject for one in notes if "remedy is" in one.subject] == [
        "INC-1: remedy is investigate", "INC-1: remedy is rollback",
    ]  # fmt: skip


def test_evidence_that_changes_nothing_is_no_new_decision() -> None:
    story = gathered(outage().wait(3 * MINUTE), STALE, UP)
    assert remedies(story) == ["investigate"]


LOST = RemedyRow("investigate", (Condition("data_loss", "is", True),), "older code repairs no data")


def planned(rules: Policy) -> Story:
    """Contained, and the plan of a rollback waits for its approval."""
    story = gathered(outage(rules), FRESH, UP)
    story.answer(done("cut off"), only="isolate").answer(done("proven"), only="measure").settle()
    assert story.world.plans["PLAN-2"].title.startswith("roll payments back")
    return story


def test_a_plan_that_nobody_approved_goes_when_the_decision_turns() -> None:
    """Given a rollback that waits for its approval, when somebody states that data is lost, then the plan is
    aborted, the table is asked again, and no other plan is made for an investigation."""
    story = state(planned(stating(LOST)), data_loss=True).settle()
    assert remedies(story) == ["rollback", "investigate"]
    assert story.world.plans["PLAN-2"].state == "aborted"
    assert list(story.world.plans) == ["PLAN-1", "PLAN-2"]


def test_the_next_plan_follows_the_new_decision() -> None:
    fix = RemedyRow("fix", (Condition("fix_minutes", "at_most", 10),), "it is short")
    story = state(planned(stating(fix)), fix_minutes=5).settle()
    assert remedies(story) == ["rollback", "fix"]
    assert [one.state.value for one in story.world.plans.values()] == [
        "done",
        "aborted",
        "proposed",
    ]
    assert story.world.plans["PLAN-3"].title == "restart payments"


def test_a_plan_that_was_approved_is_left_alone() -> None:
    story = planned(stating(LOST))
    story.when(Approve("INC-1", "plan:PLAN-2", story.world.plans["PLAN-2"].hash))
    state(story, data_loss=True).settle()
    assert remedies(story) == ["rollback"]
    assert story.world.plans["PLAN-2"].state == "running"


def test_a_persons_choice_is_never_turned_by_facts() -> None:
    """Given a remedy that a person chose against the table, when facts arrive, then it stands."""
    story = outage(stating(LOST)).wait(3 * MINUTE)
    story.when(DecideRemedy("INC-1", "fix", "I know this one"), ADA)
    state(story, data_loss=True)
    gathered(story, FRESH, UP)
    assert remedies(story) == ["investigate", "fix"]


def test_a_rejected_plan_does_not_come_back_by_itself() -> None:
    story = planned(stating()).when(AbortPlan("PLAN-2", "not that way")).settle()
    assert remedies(story) == ["rollback"]
    assert list(story.world.plans) == ["PLAN-1", "PLAN-2"]


def test_a_worse_severity_is_a_fact_as_well() -> None:
    """Given a table that looks at the severity, when it is raised, then the table is asked again."""
    rows = (RemedyRow("fix", (Condition("severity_rank", "at_least", 2),), "small"),)
    story = Story(stating(*rows)).when(DeclareIncident("slow", ("payments",)), MONITOR)
    gathered(story, STALE, UP)
    assert remedies(story) == ["fix"]
    story.when(MeasureImpact("INC-1", Impact(core_functions_down=("buying",))), MONITOR).settle()
    assert remedies(story) == ["fix", "investigate"]

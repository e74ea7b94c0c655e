"""Plans: approved by their hash, held by trouble, settled by people, never run past a failure."""

from dataclasses import replace

import pytest

from allstop.domain.effects import Effect, Purpose, done, failed, retry, unknown
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import Approve, DeclareIncident, Override, StandDown
from allstop.domain.incident.course_commands import ReopenIncident
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import (
    AbortPlan,
    ContinuePlan,
    DrawPlan,
    MakePlan,
    ParkEffect,
    PausePlan,
    RecordOutcome,
    RetryStep,
    SettleStep,
    StartPlan,
)
from allstop.domain.policy import ApprovalRow, Grant
from allstop.domain.principal import MONITOR, RUNNER
from allstop.domain.world import KnownGood
from tests.domain.builders import (
    ADA,
    BEN,
    BUILDER,
    EVE,
    MINUTE,
    Story,
    action,
    outage,
    policy,
    probe,
)


def refusal(story: Story) -> str:
    assert story.refused is not None, "it was allowed"
    return story.refused.reasons[0].code


def both_services() -> Story:
    """An outage of two services, each isolated by a step of its own."""
    rules = policy()
    payments, gateway = rules.fleet.services
    gateway = replace(
        gateway,
        actions={"isolate": action("isolate")},
        verify={"isolated": probe("isolated", "gateway")},
    )
    story = Story(replace(rules, fleet=replace(rules.fleet, services=(payments, gateway))))
    story.register()
    command = DeclareIncident("all fails", ("payments", "gateway"), impact=Impact(("buying",)))
    return story.when(command, MONITOR).settle()


def remedied() -> Story:
    """Contained, and a rollback waits for its approval."""
    story = outage()
    story.answer(done("read", {"head_age_seconds": 60, "head_tree": "bad"}), only="history")
    story.answer(done("read", {"running": True}), only="state").settle()
    story.answer(done("cut off"), only="isolate").answer(done("proven"), only="measure")
    return story.settle()


def approved() -> Story:
    story = remedied()
    plan = story.world.plans["PLAN-2"]
    return story.when(Approve("INC-1", "plan:PLAN-2", plan.hash)).settle()


def step(story: Story, plan: str, name: str) -> str:
    return story.world.plans[plan].standing(name).state.value


def state(story: Story) -> str:
    return story.world.plans["PLAN-1"].state.value


def effect(story: Story, ref: str) -> Effect:
    return next(one for one in story.effects if one.purpose is Purpose.STEP and one.ref == ref)


def test_at_the_worst_severity_isolation_starts_by_itself_and_a_remedy_waits() -> None:
    story = remedied()
    assert story.world.plans["PLAN-1"].state.value == "done"
    assert story.world.plans["PLAN-2"].state.value == "proposed"
    assert "contained" in story.world.incidents["INC-1"].milestones


def test_an_approval_binds_to_the_hash_and_to_its_incident() -> None:
    story = remedied()
    assert refusal(story.when(Approve("INC-1", "plan:PLAN-2", "0" * 64))) == "plan-changed"
    assert refusal(story.when(Approve("INC-1", "plan:PLAN-2", " "))) == "no-hash"
    assert refusal(story.when(Approve("INC-1", "plan:PLAN-2"), BEN)) == "no-authority"
    assert refusal(story.when(Approve("INC-1", "plan:PLAN-2"), BUILDER)) == "human-only"
    assert refusal(story.when(Approve("INC-1", "plan:PLAN-9"))) == "unknown-plan"
    assert refusal(story.when(Approve("INC-1", "plan:PLAN-1"))) == "not-proposed"
    assert refusal(story.when(StartPlan("PLAN-2"))) == "not-approved"
    story.when(Approve("INC-1", "plan:PLAN-2", story.world.plans["PLAN-2"].hash))
    assert story.world.plans["PLAN-2"].approved_by == "person:ada"
    assert refusal(story.when(Approve("INC-1", "plan:PLAN-2"))) == "not-proposed"


def test_steps_follow_each_other_and_traffic_returns_only_behind_the_gate() -> None:
    story = approved()
    assert step(story, "PLAN-2", "rollback") == "running"
    story.answer(done("rolled back"), only="rollback").answer(done("up"), only="restart")
    story.answer(done("it runs good-tree"), only="measure")
    assert step(story, "PLAN-2", "gate-service") == "running"
    assert step(story, "PLAN-2", "reopen") == "waiting"
    assert not [one for one in story.effects if one.verb == "reopen"]
    for _ in range(4):
        story.now = replace(story.now, monotonic_ms=story.now.monotonic_ms + 1000)
        story.sample()
    assert step(story, "PLAN-2", "reopen") == "running"


def test_a_rollback_names_the_known_good_release_in_every_step() -> None:
    steps = remedied().world.plans["PLAN-2"].steps
    options = {one.id: one.options for one in steps if one.options}
    assert options["rollback"] == {"tree": "good-tree"}
    assert options["prove-release"] == {"want": "good-tree"}


def test_a_failed_step_holds_the_plan_and_tells_the_commander() -> None:
    story = outage().settle().answer(failed("the gateway said no"), only="isolate")
    plan = story.world.plans["PLAN-1"]
    assert (plan.state.value, plan.held_because) == ("held", "the gateway said no")
    assert step(story, "PLAN-1", "prove-payments") == "waiting"
    assert [one.event.to for one in story.records if one.kind == "notification.requested"][-1] == (
        "person:ada"
    )


def test_a_held_plan_stays_held_when_another_step_ends_well() -> None:
    """It used to go on, past the failure, with nobody told and nothing left to wake it."""
    story = both_services()
    story.when(RecordOutcome(effect(story, "isolate-payments"), failed("no")), RUNNER)
    story.when(RecordOutcome(effect(story, "isolate-gateway"), done("cut off")), RUNNER)
    assert story.world.plans["PLAN-1"].state.value == "held"
    assert step(story, "PLAN-1", "prove-gateway") == "waiting"
    story.when(RetryStep("PLAN-1", "isolate-payments"))
    assert story.world.plans["PLAN-1"].state.value == "running"


def test_two_failed_steps_are_both_dealt_with_before_the_plan_goes_on() -> None:
    story = both_services()
    isolations = [effect(story, f"isolate-{name}") for name in ("payments", "gateway")]
    for one in isolations:
        story.when(RecordOutcome(one, failed(f"{one.target} said no")), RUNNER)
    plan = story.world.plans["PLAN-1"]
    assert plan.held_because == "payments said no; gateway said no"
    story.effects = []
    story.when(RetryStep("PLAN-1", "isolate-payments")).answer(done("cut off"))
    assert story.world.plans["PLAN-1"].state.value == "held"
    story.when(RetryStep("PLAN-1", "isolate-gateway")).answer(done("cut off"))
    assert step(story, "PLAN-1", "prove-payments") == "running"
    assert step(story, "PLAN-1", "prove-gateway") == "running"


def test_a_retry_is_a_new_attempt_under_a_new_key() -> None:
    story = outage().settle()
    first = effect(story, "isolate-payments")
    story.answer(failed("no"), only="isolate").when(RetryStep("PLAN-1", "isolate-payments"))
    second = effect(story, "isolate-payments")
    assert story.records[-1].event.attempt == 2
    assert first.id != second.id


def test_only_steps_in_trouble_are_retried_and_only_with_authority() -> None:
    story = outage().settle()
    assert refusal(story.when(RetryStep("PLAN-1", "isolate-payments"))) == "not-held"
    story.answer(failed("no"), only="isolate")
    assert refusal(story.when(RetryStep("PLAN-1", "isolate-payments"), BEN)) == "no-authority"
    assert refusal(story.when(RetryStep("PLAN-1", "isolate-paymnts"))) == "unknown-step"
    assert refusal(story.when(RetryStep("PLAN-7", "isolate"))) == "unknown-plan"


def test_an_unknown_step_is_observed_before_anything_else_and_not_retried_meanwhile() -> None:
    story = outage().settle()
    one = effect(story, "isolate-payments")
    story.when(RecordOutcome(one, unknown("nobody saw how it ended")), RUNNER)
    assert step(story, "PLAN-1", "isolate-payments") == "unknown"
    assert story.world.plans["PLAN-1"].state.value == "running"
    assert refusal(story.when(RetryStep("PLAN-1", "isolate-payments"))) == "being-observed"
    story.when(RecordOutcome(one, done("the route is shut")), RUNNER)
    assert step(story, "PLAN-1", "isolate-payments") == "done"


def parked() -> Story:
    story = outage().settle()
    return story.when(ParkEffect(effect(story, "isolate-payments"), "no mark either way"), RUNNER)


def test_what_no_machine_can_know_holds_the_plan_for_a_person() -> None:
    story = parked()
    plan = story.world.plans["PLAN-1"]
    assert step(story, "PLAN-1", "isolate-payments") == "unknown"
    assert plan.held_because == "outcome unknown: no mark either way"


def test_a_person_settles_it_with_what_they_saw() -> None:
    story = parked()
    settle = SettleStep("PLAN-1", "isolate-payments", True, "curl gets 503")
    assert refusal(story.when(replace(settle, evidence=" "))) == "no-evidence"
    assert refusal(story.when(settle, BUILDER)) == "no-authority"
    assert refusal(story.when(settle, RUNNER)) == "human-only"
    story.when(settle, EVE)
    assert story.world.plans["PLAN-1"].standing("isolate-payments").evidence == (
        "person:eve: curl gets 503"
    )
    assert step(story, "PLAN-1", "prove-payments") == "running"


def test_what_a_person_saw_not_happen_is_tried_again() -> None:
    story = parked().when(SettleStep("PLAN-1", "isolate-payments", False, "it still answers"))
    assert step(story, "PLAN-1", "isolate-payments") == "running"
    assert story.world.plans["PLAN-1"].state.value == "running"


def test_a_failed_step_is_not_talked_into_success() -> None:
    """Settling one once left the plan running with a failed step, for ever."""
    story = outage().settle().answer(failed("no"), only="isolate")
    story.when(SettleStep("PLAN-1", "isolate-payments", True, "looks fine to me"))
    assert refusal(story) == "not-unknown"


@pytest.mark.parametrize("ending", [done("late"), failed("late"), unknown("late")])
def test_a_late_outcome_of_an_ended_step_changes_nothing(ending: object) -> None:
    story = outage().settle()
    one = effect(story, "isolate-payments")
    story.when(RecordOutcome(one, done("cut off")), RUNNER)
    before = story.world
    story.when(RecordOutcome(one, ending), RUNNER)  # type: ignore[arg-type]
    assert story.world == before


def test_a_retry_later_records_nothing() -> None:
    story = outage().settle()
    before = len(story.records)
    story.when(RecordOutcome(effect(story, "isolate-payments"), retry("busy")), RUNNER)
    assert len(story.records) == before


def at_the_gate() -> Story:
    story = approved()
    story.answer(done("rolled back"), only="rollback").answer(done("up"), only="restart")
    return story.answer(done("it runs"), only="measure")


def test_a_gate_has_a_time_limit_and_says_what_it_saw() -> None:
    story = at_the_gate().sample(payments_deep=False).wait(5 * MINUTE)
    assert step(story, "PLAN-2", "gate-service") == "failed"
    assert story.world.plans["PLAN-2"].held_because == (
        "not passed within 5m: 0 good samples, bad: payments-deep: seen"
    )


def test_a_gate_that_is_tried_again_starts_from_nothing() -> None:
    story = at_the_gate().sample().sample().wait(5 * MINUTE)
    story.when(RetryStep("PLAN-2", "gate-service"))
    assert story.world.plans["PLAN-2"].gates["gate-service"].samples == 0
    assert not [one for one in story.effects if one.purpose is Purpose.STEP]


def test_an_aborted_plan_does_nothing_more() -> None:
    story = outage().settle().answer(failed("no"), only="isolate")
    assert refusal(story.when(AbortPlan("PLAN-1", " "))) == "no-reason"
    story.when(AbortPlan("PLAN-1", "we do it by hand"))
    assert refusal(story.when(RetryStep("PLAN-1", "isolate-payments"))) == "ended"
    assert refusal(story.when(AbortPlan("PLAN-1", "again"))) == "ended"
    assert story.world.plans["PLAN-1"].state.value == "aborted"


def test_what_was_under_way_in_an_aborted_plan_is_recorded_and_starts_nothing() -> None:
    story = outage().settle()
    one = effect(story, "isolate-payments")
    story.when(AbortPlan("PLAN-1", "we do it by hand"))
    story.when(RecordOutcome(one, done("cut off")), RUNNER)
    assert step(story, "PLAN-1", "isolate-payments") == "done"
    assert step(story, "PLAN-1", "prove-payments") == "waiting"


def test_one_active_plan_for_a_purpose() -> None:
    story = outage().settle()
    assert refusal(story.when(MakePlan("INC-1", "contain"))) == "plan-active"
    assert refusal(story.when(MakePlan("INC-1", "celebrate"))) == "unknown-purpose"
    assert refusal(story.when(MakePlan("INC-1", "remedy"))) == "no-remedy"


def test_a_protected_service_is_never_isolated_without_a_person() -> None:
    rules = policy()
    payments, gateway = rules.fleet.services
    services = (replace(payments, protected=True), gateway)
    story = Story(replace(rules, fleet=replace(rules.fleet, services=services)))
    story.when(DeclareIncident("x", ("payments",), impact=Impact(("buying",))), MONITOR).settle()
    assert story.world.plans["PLAN-1"].approve == "commander, owner"
    assert step(story, "PLAN-1", "isolate-payments") == "waiting"


def test_what_a_service_lacks_is_named_and_claims_nothing() -> None:
    story = (
        Story()
        .when(DeclareIncident("x", ("gateway",), impact=Impact(("buying",))), MONITOR)
        .settle()
    )
    plan = story.world.plans["PLAN-1"]
    assert plan.title == "no isolation is available for gateway"
    assert plan.state.value == "done"
    assert "contained" not in story.world.incidents["INC-1"].milestones


def test_a_later_plan_outranks_an_earlier_one() -> None:
    story = remedied()
    assert story.world.plans["PLAN-1"].epoch < story.world.plans["PLAN-2"].epoch
    assert story.world.known_good["payments"] == KnownGood("good-tree", 600_000)
    assert refusal(story.when(StartPlan("PLAN-1"), ADA)) == "not-proposed"


def test_a_plan_from_before_a_reopening_is_neither_approved_nor_started() -> None:
    """Given a remedy that waited when the incident was stood down, when it is reopened, then nobody can let
    the old plan run: it was made for what was known then."""
    plain = policy()
    grants = (*plain.protocol.authority, Grant("reopen", ("person",)))
    story = outage(replace(plain, protocol=replace(plain.protocol, authority=grants)))
    story.answer(done("read", {"head_age_seconds": 60, "head_tree": "bad"}), only="history")
    story.answer(done("read", {"running": True}), only="state").settle()
    story.answer(done("cut off"), only="isolate").answer(done("proven"), only="measure").settle()
    for _ in range(4):
        story.when(Override("INC-1", "phase", "seen by eye"), EVE)
    for one in ("resolved", "root-cause", "still-stable", "approved"):
        story.when(Override("INC-1", one, "seen by eye"), EVE)
    story.when(StandDown("INC-1", "it works")).when(ReopenIncident("INC-1", "it is back"))
    assert refusal(story.when(Approve("INC-1", "plan:PLAN-2"))) == "not-proposed"
    assert refusal(story.when(StartPlan("PLAN-2"))) == "not-proposed"
    assert refusal(story.when(Override("INC-1", "plan:PLAN-2", "now"), EVE)) == "not-proposed"
    assert list(story.settle().world.plans)[2:] == ["PLAN-3"]


def test_an_agent_that_may_run_plans_does_not_try_a_failed_step_again() -> None:
    """Given a protocol that lets an agent start plans, when a step of one has failed, then what may have
    happened half is tried again by a person only."""
    wide = policy()
    authority = tuple(
        replace(one, to=(*one.to, "agent")) if one.action == "plan" else one
        for one in wide.protocol.authority
    )
    story = outage(replace(wide, protocol=replace(wide.protocol, authority=authority))).settle()
    story.answer(failed("no route"), only="isolate")
    assert refusal(story.when(RetryStep("PLAN-1", "isolate-payments"), BUILDER)) == "human-only"
    assert story.when(RetryStep("PLAN-1", "isolate-payments"), ADA).refused is None


def test_a_machine_rolls_back_three_times_and_then_a_person_decides() -> None:
    rules = policy()
    table = replace(rules.protocol.approvals, rows=(ApprovalRow((), (), 0, "all goes by itself"),))
    story = outage(replace(rules, protocol=replace(rules.protocol, approvals=table)))
    story.answer(done("read", {"head_age_seconds": 60, "head_tree": "bad"}), only="history")
    story.answer(done("read", {"running": True}), only="state").settle()
    story.answer(done("cut off"), only="isolate").answer(done("proven"), only="measure").settle()
    for number in (2, 3, 4):
        plan = story.world.plans[f"PLAN-{number}"]
        assert (plan.state.value, plan.people) == ("running", 0)
        story.answer(failed("it came up broken"), only="rollback")
        story.when(AbortPlan(plan.id, "it does not help"))
        story.when(MakePlan("INC-1", "remedy")).settle()
    plan = story.world.plans["PLAN-5"]
    assert (plan.state.value, plan.people) == ("proposed", 1)
    assert plan.because == "3 rollbacks of payments in a row were started by no person"
    story.when(Approve("INC-1", "plan:PLAN-5", plan.hash)).settle()
    assert story.world.plans["PLAN-5"].state.value == "running"


def test_what_fails_during_a_pause_holds_the_plan_when_it_goes_on() -> None:
    """It used to run on past the failure, with nothing of it under way and nobody told."""
    story = both_services()
    story.when(PausePlan("PLAN-1", "wait for the bank"))
    story.when(RecordOutcome(effect(story, "isolate-payments"), failed("no")), RUNNER)
    assert state(story) == "paused"
    story.when(ContinuePlan("PLAN-1"))
    assert state(story) == "held"
    story.when(RetryStep("PLAN-1", "isolate-payments"))
    assert state(story) == "running"


def test_the_remedy_the_table_made_is_not_wanted_beside_one_that_somebody_starts() -> None:
    """Given a remedy that waits for an approval, when somebody starts a rollback of their own, then the one that
    waits is given up, and the table makes no other; another rollback of the service has to wait."""
    story = remedied()
    asked = Asked("rollback", ("payments",))
    story.when(DrawPlan("INC-1", asked)).when(Approve("INC-1", "plan:PLAN-3")).when(
        StartPlan("PLAN-3")
    )
    assert story.refused is None
    assert story.world.plans["PLAN-2"].state.value == "aborted"
    story.wait(60_000).settle()
    assert [one.id for one in story.world.plans.values() if one.purpose == "remedy"] == ["PLAN-2"]


def test_a_remedy_that_runs_keeps_another_one_from_the_same_service() -> None:
    story = approved()
    asked = Asked("rollback", ("payments",))
    story.when(DrawPlan("INC-1", asked)).when(Approve("INC-1", "plan:PLAN-3"))
    assert refusal(story.when(StartPlan("PLAN-3"))) == "overlapping-plan"

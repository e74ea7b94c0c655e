"""Preflight: what a protocol wants checked before anything is executed; what failed is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.due import due
from allstop.domain.effects import Effect, Purpose, done, failed
from allstop.domain.gates import phase_standings
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import DeclareIncident, Override
from allstop.domain.incident.course_commands import BeginPreflight, RecordPreflight
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.incident.state import Incident
from allstop.domain.plan.commands import ParkEffect, StartPlan
from allstop.domain.policy import Grant, Policy, Preflight
from allstop.domain.policy.tables import Scalar
from allstop.domain.preflight import read_results, touched_by, write_results
from allstop.domain.principal import MONITOR, RUNNER, TIMEKEEPER
from tests.domain.builders import ADA, BEN, BUILDER, EVE, Story, outage, policy

CHECKS = ("documents", "probes")
GOOD: dict[str, Scalar] = {
    "documents": "ok: all three load", "probes/checkout": "ok: it answers", "probes/payments-deep": "ok: 200",
}  # fmt: skip
BAD: dict[str, Scalar] = {**GOOD, "probes/checkout": "failed: no route to host"}


def checking(*checks: str, required: bool = True) -> Policy:
    plain = policy()
    protocol = replace(
        plain.protocol,
        preflight=Preflight(checks or CHECKS, required),
        authority=(*plain.protocol.authority, Grant("preflight", ("person",))),
    )
    return replace(plain, protocol=protocol)


def waiting(rules: Policy | None = None) -> Story:
    """An outage under a protocol whose plans wait for the preflight."""
    return outage(rules or checking()).settle()


def incident(story: Story) -> Incident:
    return story.world.incidents["INC-1"]


def effects(story: Story) -> list[Effect]:
    return [one for one in story.effects if one.purpose is Purpose.PREFLIGHT]


def found(story: Story, facts: dict[str, Scalar]) -> Story:
    return story.answer(done("looked", facts), only="preflight").settle()


def state(story: Story, plan: str = "PLAN-1") -> str:
    return story.world.plans[plan].state.value


def reasons(story: Story) -> list[str]:
    assert story.refused is not None, "it was allowed"
    return [one.text for one in story.refused.reasons]


def codes(story: Story) -> set[str]:
    assert story.refused is not None, "it was allowed"
    return {one.code for one in story.refused.reasons}


def test_the_first_ready_plan_brings_the_checks_and_waits_for_them() -> None:
    """Given plans that wait for a preflight, when the first is ready, then the checks begin by themselves,
    once, and nothing of the plan is executed before they have passed."""
    story = waiting()
    (effect,) = effects(story)
    assert (effect.adapter, effect.verb, effect.ref) == ("coordinator", "preflight", "1")
    assert effect.options["checks"] == ["documents", "probes"]
    assert state(story) == "proposed"
    assert reasons(story.when(StartPlan("PLAN-1"))) == ["preflight 1 is still running"]
    found(story, GOOD)
    assert incident(story).preflights[-1].passed
    assert state(story) == "running"


def test_what_failed_is_named_and_execution_is_refused() -> None:
    """Given a check that failed, then starting is refused with each of them by name, the commander is told,
    and the coordinator neither spins nor tries again by itself."""
    story = found(waiting(), {**BAD, "documents": "unknown: the disk did not answer"})
    assert codes(story.when(StartPlan("PLAN-1"))) == {"preflight"}
    assert reasons(story) == [
        "preflight 1: documents: not known, the disk did not answer",
        "preflight 1: probes checkout: no route to host",
    ]
    assert not due(story.world, story.book, story.now).commands
    assert len(effects(story)) == 0
    notes = incident(story).notifications.values()
    (note,) = [one for one in notes if "2 checks have not passed" in one.subject]
    assert (note.to, "no route to host" in note.text) == ("person:ada", True)


def test_a_gate_says_that_the_plan_waits_for_the_preflight() -> None:
    story = found(waiting(), BAD)
    phase = story.policy.protocol.phase("contain")
    (one,) = phase_standings(story.world, story.policy, incident(story), phase)
    assert one.text == (
        "PLAN-1 waits for the preflight: preflight 1: probes checkout: no route to host"
    )


def test_once_it_is_mended_a_person_begins_it_again() -> None:
    """Given a failed preflight, when somebody begins another one and it passes, then the plan starts."""
    story = found(waiting(), BAD)
    story.when(BeginPreflight("INC-1"), BEN)
    assert story.result == {"preflight": 2}
    assert reasons(story.when(StartPlan("PLAN-1"))) == ["preflight 2 is still running"]
    assert codes(story.when(BeginPreflight("INC-1"), BEN)) == {"preflight-running"}
    assert state(found(story, GOOD)) == "running"


def test_or_it_is_overridden_on_the_record() -> None:
    story = found(waiting(), BAD)
    story.when(Override("INC-1", "preflight", "the probe is known to be broken"), EVE).settle()
    assert state(story) == "running"


def test_checks_that_could_not_be_made_have_not_passed() -> None:
    """Given a preflight whose effect fails or is parked, then every check is unknown, and says why."""
    story = waiting().answer(failed("no answer within 60000 ms"), only="preflight").settle()
    newest = incident(story).preflights[-1]
    assert newest.results == tuple(
        CheckResult(check, "", None, "no answer within 60000 ms") for check in CHECKS
    )
    assert (newest.passed, state(story)) == (False, "proposed")
    parked = waiting()
    parked.when(ParkEffect(effects(parked)[0], "killed"), RUNNER)
    assert not incident(parked).preflights[-1].passed


def test_a_check_that_says_nothing_was_not_made() -> None:
    story = found(waiting(), {"documents": "ok: fine", "horoscope": "ok: good"})
    assert incident(story).preflights[-1].results == (
        CheckResult("documents", "", True, "fine"),
        CheckResult("probes", "", None, "it was not looked at"),
    )


def test_results_are_written_and_read_back() -> None:
    results = (
        CheckResult("documents", "", True, "fine: really"),
        CheckResult("probes", "a/b", False, "no"),
        CheckResult("probes", "c", None, "?"),
        CheckResult("probes", "d", None, "?", "ask", ("a", "a/stop"), 12),
        CheckResult("probes", "e", True, "fine", "", ("a",)),
        CheckResult("probes", "f", True, "fine", "", (), 7),
        CheckResult("probes", "g", False, "no", "mend it"),
    )
    assert read_results(CHECKS, write_results(results)) == results
    assert read_results(("probes",), {"probes/x": 3})[0].ok is None


def test_a_late_or_double_outcome_records_nothing() -> None:
    story = waiting()
    effect = effects(story)[0]
    found(story, GOOD)
    before = len(story.records)
    story.effects.append(effect)
    found(story, BAD)
    assert len(story.records) == before
    assert incident(story).preflights[-1].passed


@pytest.mark.parametrize(("concerns", "starts"), [
    ("", False), ("payments", False), ("payments/isolate", False), ("gateway payments/isolate", False),
    ("printer", True), ("printer/stop gateway/stop", True), ("payments/stop", True), ("payment", True),
])  # fmt: skip
def test_what_is_red_elsewhere_keeps_no_plan_back(concerns: str, starts: bool) -> None:
    """Given a plan that isolates payments, when a check fails that concerns everything, payments or just that, then
    it waits; what fails about a printer, or about something else that could be done to payments, does not matter."""
    story = found(waiting(), {**GOOD, "probes/x": f"failed: no answer\n\n{concerns}\n5"})
    assert (state(story) == "running") is starts
    newest = incident(story).preflights[-1]
    assert not newest.passed


def test_a_refusal_names_all_that_keeps_it_back_and_what_mends_each() -> None:
    """Given several checks that failed, some of them elsewhere, then the refusal lists those that concern the plan,
    each with what to do."""
    facts: dict[str, Scalar] = {
        "documents": "ok: fine",
        "probes/payments-deep": "failed: no route\nstart it\npayments",
        "probes/printer": "failed: no paper\nfill it\nprinter",
        "probes/payments isolated": "unknown: raised\n\npayments",
    }
    story = found(waiting(), facts)
    assert reasons(story.when(StartPlan("PLAN-1"))) == [
        "preflight 1: probes payments-deep: no route",
        "preflight 1: probes payments isolated: not known, raised",
    ]
    assert story.refused is not None
    assert [one.hint for one in story.refused.reasons] == [
        "start it, then: allstop preflight",
        "mend it, then: allstop preflight",
    ]


def test_of_two_results_about_one_name_none_is_lost() -> None:
    """Given a role that nobody can hold and a person who is called like it, then that the person can be reached does
    not stand in the place of what has failed."""
    role = CheckResult("team", "commander", False, "nobody holds it", "assign it")
    person = CheckResult("team", "commander", True, "reached over chat")
    read = read_results(("team",), write_results((role, person, replace(person, text="again"))))
    assert [(one.ok, one.text) for one in read] == [
        (False, "nobody holds it"), (True, "reached over chat"), (True, "again"),
    ]  # fmt: skip
    assert read[0] == role


def test_a_gate_of_a_plan_makes_what_it_watches_its_own() -> None:
    """Given a plan with a gate on a function, then a check that concerns the service behind its probe keeps it
    back."""
    story = outage().settle()
    for plan in story.world.plans.values():
        watched = {name for step in plan.steps for name in step.probes}
        touched = touched_by(story.policy, plan)
        assert {
            spec.service for spec in story.policy.fleet.probes() if spec.name in watched
        } <= touched
        assert all(f"{step.service}/{step.action}" in touched for step in plan.steps)


def test_where_it_is_not_required_nothing_waits_for_it() -> None:
    """Given a protocol that only offers the checks, then plans start without; a person may run them."""
    story = waiting(checking(required=False))
    assert (state(story), effects(story)) == ("running", [])
    assert story.when(BeginPreflight("INC-1"), ADA).refused is None
    found(story, BAD)
    assert state(story) == "running"
    assert not [one for one in incident(story).notifications.values() if "checks" in one.subject]


def test_who_may_run_them_and_when_there_are_any() -> None:
    story = waiting(checking(required=False))
    assert codes(story.when(BeginPreflight("INC-1"), BUILDER)) == {"no-authority"}
    assert codes(outage().when(BeginPreflight("INC-1"), ADA)) == {"no-authority"}
    plain = outage(
        replace(checking(), protocol=replace(checking().protocol, preflight=Preflight()))
    )
    assert codes(plain.settle().when(BeginPreflight("INC-1"), ADA)) == {"no-checks"}
    assert state(plain) == "running"
    assert codes(story.when(RecordPreflight("INC-1", 1, ()), ADA)) == {"internal"}


@pytest.mark.parametrize("number", [1, 2])
def test_the_coordinator_may_record_what_it_found_itself(number: int) -> None:
    """Given a running preflight, when the coordinator records its results, then it has ended; under another
    number it says nothing."""
    story = waiting()
    results = (CheckResult("documents", "", True, "fine"),)
    story.when(RecordPreflight("INC-1", number, results), RUNNER)
    assert (incident(story).preflights[-1].results is not None) == (number == 1)


def test_a_plan_that_executes_nothing_needs_no_checks() -> None:
    story = Story(checking())
    story.when(DeclareIncident("x", ("gateway",), impact=Impact(("buying",))), MONITOR).settle()
    assert (state(story), effects(story)) == ("done", [])


def test_the_timekeeper_begins_no_second_one() -> None:
    story = found(waiting(), BAD)
    before = len(story.records)
    story.when(BeginPreflight("INC-1"), TIMEKEEPER)
    assert (story.refused, len(story.records)) == (None, before)

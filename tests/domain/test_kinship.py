"""Incidents beside each other: corrected, linked, merged, made private, opened again."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from allstop.domain.due import due
from allstop.domain.effects import Purpose, done
from allstop.domain.gates import standings
from allstop.domain.halt.commands import AnswerRollCall, OrderHalt
from allstop.domain.incident.commands import (
    AcknowledgeIncident,
    Approve,
    DeclareIncident,
    PostUpdate,
    RecordStatement,
    SetSeverity,
    StandDown,
)
from allstop.domain.incident.course_commands import (
    CorrectEntry,
    LinkIncidents,
    MergeIncident,
    ReopenIncident,
    SetPrivacy,
)
from allstop.domain.incident.work_commands import FileForm, RecordFacts
from allstop.domain.plan.commands import AbortPlan
from allstop.domain.plan.events import Step
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import Plan
from allstop.domain.policy import EmergencyMode, Form, FormField, Grant, Policy
from allstop.domain.principal import Kind, Principal
from tests.domain.builders import ADA, BEN, BUILDER, EVE, MINUTE, Story, outage, policy
from tests.domain.test_standing_down import closed, repaired, tick

HOUR = 60 * MINUTE


def whole() -> Policy:
    """The test protocol with the actions of this subject, emergency mode, and work in its phases."""
    mine = policy()
    people = ("correct", "link", "reopen", "form", "facts")
    grants = (*(Grant(one, ("person",)) for one in people), Grant("privacy", ("owner",)))
    first, *rest = mine.protocol.phases
    protocol = replace(
        mine.protocol,
        authority=(*mine.protocol.authority, *grants),
        mode=EmergencyMode({"scoring": "Scoring"}, {}, 12 * HOUR, ("SEV1",)),
        forms=(Form("assessment", "Assessment", (FormField("x", "X"),)),),
        phases=(replace(first, actions=("look at the graphs",)), *rest),
    )
    return replace(mine, protocol=protocol)


def codes(story: Story) -> list[str]:
    assert story.refused is not None, "it was allowed"
    return [one.code for one in story.refused.reasons]


def told(story: Story, to: str = "audience:responders") -> list[str]:
    events = [one.event for one in story.records if one.kind == "notification.requested"]
    return [event.subject for event in events if event.to == to]


def two(first: str = "SEV2", second: str = "SEV2", **more: Any) -> Story:
    """Two open incidents, one after the other."""
    one = Story(whole()).register()
    one.when(DeclareIncident("it is slow", ("gateway",), severity=first), ADA)
    return one.when(DeclareIncident("it fails", ("payments",), severity=second, **more), ADA)


def over() -> Story:
    """An emergency that was stood down, with everything that it took."""
    one = _once()
    return replace(one, policy=whole(), records=list(one.records), effects=list(one.effects))


@cache
def _once() -> Story:
    """A quarter of an hour of samples, told once."""
    return closed()


# --- corrections -----------------------------------------------------------------------------------


def test_a_correction_stands_beside_what_was_written_first() -> None:
    """Given an entry with a mistake, when it is corrected and the correction too, then all three stay."""
    one = two().when(CorrectEntry("INC-1", 2, "SEV2, as it was agreed", "a slip"), BEN)
    corrected = one.world.versions["incident/INC-1"]
    one.when(CorrectEntry("INC-1", corrected, "SEV2, as we agreed", "a word"), BEN)
    assert one.refused is None
    assert dict(one.world.incidents["INC-1"].corrections) == {
        2: "SEV2, as it was agreed", corrected: "SEV2, as we agreed",
    }  # fmt: skip


@pytest.mark.parametrize("version", [0, -1, 1000])
def test_what_is_not_there_cannot_be_corrected(version: int) -> None:
    assert codes(two().when(CorrectEntry("INC-1", version, "x", "y"))) == ["unknown-entry"]


def test_a_correction_needs_words_and_somebody_who_may() -> None:
    one = two()
    assert codes(one.when(CorrectEntry("INC-1", 1, " ", "y"))) == ["empty"]
    assert codes(one.when(CorrectEntry("INC-1", 1, "x", " "))) == ["empty"]
    assert codes(one.when(CorrectEntry("INC-1", 1, "x", "y"), BUILDER)) == ["no-authority"]


# --- links -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "back"), [
    ("related", "related"), ("caused-by", "causes"), ("causes", "caused-by"),
    ("duplicate-of", "duplicated-by"),
])  # fmt: skip
def test_a_link_stands_on_both_sides(how: str, back: str) -> None:
    one = two().when(LinkIncidents("INC-1", "INC-2", how))
    assert one.world.incidents["INC-1"].links == (("INC-2", how),)
    assert one.world.incidents["INC-2"].links == (("INC-1", back),)
    assert codes(one.when(LinkIncidents("INC-1", "INC-2", how))) == ["already-linked"]


@pytest.mark.parametrize(("command", "code"), [
    (LinkIncidents("INC-1", "INC-1"), "itself"),
    (LinkIncidents("INC-1", "INC-7"), "unknown-incident"),
    (LinkIncidents("INC-7", "INC-1"), "unknown-incident"),
    (LinkIncidents("INC-1", "INC-2", "because-of"), "unknown-link"),
])  # fmt: skip
def test_a_link_that_makes_no_sense_is_refused(command: LinkIncidents, code: str) -> None:
    assert codes(two().when(command)) == [code]


# --- privacy ---------------------------------------------------------------------------------------


def test_only_a_person_makes_it_private_with_a_reason_and_then_it_is_quiet() -> None:
    one = two()
    assert codes(one.when(SetPrivacy("INC-1", private=True, reason="x"), BUILDER)) == ["human-only"]
    assert codes(one.when(SetPrivacy("INC-1", private=True, reason="x"), BEN)) == ["no-authority"]
    assert codes(one.when(SetPrivacy("INC-1", private=True, reason=" "), EVE)) == ["empty"]
    assert codes(one.when(SetPrivacy("INC-1", private=False, reason="x"), EVE)) == ["same-privacy"]
    one.when(SetPrivacy("INC-1", private=True, reason="a name is in it"), EVE)
    before = told(one)
    one.when(PostUpdate("INC-1", "fixing", "x")).when(SetSeverity("INC-1", "SEV1", "worse"))
    assert one.world.incidents["INC-1"].private
    assert told(one) == before


# --- merging ---------------------------------------------------------------------------------------


def test_the_response_goes_on_in_the_other_one() -> None:
    one = two().when(MergeIncident("INC-2", "INC-1", "the same outage"))
    assert one.refused is None
    gone, kept = one.world.incidents["INC-2"], one.world.incidents["INC-1"]
    assert (gone.state, gone.merged_into, kept.is_open) == ("merged", "INC-1", True)
    assert (gone.links, kept.links) == (
        (("INC-1", "duplicate-of"),), (("INC-2", "duplicated-by"),),
    )  # fmt: skip
    notes = [record.event.text for record in one.records if record.kind == "note.added"]
    assert notes[-1] == "INC-2 (it fails) goes on here: the same outage; it is about payments"
    assert told(one)[-1] == "INC-2 goes on in INC-1"
    assert "INC-2 goes on in INC-1" in told(one, "person:ada")


def test_whom_the_merged_one_held_the_other_one_holds_before_anybody_is_let_go() -> None:
    """Given an all-stop of the one that ends, then the other one has its own, and nobody goes on."""
    one = two("SEV3", "SEV1").settle()
    one.when(AbortPlan("PLAN-1", "by hand")).when(AbortPlan("PLAN-2", "by hand"))
    assert [halt.incident for halt in one.world.standing_halts()] == ["INC-2"]
    one.effects.clear()
    one.when(MergeIncident("INC-2", "INC-1", "the same outage"))
    assert one.refused is None
    assert [halt.incident for halt in one.world.standing_halts()] == ["INC-1"]
    assert not [effect for effect in one.effects if effect.purpose is Purpose.RESUME]
    kinds = one.kinds()
    assert kinds[::-1].index("halt.ordered") > kinds[::-1].index("halt.released")


def test_what_goes_on_is_at_least_as_bad() -> None:
    one = two("SEV3", "SEV2").when(MergeIncident("INC-2", "INC-1", "the same outage"))
    assert one.world.incidents["INC-1"].severity == "SEV2"
    other = two("SEV2", "SEV3").when(MergeIncident("INC-2", "INC-1", "the same outage"))
    assert other.world.incidents["INC-1"].severity == "SEV2"


def test_an_all_stop_that_stands_already_is_not_ordered_again() -> None:
    one = two("SEV1", "SEV1").settle()
    for plan in ("PLAN-1", "PLAN-2"):
        one.when(AbortPlan(plan, "by hand"))
    before = one.kinds().count("halt.ordered")
    one.when(MergeIncident("INC-2", "INC-1", "the same outage"))
    assert one.refused is None
    assert one.kinds().count("halt.ordered") == before


def test_a_smaller_halt_goes_over_too() -> None:
    """Given one agent that was stopped for the merged one, then it stays stopped, for the other one."""
    one = two().when(OrderHalt("agent:builder-1", "it touches payments", "INC-2"), ADA)
    one.when(MergeIncident("INC-2", "INC-1", "the same outage"))
    (halt,) = one.world.standing_halts()
    assert (halt.incident, halt.scope, set(halt.roll)) == (
        "INC-1",
        "agent:builder-1",
        {"builder-1"},
    )


def test_who_may_not_release_cannot_merge_away_a_halt() -> None:
    one = two().when(OrderHalt("all", "it touches payments", "INC-2"), ADA)
    assert codes(one.when(MergeIncident("INC-2", "INC-1", "same"), BEN)) == ["no-authority"]
    assert one.world.incidents["INC-2"].is_open


def test_a_plan_that_runs_is_not_left_alone() -> None:
    """Given a plan that is changing something, then its incident cannot end by being merged; one that
    nobody approved is given up."""
    one = two("SEV2", "SEV1").settle()
    running = [plan.id for plan in one.world.plans_of("INC-2") if plan.state is PlanState.RUNNING]
    assert running
    assert codes(one.when(MergeIncident("INC-2", "INC-1", "same"))) == ["plan-active"]
    other = two().settle()
    waiting = [plan.id for plan in other.world.plans_of("INC-2") if plan.ended_at is None]
    assert waiting
    other.when(MergeIncident("INC-2", "INC-1", "same"))
    assert other.world.plans[waiting[0]].state is PlanState.ABORTED


@pytest.mark.parametrize(("command", "code"), [
    (MergeIncident("INC-1", "INC-1", "x"), "itself"),
    (MergeIncident("INC-1", "INC-7", "x"), "unknown-incident"),
    (MergeIncident("INC-1", "INC-2", " "), "empty"),
])  # fmt: skip
def test_a_merger_that_makes_no_sense_is_refused(command: MergeIncident, code: str) -> None:
    assert codes(two().when(command)) == [code]


def test_both_have_to_be_open() -> None:
    one = two().when(MergeIncident("INC-2", "INC-1", "same"))
    assert codes(one.when(MergeIncident("INC-1", "INC-2", "same"))) == ["stood-down"]
    assert codes(one.when(MergeIncident("INC-2", "INC-1", "same"))) == ["stood-down"]


def test_what_is_private_is_not_told_by_merging_it_into_what_is_not() -> None:
    one = two(private=True)
    assert codes(one.when(MergeIncident("INC-2", "INC-1", "same"))) == ["private"]
    assert one.when(MergeIncident("INC-1", "INC-2", "same")).refused is None


def test_emergency_mode_goes_on_where_the_response_does() -> None:
    one = two("SEV3", "SEV1").settle()
    for plan in ("PLAN-1", "PLAN-2"):
        one.when(AbortPlan(plan, "by hand"))
    one.when(MergeIncident("INC-2", "INC-1", "same"))
    ended, goes_on = one.world.incidents["INC-2"].mode, one.world.incidents["INC-1"].mode
    assert ended is not None
    assert ended.ended == "it goes on in INC-1"
    assert goes_on is not None
    assert not goes_on.ended


def test_an_alert_for_the_merged_one_finds_the_one_that_goes_on() -> None:
    one = two(dedup="monitor:payments").when(MergeIncident("INC-2", "INC-1", "same"))
    found = one.world.open_for("monitor:payments")
    assert found is not None
    assert found.id == "INC-1"
    assert one.world.open_for("monitor:gateway") is None
    assert one.world.open_for("") is None


# --- opened again ----------------------------------------------------------------------------------


def test_it_begins_from_the_beginning() -> None:
    """CH-07: given an emergency that was stood down, when it comes back, then agents stop, plans, evidence
    and decisions are made anew, and everybody who was told it is over hears that it is not."""
    one = over().wait(HOUR)
    one.effects.clear()
    one.when(ReopenIncident("INC-1", "it is back"), BEN)
    assert one.refused is None
    incident = one.world.incidents["INC-1"]
    assert (incident.state, incident.phase, incident.severity) == ("open", "assess", "SEV1")
    assert (incident.remedy, incident.acknowledged_at, incident.status) == (None, None, "")
    assert incident.roles["commander"] == "ada"
    assert {piece.state for piece in incident.evidence.values()} == {"requested"}
    assert {effect.verb for effect in one.effects} == {"tell", "post", "history", "state"}
    assert [task.title for task in incident.tasks.values()] == ["look at the graphs"]
    assert incident.mode is not None
    assert not incident.mode.ended
    assert told(one)[-1] == "INC-1 is open again: buying fails"
    assert "INC-1 is open again: buying fails" in told(one, "person:ada")
    assert one.world.plans_of("INC-1") == ()
    assert [plan.id for plan in one.world.all_plans_of("INC-1")] == ["PLAN-1", "PLAN-2"]
    assert [halt.id for halt in one.world.halts_of("INC-1")] == ["HALT-2"]
    one.settle()
    assert [plan.purpose for plan in one.world.plans_of("INC-1")] == ["contain"]


def test_standing_down_again_takes_everything_again() -> None:
    """Given an incident that is open again, then nothing of the first time opens a gate."""
    one = over().when(ReopenIncident("INC-1", "it is back"), BEN).settle()
    incident = one.world.incidents["INC-1"]
    every = standings(one.world, one.policy, incident, one.policy.protocol.criteria())
    assert [each.criterion.id for each in every if each.passed] == []
    one.when(StandDown("INC-1", "it looks fine"))
    assert codes(one) == [
        "phase", "criterion:roll-call", "criterion:evidence-in", "criterion:remedy-decided",
        "criterion:resolved", "criterion:root-cause", "criterion:still-stable",
        "criterion:approved", "plan-active",
    ]  # fmt: skip


def test_it_can_be_repaired_and_stood_down_a_second_time() -> None:
    one = over().when(ReopenIncident("INC-1", "it is back"), BEN).answer(done("told"), only="tell")
    for agent in ("builder-1", "builder-2"):
        one.when(AnswerRollCall(agent, "HALT-2", "stopped"), Principal(agent, Kind.AGENT))
    one.answer(done("seen"), only="confirm")
    one.answer(done("read", {"head_age_seconds": 60, "head_tree": "bad"}), only="history")
    one.answer(done("read", {"running": True}), only="state").settle()
    for _ in range(3):
        one.answer(done("done")).settle()
    one.when(Approve("INC-1", "plan:PLAN-4", one.world.plans["PLAN-4"].hash)).settle()
    for _ in range(12):
        tick(one.answer(done("done")).settle())
    tick(one, 16 * 60)
    for subject in ("resolved", "root-cause"):
        one.when(RecordStatement("INC-1", subject, "the same bad deployment"))
    one.when(Approve("INC-1", "stand-down")).when(StandDown("INC-1", "now it works."))
    assert one.refused is None
    assert not one.world.standing_halts()


def test_what_people_said_of_the_first_time_is_no_proof_of_the_second() -> None:
    one = repaired()
    one.policy = whole()
    one.when(FileForm("INC-1", "assessment", {"x": "y"}))
    one.when(RecordFacts("INC-1", {"cause_understood": True}, "I saw it"))
    tick(one, 16 * 60)
    for subject in ("resolved", "root-cause"):
        one.when(RecordStatement("INC-1", subject, "a bad deployment"))
    one.when(Approve("INC-1", "stand-down")).when(StandDown("INC-1", "x"))
    one.when(ReopenIncident("INC-1", "it is back"), BEN)
    incident = one.world.incidents["INC-1"]
    assert (dict(incident.forms), dict(incident.facts), dict(incident.statements)) == ({}, {}, {})


def test_the_clocks_begin_anew() -> None:
    """Given an incident that is open again, then nobody is late for what was owed the first time, and
    the acknowledgement and the update are due from now on."""
    one = over().wait(HOUR).when(ReopenIncident("INC-1", "it is back"), BEN)
    before = one.kinds().count("deadline.missed")
    one.wait(4 * MINUTE)
    assert one.kinds().count("deadline.missed") == before
    asked = one.kinds().count("update.requested")
    one.when(AcknowledgeIncident("INC-1")).wait(11 * MINUTE)
    assert one.kinds().count("update.requested") == asked + 1


def test_a_plan_that_nobody_approved_the_first_time_is_given_up() -> None:
    one = over()
    left = replace(one.world.plans["PLAN-2"], state=PlanState.PROPOSED, ended_at=None)
    one.world = replace(one.world, plans={**one.world.plans, "PLAN-2": left})
    one.when(ReopenIncident("INC-1", "it is back"), BEN)
    assert one.world.plans["PLAN-2"].state is PlanState.ABORTED


def test_a_halt_that_still_stands_is_the_all_stop_of_the_second_time() -> None:
    one = over()
    halt = replace(one.world.halts["HALT-1"], released_at=None)
    one.world = replace(one.world, halts={"HALT-1": halt})
    one.when(ReopenIncident("INC-1", "it is back"), BEN)
    assert [halt.id for halt in one.world.halts_of("INC-1")] == ["HALT-1"]


def test_what_was_closed_can_be_opened_again_and_what_ended_otherwise_cannot() -> None:
    one = over()
    incident = one.world.incidents["INC-1"]
    for state in ("merged", "dismissed"):
        one.world = replace(one.world, incidents={"INC-1": replace(incident, state=state)})
        assert codes(one.when(ReopenIncident("INC-1", "x"), BEN)) == ["ended"]
    shut = replace(incident, state="closed", closed_at=one.now.utc)
    one.world = replace(one.world, incidents={"INC-1": shut})
    one.when(ReopenIncident("INC-1", "it is back"), BEN)
    assert one.refused is None
    assert one.world.incidents["INC-1"].closed_at is None


def test_opening_again_needs_a_reason_an_end_and_somebody_who_may() -> None:
    one = over()
    assert codes(one.when(ReopenIncident("INC-1", " "), BEN)) == ["empty"]
    assert codes(one.when(ReopenIncident("INC-1", "x"), BUILDER)) == ["no-authority"]
    one.when(ReopenIncident("INC-1", "x"), BEN)
    assert codes(one.when(ReopenIncident("INC-1", "x"), BEN)) == ["already-open"]


def test_one_open_incident_bears_a_key_whoever_opens_another_again() -> None:
    one = over()
    ended = replace(one.world.incidents["INC-1"], dedup="monitor:payments")
    one.world = replace(one.world, incidents={"INC-1": ended})
    one.when(DeclareIncident("it fails", dedup="monitor:payments"), ADA)
    assert codes(one.when(ReopenIncident("INC-1", "x"), BEN)) == ["already-declared"]


def test_it_comes_to_rest_after_it_was_opened_again() -> None:
    one = over().when(ReopenIncident("INC-1", "x"), BEN).settle()
    assert not due(one.world, one.book, one.now).commands


def test_an_outage_that_never_ended_is_not_opened_again() -> None:
    one = outage()
    one.policy = whole()
    assert codes(one.when(ReopenIncident("INC-1", "x"), BEN)) == ["already-open"]


@pytest.mark.parametrize("state", [PlanState.RUNNING, PlanState.HELD, PlanState.PAUSED])
def test_one_with_a_plan_that_can_still_go_on_is_merged_into_no_other(state: PlanState) -> None:
    story = two()
    step = Step("stop-web", "act", "stop web", "web", adapter="script", verb="stop", action="stop")
    plan = Plan("PLAN-9", "INC-2", "stop", "stop web", (step,), "", "", 1, "p1", story.now.utc)
    story.world = replace(story.world, plans={"PLAN-9": replace(plan, state=state)})
    story.when(MergeIncident("INC-2", "INC-1", "the same outage"))
    assert story.refused is not None
    assert [reason.code for reason in story.refused.reasons] == ["plan-active"]
    assert story.world.plans["PLAN-9"].state is state

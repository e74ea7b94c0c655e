"""Deadlines: set once and stored, warned of once, missed once under their id, escalated one further each time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from allstop.domain.clocks import running, update_due_at
from allstop.domain.due import due
from allstop.domain.incident.commands import (
    AcknowledgeIncident,
    AssignRole,
    DeclareIncident,
    MissDeadline,
    PostUpdate,
    SetSeverity,
)
from allstop.domain.incident.course_commands import ElapseTimer, SetDeadlines, WarnDeadline
from allstop.domain.policy import (
    Activation,
    Calendar,
    Clock,
    CriterionKind,
    DeadlineRule,
    EmergencyKind,
    Escalation,
    Objective,
    Phase,
    Policy,
    Span,
    Spans,
)
from allstop.domain.span_words import span_words
from tests.domain.builders import ADA, BEN, EVE, MINUTE, Story, criterion, outage, policy
from tests.domain.promises import (
    DAY,
    HOUR,
    TIMEKEEPER,
    at,
    codes,
    crashed,
    declared,
    events,
    jumped,
    missed,
    over,
    quick,
    told,
)


def calling(*chain: str, every: int = 10 * MINUTE, **more: Any) -> Policy:
    return quick(escalation=Escalation(chain, every), **more)


def escalations(story: Story, prefix: str = "") -> list[tuple[str, tuple[str, ...]]]:
    found = events(story, "deadline.missed")
    return [(one.deadline, one.escalated_to) for one in found if one.deadline.startswith(prefix)]


# --- set ----------------------------------------------------------------------------------------


def test_every_deadline_is_on_the_record_before_it_can_be_missed() -> None:
    """Given a declaration, then each of its deadlines was set with it, once, in UTC, with its basis."""
    story = outage()
    found = events(story, "deadline.set")
    names = ["acknowledge", "update:1", "target:contain", "target:resolve"]
    assert [one.deadline for one in found] == names
    assert all(one.at.tzinfo is UTC and one.basis for one in found)
    story.wait(DAY)
    assert [one.deadline for one in events(story, "deadline.set")] == names


def test_what_was_set_is_what_runs_after_a_restart() -> None:
    story = outage().wait(MINUTE)
    before = running(story.world, story.policy, story.world.incidents["INC-1"])
    crashed(story)
    assert running(story.world, story.policy, story.world.incidents["INC-1"]) == before
    story.settle()
    assert len(events(story, "deadline.set")) == 4


def test_a_deadline_in_business_time_is_stored_as_an_instant() -> None:
    """Saturday at three in the morning, Vienna: four business hours end on Monday at one."""
    rules = quick(
        calendar=Calendar("Europe/Vienna"),
        deadlines=(DeadlineRule("look", "Look at it", Spans(Span(4 * HOUR, Clock.BUSINESS_HOURS)), ("form:look",)),),
    )  # fmt: skip
    clock = declared(rules).world.incidents["INC-1"].clocks["rule:look"]
    assert clock.at == at("2026-11-23 12:00")


def test_a_raised_severity_sets_its_deadlines_anew() -> None:
    story = declared().wait(2 * MINUTE)
    story.when(SetSeverity("INC-1", "SEV1", "it grew"), ADA)
    found = [one.at for one in events(story, "deadline.set") if one.deadline == "acknowledge"]
    assert found == [at("2026-11-21 03:05"), at("2026-11-21 03:05")]


def test_raising_the_severity_never_leaves_more_time_to_answer() -> None:
    """Two minutes before the deadline of SEV3 it becomes SEV1: it stays two minutes, not five."""
    story = declared().wait(3 * MINUTE).when(SetSeverity("INC-1", "SEV1", "it grew"), ADA)
    assert story.world.incidents["INC-1"].clocks["acknowledge"].at == at("2026-11-21 03:05")
    story.wait(2 * MINUTE)
    assert "acknowledge" in missed(story)


def test_lowering_the_severity_gives_the_time_of_the_milder_one() -> None:
    story = declared(severity="SEV1").wait(3 * MINUTE)
    story.when(SetSeverity("INC-1", "SEV3", "it is small"), ADA)
    assert story.world.incidents["INC-1"].clocks["acknowledge"].at == at("2026-11-21 03:08")


def test_once_missed_a_deadline_is_never_missed_again() -> None:
    """Whatever its basis becomes: raised, lowered and raised again."""
    story = declared().wait(6 * MINUTE)
    for severity in ("SEV1", "SEV2", "SEV1"):
        story.when(SetSeverity("INC-1", severity, "who knows"), ADA).wait(20 * MINUTE)
    assert missed(story).count("acknowledge") == 1
    assert len([one for one in events(story, "deadline.set") if one.deadline == "acknowledge"]) == 1


def test_missing_it_twice_in_a_row_is_missing_it_once() -> None:
    """Two timekeepers, or an answer that was lost: the second finds nothing to record."""
    story = jumped(declared(), 6 * MINUTE)
    before = len(story.records)
    story.when(MissDeadline("INC-1", "acknowledge"), TIMEKEEPER)
    assert (len(story.records), story.refused) == (before, None)


def test_the_cadence_of_updates_counts_from_the_last_one_or_the_severity() -> None:
    story = outage().wait(10 * MINUTE)
    story.when(PostUpdate("INC-1", "containing", "we are at it"))
    found = update_due_at(story.world.incidents["INC-1"], story.policy)
    assert found == at("2026-11-21 03:25")
    story.wait(5 * MINUTE).when(SetSeverity("INC-1", "SEV2", "it shrank"))
    found = update_due_at(story.world.incidents["INC-1"], story.policy)
    assert found == at("2026-11-21 03:30")


# --- the chain ----------------------------------------------------------------------------------


def test_while_nobody_acknowledges_the_chain_goes_on_to_its_end_and_not_beyond() -> None:
    rules = calling("commander", "communications", "owner")
    story = declared(rules).wait(3 * HOUR)
    assert escalations(story, "acknowledge") == [
        ("acknowledge", ("ada",)), ("acknowledge:2", ("ben",)), ("acknowledge:3", ("eve",)),
    ]  # fmt: skip
    times = [
        one.due_at for one in events(story, "deadline.missed") if "acknowledge" in one.deadline
    ]
    assert [f"{one:%H:%M}" for one in times] == ["03:05", "03:15", "03:25"]


def test_whoever_acknowledges_ends_the_calls() -> None:
    story = declared(calling("commander", "communications", "owner")).wait(6 * MINUTE)
    story.when(AcknowledgeIncident("INC-1"), BEN).wait(3 * HOUR)
    assert [id for id, _ in escalations(story, "acknowledge")] == ["acknowledge"]


def test_without_an_interval_the_first_call_is_the_only_one() -> None:
    story = declared(calling("commander", "owner", every=0)).wait(3 * HOUR)
    assert [id for id, _ in escalations(story, "acknowledge")] == ["acknowledge"]


def test_an_entry_of_the_chain_that_means_nobody_is_passed_over() -> None:
    """The scribe is not filled, and no office of that name exists: both are skipped, no call is wasted."""
    rules = calling("scribe", "office:nowhere", "communications", "owner")
    story = declared(rules, severity="SEV2").wait(3 * HOUR)
    assert escalations(story, "acknowledge") == [
        ("acknowledge", ("ben",)), ("acknowledge:2", ("eve",)),
    ]  # fmt: skip


def test_a_chain_of_nobody_ends_with_the_owner() -> None:
    story = declared(calling("scribe")).wait(6 * MINUTE)
    assert escalations(story, "acknowledge") == [("acknowledge", ("eve",))]


def test_a_kind_of_emergency_has_a_chain_of_its_own() -> None:
    kind = EmergencyKind("breach", "Security breach", escalation=("person:ben", "owner"))
    rules = calling("commander", activation=Activation(kinds=(kind,)))
    story = declared(rules, kind="breach").wait(6 * MINUTE)
    assert escalations(story, "acknowledge") == [("acknowledge", ("ben",))]


def test_a_private_incident_is_escalated_to_the_same_people() -> None:
    """Those in the chain are named; only audiences are not told. Where others read along, without words."""
    rules = quick()
    ada, *others = rules.roster.people
    own = replace(rules.roster, people=(replace(ada, channels=("ada-phone",)), *others))
    story = declared(replace(rules, roster=own), private=True).wait(6 * MINUTE)
    assert any("nobody acknowledged" in subject for subject in told(story, "ada"))
    before = len(told(declared(private=True), "ada"))
    assert len(told(declared(private=True).wait(6 * MINUTE), "ada")) > before


def test_after_an_hour_without_a_coordinator_the_next_one_has_the_whole_time() -> None:
    """The first call comes an hour late; the second is not made in the same breath."""
    story = jumped(declared(calling("commander", "communications", "owner")), HOUR)
    assert [id for id, _ in escalations(story, "acknowledge")] == ["acknowledge"]
    assert "acknowledge:2" not in missed(story.wait(10 * MINUTE - 1))
    assert "acknowledge:2" in missed(story.wait(1))


def test_a_clock_that_steps_back_raises_nothing_twice() -> None:
    story = declared(calling("commander", "owner")).wait(30 * MINUTE)
    before = missed(story)
    jumped(story, -HOUR)
    assert missed(story.wait(2 * HOUR)) == before


# --- the protocol's own deadlines ---------------------------------------------------------------


def ruled(*until: str, begins: str = "declared", **more: Any) -> Policy:
    rule = DeadlineRule(
        "muster", "All hands", Spans(None, {"SEV3": Span(5 * MINUTE)}), until, begins
    )
    return quick(deadlines=(rule,), **more)


def test_a_missed_rule_says_what_it_waited_for() -> None:
    story = declared(ruled("acknowledged", "role:scribe", "form:briefing"))
    story.when(AcknowledgeIncident("INC-1"), BEN).wait(5 * MINUTE)
    found = [one.what for one in events(story, "deadline.missed") if one.deadline == "rule:muster"]
    assert found == ["All hands: not within 5m (missing: scribe filled, briefing filed)"]


def test_a_rule_is_kept_when_all_of_its_marks_are_reached() -> None:
    story = declared(ruled("acknowledged", "role:scribe"))
    story.when(AcknowledgeIncident("INC-1"), BEN).when(AssignRole("INC-1", "scribe", "ben"), ADA)
    assert "rule:muster" not in missed(story.wait(HOUR))


def test_a_rule_holds_only_for_the_severities_it_names() -> None:
    assert "rule:muster" not in missed(declared(ruled("updated"), severity="SEV2").wait(HOUR))


def test_where_no_agent_was_stopped_no_roll_call_is_waited_for() -> None:
    assert "rule:muster" not in missed(declared(ruled("roll-call")).wait(HOUR))


def test_a_rule_about_a_phase_begins_when_the_phase_is_entered() -> None:
    phases = (
        Phase("look", "Look", True, (criterion("seen", CriterionKind.STATEMENT, subject="seen"),)),
        Phase("work", "Work", False, (criterion("done", CriterionKind.STATEMENT, subject="done"),)),
    )
    story = declared(ruled("updated", begins="phase:work", phases=phases)).wait(HOUR)
    assert "rule:muster" not in story.world.incidents["INC-1"].clocks


# --- recovery objectives ------------------------------------------------------------------------


def recovering(rto: Span, percent: int = 75) -> Policy:
    rules = policy()
    services = tuple(replace(one, service_class="core") for one in rules.fleet.services)
    return replace(
        rules,
        fleet=replace(rules.fleet, services=services),
        protocol=replace(
            rules.protocol, warn_at_percent=percent,
            objectives=(Objective("core", Spans(None, {"SEV3": rto})),),
        ),
    )  # fmt: skip


def test_a_recovery_objective_is_warned_of_before_it_is_missed() -> None:
    """PI-11: at three quarters of the time, and recorded when it is missed; each once."""
    story = declared(recovering(Span(40 * MINUTE)), services=("payments",)).wait(30 * MINUTE - 1)
    assert not events(story, "deadline.warned")
    story.wait(1)
    (warned,) = events(story, "deadline.warned")
    assert (warned.deadline, warned.to) == ("rto:payments", ("ada",))
    assert warned.due_at == at("2026-11-21 03:40")
    assert told(story, "ada")[-1].startswith("INC-1: soon: payments: not recovered")
    story.wait(DAY)
    assert len(events(story, "deadline.warned")) == 1
    assert missed(story).count("rto:payments") == 1


def test_after_an_outage_of_ours_a_missed_objective_is_not_warned_of() -> None:
    story = jumped(declared(recovering(Span(40 * MINUTE)), services=("payments",)), HOUR)
    assert not events(story, "deadline.warned")
    assert missed(story).count("rto:payments") == 1


def test_an_objective_in_business_hours_is_warned_of_in_business_hours() -> None:
    """Four of them from Saturday end on Monday at one; three quarters are over at noon."""
    story = declared(recovering(Span(4 * HOUR, Clock.BUSINESS_HOURS)), services=("payments",))
    clock = story.world.incidents["INC-1"].clocks["rto:payments"]
    assert (clock.warn_at, clock.at) == (at("2026-11-23 12:00"), at("2026-11-23 13:00"))


def test_what_nobody_is_late_with_is_not_warned_of_whoever_asks() -> None:
    story = declared(recovering(Span(40 * MINUTE)), services=("payments",))
    for id in ("rto:payments", "acknowledge", "nothing"):
        story.when(WarnDeadline("INC-1", id), TIMEKEEPER)
    assert not events(story, "deadline.warned")


# --- what was expected --------------------------------------------------------------------------


def test_it_takes_longer_than_was_expected() -> None:
    """PT-10: each time that was promised can be missed, and a time that moved on is not."""
    story = outage()
    for expected in ("2026-11-21 03:20", "2026-11-21 03:30"):
        story.when(PostUpdate("INC-1", "fixing", "soon", {}, at(expected)), ADA).wait(MINUTE)
    story.wait(DAY)
    assert [id for id in missed(story) if id.startswith("expected")] == [
        "expected:2026-11-21T03:30"
    ]


# --- who may ask --------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [
    MissDeadline("INC-1", "acknowledge"), SetDeadlines("INC-1"), WarnDeadline("INC-1", "acknowledge"),
    ElapseTimer("INC-1", "waited"),
])  # fmt: skip
def test_only_the_coordinator_keeps_time(command: Any) -> None:
    assert codes(declared().when(command, EVE)) == ["internal"]


def test_a_deadline_that_was_not_set_cannot_be_missed() -> None:
    """The record says first that something is owed, and then that it was missed."""
    story = declared().wait(6 * MINUTE)
    incident = story.world.incidents["INC-1"]
    bare = replace(incident, clocks={}, missed=frozenset())
    story.world = replace(story.world, incidents={"INC-1": bare})
    assert (
        missed(story.when(MissDeadline("INC-1", "acknowledge"), TIMEKEEPER)).count("acknowledge")
        == 1
    )
    story.settle()
    assert missed(story).count("acknowledge") == 2


@pytest.mark.parametrize(("span", "words"), [
    (Span(15 * MINUTE), "15m"), (Span(90 * MINUTE), "1h 30m"), (Span(1, Clock.BUSINESS_DAYS), "1 business day"),
    (Span(3, Clock.BUSINESS_DAYS), "3 business days"), (Span(4 * HOUR, Clock.BUSINESS_HOURS), "4h of business time"),
])  # fmt: skip
def test_a_span_is_said_as_people_say_it(span: Span, words: str) -> None:
    assert span_words(span) == words


# --- rest ---------------------------------------------------------------------------------------


def test_due_comes_to_rest_and_knows_when_to_look_again() -> None:
    for story in (declared(recovering(Span(40 * MINUTE)), services=("payments",)), over()):
        found = due(story.world, story.book, story.now)
        assert found.commands == []
        assert found.next_at is not None
        assert found.next_at > story.now.utc


def test_an_incident_that_is_over_owes_no_acknowledgement() -> None:
    story = over().wait(HOUR)
    assert missed(story) == []


def test_two_incidents_keep_their_own_time() -> None:
    story = declared().wait(4 * MINUTE).when(DeclareIncident("another"), BEN).wait(2 * MINUTE)
    assert "acknowledge" in story.world.incidents["INC-1"].missed
    assert "acknowledge" not in story.world.incidents["INC-2"].missed

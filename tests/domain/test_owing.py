"""What is owed: it begins, its owner is told and reminded, it is met by a mark or a person, or chased."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from allstop.domain.incident.commands import (
    AcknowledgeIncident,
    AssignRole,
    RecordReport,
    RecordStatement,
    SetSeverity,
    StandDown,
)
from allstop.domain.incident.course_commands import CloseIncident, ScheduleMeeting
from allstop.domain.incident.work_commands import MeetObligation, RemindObligation
from allstop.domain.incident.work_events import FormFiled
from allstop.domain.policy import (
    Activation,
    Calendar,
    Clock,
    Criterion,
    CriterionKind,
    EmergencyKind,
    Escalation,
    Obligation,
    Phase,
    Policy,
    Span,
)
from allstop.domain.principal import Kind, Principal
from allstop.domain.record import Record
from allstop.domain.world import evolve
from tests.domain.builders import ADA, BEN, BUILDER, EVE, MINUTE, Story
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
    reopened,
    told,
)


def owing(**more: Any) -> Policy:
    """One obligation: a review by the scribe within a day, with the given changes."""
    given: dict[str, Any] = {
        "id": "review",
        "title": "Hold the review",
        "owner": "scribe",
        "within": Span(DAY),
    } | more
    return quick(obligations=(Obligation(**given),))


def owed(story: Story) -> Any:
    return story.world.incidents["INC-1"].obligations["review"]


def filed(story: Story, form: str) -> Story:
    """The form is on the record, whoever decided so."""
    stream = "incident/INC-1"
    version = story.world.versions[stream] + 1
    record = Record(
        0, stream, version, "form.filed", 1, story.now.utc, "person:ada", "", FormFiled(form, 1, {})
    )
    story.records.append(record)
    story.world = evolve(story.world, record)
    return story


# --- it begins ----------------------------------------------------------------------------------


def test_it_begins_with_standing_down_and_its_owner_is_told() -> None:
    story = declared(owing()).when(AssignRole("INC-1", "scribe", "ben"), ADA).wait(MINUTE)
    assert not story.world.incidents["INC-1"].obligations
    story.when(StandDown("INC-1", "over"), ADA)
    assert owed(story).due_at == at("2026-11-22 03:01")
    assert told(story, "ben")[-1] == "INC-1: Hold the review"


def test_whoever_owes_several_things_is_told_once() -> None:
    mine = tuple(Obligation(id, id, "commander", Span(DAY)) for id in ("report", "review"))
    story = over(quick(obligations=mine))
    assert told(story, "ada")[-1] == "INC-1: you owe 2 things"
    assert len([subject for subject in told(story, "ada") if "owe" in subject]) == 1


def test_what_nobody_holds_the_role_for_is_the_owners() -> None:
    """There is no scribe: the owner hears that it is owed, is reminded, and hears that it is late."""
    rules = owing(remind=Span(4 * HOUR))
    rules = replace(rules, roster=replace(rules.roster, people=tuple(
        replace(one, channels=("chat",)) for one in rules.roster.people
    )))  # fmt: skip
    story = over(rules).wait(2 * DAY)
    assert told(story, "eve") == [
        "INC-1: Hold the review", "INC-1: still owed: Hold the review",
        "INC-1: owed by the scribe and not done: Hold the review",
    ]  # fmt: skip


def test_one_that_begins_with_the_declaration_is_owed_at_once() -> None:
    story = declared(owing(begins="declared"))
    assert owed(story).due_at == at("2026-11-22 03:00")
    assert (
        len(events(story.wait(HOUR).when(StandDown("INC-1", "over"), ADA), "obligation.owed")) == 1
    )


def test_one_that_a_severity_brings_is_owed_from_when_it_was_raised() -> None:
    """What was no emergency yesterday asks for nothing; from the moment it is one, the time runs."""
    story = declared(owing(begins="declared", severities=("SEV1",))).wait(2 * DAY)
    assert not story.world.incidents["INC-1"].obligations
    story.when(SetSeverity("INC-1", "SEV1", "it grew"), ADA)
    assert owed(story).due_at == story.now.utc + timedelta(days=1)
    story.when(SetSeverity("INC-1", "SEV3", "it shrank"), ADA)
    assert list(story.world.incidents["INC-1"].obligations) == ["review"]


def test_one_that_only_a_milder_severity_asks_for_is_owed_when_it_is_lowered() -> None:
    story = declared(owing(begins="declared", severities=("SEV2",)), severity="SEV1")
    assert not story.world.incidents["INC-1"].obligations
    story.when(SetSeverity("INC-1", "SEV2", "it shrank"), ADA)
    assert "review" in story.world.incidents["INC-1"].obligations


@pytest.mark.parametrize(("rule", "kind", "is_owed"), [
    ({"severities": ("SEV3",)}, "", True), ({"severities": ("SEV1", "SEV2")}, "", False),
    ({"kinds": ("breach",)}, "breach", True), ({"kinds": ("breach",)}, "", False),
])  # fmt: skip
def test_it_applies_where_the_protocol_says_so(
    rule: dict[str, Any], kind: str, *, is_owed: bool
) -> None:
    rules = owing(**rule)
    known = Activation(kinds=(EmergencyKind("breach", "Security breach"),))
    rules = replace(rules, protocol=replace(rules.protocol, activation=known))
    story = over(rules, kind=kind)
    assert ("review" in story.world.incidents["INC-1"].obligations) is is_owed


def test_a_time_in_business_days_is_stored_as_an_instant() -> None:
    """Stood down on Saturday: two business days count from Monday's opening in Vienna."""
    rules = owing(within=Span(2, Clock.BUSINESS_DAYS), remind=Span(1, Clock.BUSINESS_DAYS))
    rules = replace(rules, protocol=replace(rules.protocol, calendar=Calendar("Europe/Vienna")))
    found = owed(over(rules))
    assert found.due_at == at("2026-11-25 08:00")
    assert found.remind_at == at("2026-11-24 08:00")


# --- reminders ----------------------------------------------------------------------------------


def test_the_owner_is_reminded_once_so_long_before_it_is_due() -> None:
    story = over(owing(remind=Span(4 * HOUR), owner="communications")).wait(20 * HOUR - 1)
    assert not events(story, "obligation.reminded")
    story.wait(1)
    crashed(story).wait(DAY)
    assert [(one.id, one.to) for one in events(story, "obligation.reminded")] == [
        ("review", ("ben",))
    ]


def test_a_reminder_that_would_come_at_once_is_left_out() -> None:
    """They have just been told that it is owed."""
    story = over(owing(remind=Span(2 * DAY))).wait(HOUR)
    assert not events(story, "obligation.reminded")


def test_after_an_outage_of_ours_nobody_is_reminded_of_what_is_late() -> None:
    story = jumped(over(owing(remind=Span(4 * HOUR))), 2 * DAY)
    assert not events(story, "obligation.reminded")
    assert missed(story) == ["obligation:review"]


def test_whoever_met_it_is_not_reminded() -> None:
    story = over(owing(remind=Span(4 * HOUR), owner="commander"))
    story.when(MeetObligation("INC-1", "review", "we met"), ADA).wait(2 * DAY)
    assert not events(story, "obligation.reminded")
    assert missed(story) == []


def test_a_reminder_is_not_early_whoever_asks() -> None:
    story = over(owing(remind=Span(4 * HOUR))).when(RemindObligation("INC-1", "review"), TIMEKEEPER)
    story.when(RemindObligation("INC-1", "nothing"), TIMEKEEPER)
    assert not events(story, "obligation.reminded")
    assert codes(story.when(RemindObligation("INC-1", "review"), EVE)) == ["internal"]


# --- late ---------------------------------------------------------------------------------------


def test_a_late_one_is_told_to_whoever_owes_it_and_to_the_chain() -> None:
    """The chain begins at its start, and passes over whoever hears of it as the owner."""
    rules = owing(owner="commander")
    chain = Escalation(("commander", "communications", "owner"))
    rules = replace(rules, protocol=replace(rules.protocol, escalation=chain))
    story = over(rules).wait(DAY)
    (late,) = events(story, "deadline.missed")
    assert (late.deadline, late.escalated_to) == ("obligation:review", ("ada", "ben"))
    assert missed(story.wait(3 * DAY)) == ["obligation:review"]


def test_a_slow_response_does_not_bring_a_late_promise_to_the_top() -> None:
    """Two deadlines of the response were missed; the chain of promises begins at its start."""
    chain = Escalation(("commander", "communications", "owner"), 2 * MINUTE)
    rules = owing(owner="scribe")
    rules = replace(rules, protocol=replace(rules.protocol, escalation=chain))
    story = declared(rules).wait(8 * MINUTE).when(StandDown("INC-1", "over"), ADA).wait(2 * DAY)
    late = [one for one in events(story, "deadline.missed") if one.deadline == "obligation:review"]
    assert len(missed(story)) == 3
    assert [one.escalated_to for one in late] == [("eve", "ada")]


def test_a_late_one_can_still_be_met() -> None:
    story = over(owing(owner="commander")).wait(2 * DAY)
    assert story.when(MeetObligation("INC-1", "review", "late, but done"), ADA).refused is None
    assert owed(story).met == "late, but done"


def test_closing_does_not_end_a_promise() -> None:
    story = over(owing()).when(CloseIncident("INC-1"), ADA).wait(2 * DAY)
    assert story.world.incidents["INC-1"].state == "closed"
    assert missed(story) == ["obligation:review"]


# --- met ----------------------------------------------------------------------------------------


def test_the_report_meets_what_waits_for_it() -> None:
    story = over(owing(met_by="report"))
    assert owed(story).met == ""
    story.when(RecordReport("INC-1", "r.md", "0" * 64), ADA)
    assert owed(story).met == "the report was written"
    assert story.records[-1].kind == "obligation.met"


def test_what_happened_before_it_was_owed_meets_it_too() -> None:
    gate = Criterion("cause", CriterionKind.STATEMENT, "cause", "cause")
    rules = owing(met_by="statement:cause")
    rules = replace(rules, protocol=replace(rules.protocol, stand_down=(gate,)))
    story = declared(rules).when(RecordStatement("INC-1", "cause", "a bad cable"), BEN)
    story.wait(MINUTE).when(StandDown("INC-1", "over"), ADA)
    assert owed(story).met == "cause stated"
    assert missed(story.wait(2 * DAY)) == []


def test_a_mark_that_another_part_recorded_meets_it_when_time_is_kept() -> None:
    """Whatever records a mark need not know of obligations."""
    story = filed(over(owing(met_by="form:post-mortem")), "post-mortem").settle()
    assert owed(story).met == "post mortem filed"


def test_one_that_the_response_meets_is_met_while_it_is_open() -> None:
    story = declared(owing(begins="declared", met_by="acknowledged"))
    story.when(AcknowledgeIncident("INC-1"), BEN)
    assert owed(story).met == "somebody has acknowledged it"


def test_a_person_says_how_it_was_met() -> None:
    story = over(owing(owner="commander"))
    assert codes(story.when(MeetObligation("INC-1", "review", " "), ADA)) == ["empty"]
    assert codes(story.when(MeetObligation("INC-1", "review", "x" * 4001), ADA)) == ["too-long"]
    assert codes(story.when(MeetObligation("INC-1", "reviwe", "x"), ADA)) == ["unknown-obligation"]
    assert story.when(MeetObligation("INC-1", "review", "we met on Tuesday"), ADA).refused is None
    assert (owed(story).met, owed(story).met_at) == ("we met on Tuesday", story.now.utc)
    assert codes(story.when(MeetObligation("INC-1", "review", "again"), ADA)) == ["already-met"]


@pytest.mark.parametrize(("who", "may_say_so"), [
    (BEN, True), (EVE, True), (ADA, False), (BUILDER, False), (TIMEKEEPER, True),
    (Principal("ben", Kind.AGENT), False),
])  # fmt: skip
def test_the_holder_of_the_role_and_whoever_is_granted_it_may_say_so(
    who: Principal, *, may_say_so: bool
) -> None:
    """Ben owes it, the owner is granted it; the commander is neither."""
    story = over(owing(owner="communications")).when(MeetObligation("INC-1", "review", "done"), who)
    assert (story.refused is None) is may_say_so


# --- meetings -----------------------------------------------------------------------------------


def meeting(**more: Any) -> Policy:
    rules = owing(meeting=True, **({"within": Span(3 * DAY), "owner": "commander"} | more))
    return replace(rules, protocol=replace(rules.protocol, calendar=Calendar("Europe/Vienna")))


def test_a_meeting_is_proposed_in_opening_hours_before_it_is_due() -> None:
    """Due on Tuesday at four in the morning: proposed for Monday's opening... a day ahead."""
    story = over(meeting())
    assert owed(story).due_at == at("2026-11-24 03:01")
    assert owed(story).meeting_at == at("2026-11-23 08:00")


def test_a_meeting_is_never_proposed_for_the_past_nor_after_it_is_due() -> None:
    """Due in an hour, on a Saturday: there is no opening before, so it is proposed for when it is due."""
    story = over(meeting(within=Span(HOUR)))
    assert owed(story).meeting_at == owed(story).due_at


def test_a_meeting_moves_and_whoever_has_a_role_is_told() -> None:
    story = over(meeting())
    story.when(ScheduleMeeting("INC-1", "review", at("2026-11-23 14:30")), ADA)
    assert owed(story).meeting_at == at("2026-11-23 14:30")
    for person in ("ada", "ben"):
        assert told(story, person)[-1] == "INC-1: the meeting moves to 2026-11-23 14:30 UTC"
    before = len(story.records)
    story.when(ScheduleMeeting("INC-1", "review", at("2026-11-23 14:30")), ADA)
    assert (len(story.records), story.refused) == (before, None)


@pytest.mark.parametrize(("moment", "code"), [
    ("2026-11-21 03:00", "in-the-past"), ("2026-11-24 03:02", "after-due"),
])  # fmt: skip
def test_a_meeting_is_neither_in_the_past_nor_after_it_is_due(moment: str, code: str) -> None:
    story = over(meeting()).when(ScheduleMeeting("INC-1", "review", at(moment)), ADA)
    assert codes(story) == [code]


def test_a_meeting_needs_a_zone_a_meeting_and_something_still_owed() -> None:
    story = over(meeting())
    naive = at("2026-11-23 14:30").replace(tzinfo=None)
    assert codes(story.when(ScheduleMeeting("INC-1", "review", naive), ADA)) == ["no-zone"]
    story.when(MeetObligation("INC-1", "review", "done"), ADA)
    later = ScheduleMeeting("INC-1", "review", at("2026-11-23 14:30"))
    assert codes(story.when(later, ADA)) == ["already-met"]
    assert codes(over(owing(owner="commander")).when(later, ADA)) == ["no-meeting"]
    assert codes(over(meeting()).when(later, BEN)) == ["no-authority"]


# --- another round ------------------------------------------------------------------------------


def again(rules: Policy) -> Policy:
    """A gate that keeps the second response open."""
    gate = Criterion("done", CriterionKind.STATEMENT, "done", "done")
    phases = (Phase("work", "Work", True, (gate,)),)
    return replace(rules, protocol=replace(rules.protocol, phases=phases))


def ended(story: Story) -> Story:
    story.when(RecordStatement("INC-1", "done", "so it is"), BEN).settle()
    story.when(StandDown("INC-1", "over"), ADA)
    assert story.refused is None, story.refused
    return story.settle()


def test_what_the_first_round_left_undone_is_owed_again_after_the_second() -> None:
    """It was late once already; in the second round it has its time again, and can be late again."""
    rules = again(owing())
    story = reopened(ended(declared(rules)).wait(2 * DAY))
    assert not story.world.incidents["INC-1"].obligations
    ended(story.wait(HOUR))
    assert owed(story).due_at == story.now.utc + timedelta(days=1)
    assert missed(story.wait(2 * DAY)).count("obligation:review@2") == 1
    assert len(missed(story)) == len(set(missed(story)))


def test_a_reminder_of_the_second_round_comes_once_too() -> None:
    story = ended(declared(again(owing(remind=Span(4 * HOUR))))).wait(2 * DAY)
    ended(reopened(story)).wait(2 * DAY)
    assert len(events(story, "obligation.reminded")) == 2


def test_what_was_met_in_the_first_round_is_not_owed_again() -> None:
    story = ended(declared(again(owing(owner="commander"))))
    story.when(MeetObligation("INC-1", "review", "we met"), ADA)
    ended(reopened(story))
    assert len(events(story, "obligation.owed")) == 1


def test_what_began_with_the_declaration_goes_on_through_a_reopening() -> None:
    """Its time does not begin again, and it is late once."""
    story = ended(declared(again(owing(begins="declared")))).wait(HOUR)
    ended(reopened(story).wait(HOUR)).wait(3 * DAY)
    assert len(events(story, "obligation.owed")) == 1
    assert missed(story).count("obligation:review") == 1
    assert "obligation:review@2" not in missed(story)

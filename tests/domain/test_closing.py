"""Action items that have an owner, a date and a priority; and closing, refused with all that is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from allstop.domain.deciding.closing import missing_before_close
from allstop.domain.incident.commands import AddNote, RecordReport, SetSeverity, StandDown
from allstop.domain.incident.course_commands import CloseIncident
from allstop.domain.incident.course_events import IncidentMerged, OverrideRecorded
from allstop.domain.incident.work_commands import AddAction, ChangeAction, MeetObligation
from allstop.domain.policy import Closing, Escalation, Obligation, Policy, Span
from allstop.domain.principal import Kind, Principal
from allstop.domain.record import Record
from allstop.domain.verdict import Verdict
from allstop.domain.world import evolve
from tests.domain.builders import ADA, BEN, BUILDER, EVE, MINUTE, Story
from tests.domain.promises import (
    DAY,
    HOUR,
    TIMEKEEPER,
    at,
    codes,
    declared,
    events,
    missed,
    over,
    quick,
    reopened,
    told,
)

TUESDAY = at("2026-11-24 12:00")
ADD = AddAction("INC-1", "Alert on full disks", "ben", TUESDAY, "high", "https://tracker/42")


def recorded(story: Story, event: Any, kind: str) -> Story:
    """An entry that another subject decides about."""
    stream = "incident/INC-1"
    version = story.world.versions[stream] + 1
    record = Record(0, stream, version, kind, 1, story.now.utc, "person:eve", "", event)
    story.records.append(record)
    story.world = evolve(story.world, record)
    return story


def item(story: Story, id: str = "ACT-1") -> Any:
    return story.world.incidents["INC-1"].actions[id]


# --- action items -------------------------------------------------------------------------------


def test_an_action_item_has_everything_from_the_beginning() -> None:
    story = over().when(ADD, ADA)
    assert story.result["action"] == "ACT-1"
    found = item(story)
    assert (found.title, found.owner, found.due_at) == ("Alert on full disks", "ben", TUESDAY)
    assert (found.priority, found.link, found.state) == ("high", "https://tracker/42", "open")
    assert told(story, "ben")[-1] == "INC-1: action item ACT-1 is yours"
    assert story.when(ADD, BEN).result["action"] == "ACT-2"


@pytest.mark.parametrize(("change", "code"), [
    ({"title": " "}, "empty"), ({"title": "x" * 4001}, "too-long"), ({"owner": "bne"}, "unknown-owner"),
    ({"owner": ""}, "unknown-owner"), ({"owner": "builder-1"}, "unknown-owner"),
    ({"due_at": at("2026-11-21 03:00")}, "in-the-past"),
    ({"due_at": TUESDAY.replace(tzinfo=None)}, "no-zone"), ({"priority": "urgent"}, "unknown-priority"),
    ({"link": "javascript:alert(1)"}, "bad-link"), ({"link": "ftp://tracker/42"}, "bad-link"),
    ({"link": "https://a b"}, "bad-link"), ({"link": "https://"}, "bad-link"),
    ({"link": "https://x/" + "y" * 2000}, "bad-link"), ({"incident": "INC-9"}, "unknown-incident"),
])  # fmt: skip
def test_one_without_sense_is_refused(change: dict[str, Any], code: str) -> None:
    story = over()
    before = len(story.records)
    assert codes(story.when(replace(ADD, **change), ADA)) == [code]
    assert len(story.records) == before


def test_a_role_can_own_one_and_its_holder_is_told() -> None:
    story = over().when(replace(ADD, owner="communications", link=""), ADA)
    assert told(story, "ben")[-1] == "INC-1: action item ACT-1 is yours"


def test_only_who_is_granted_it_adds_one_but_its_owner_moves_it_on() -> None:
    assert codes(over().when(ADD, BUILDER)) == ["no-authority"]
    rules = quick()
    grants = tuple(one for one in rules.protocol.authority if one.action != "action-item")
    rules = replace(rules, protocol=replace(rules.protocol, authority=grants))
    story = over(rules)
    assert codes(story.when(ADD, ADA)) == ["no-authority"]
    story.when(ADD, TIMEKEEPER)
    assert codes(story.when(ChangeAction("INC-1", "ACT-1", "done"), ADA)) == ["no-authority"]
    impostor = Principal("ben", Kind.AGENT)
    assert codes(story.when(ChangeAction("INC-1", "ACT-1", "done"), impostor)) == ["no-authority"]
    assert story.when(ChangeAction("INC-1", "ACT-1", "done"), BEN).refused is None


def test_one_moves_on_and_what_is_not_named_stays() -> None:
    story = over().when(ADD, ADA).when(ChangeAction("INC-1", "ACT-1", owner="ada"), BEN)
    assert told(story, "ada")[-1] == "INC-1: action item ACT-1 is yours"
    story.when(ChangeAction("INC-1", "ACT-1", "done", note="merged"), ADA)
    found = item(story)
    assert (found.owner, found.state, found.note, found.priority) == (
        "ada",
        "done",
        "merged",
        "high",
    )
    assert found.due_at == TUESDAY


@pytest.mark.parametrize(("change", "code"), [
    ({"state": "finished"}, "unknown-state"), ({"state": "dropped"}, "no-reason"), ({}, "no-change"),
    ({"owner": "zoe"}, "unknown-owner"), ({"due_at": at("2026-11-21 03:00")}, "in-the-past"),
    ({"priority": "x"}, "unknown-priority"), ({"link": "x"}, "bad-link"), ({"action": "ACT-7"}, "unknown-action"),
    ({"note": "x" * 4001}, "too-long"),
])  # fmt: skip
def test_a_change_without_sense_is_refused(change: dict[str, Any], code: str) -> None:
    story = over().when(ADD, ADA)
    command = replace(ChangeAction("INC-1", "ACT-1"), **change)
    assert codes(story.when(command, ADA)) == [code]


def test_a_late_one_is_told_to_its_owner_and_to_the_chain_once() -> None:
    rules = quick(escalation=Escalation(("commander", "owner")))
    story = over(rules).when(ADD, ADA)
    story.when(MeetObligation("INC-1", "report", "done"), ADA).wait(10 * DAY)
    (late,) = events(story, "deadline.missed")
    assert (late.deadline, late.due_at) == ("action:ACT-1", TUESDAY)
    assert late.escalated_to == ("ben", "ada")


@pytest.mark.parametrize("state", ["done", "dropped"])
def test_one_that_is_done_or_dropped_is_not_late(state: str) -> None:
    story = over().when(ADD, ADA).when(ChangeAction("INC-1", "ACT-1", state, note="so"), ADA)
    assert "action:ACT-1" not in missed(story.wait(10 * DAY))


def test_a_date_that_moved_in_time_is_the_one_that_counts() -> None:
    later = TUESDAY + timedelta(days=3)
    story = over().when(ADD, ADA).when(ChangeAction("INC-1", "ACT-1", due_at=later), ADA)
    story.wait(10 * DAY)
    late = [one for one in events(story, "deadline.missed") if one.deadline.startswith("action")]
    assert [one.due_at for one in late] == [later]


def test_a_new_date_after_it_was_late_can_be_missed_as_well() -> None:
    """Each date under its own id, so that none is missed twice."""
    story = over().when(ADD, ADA).wait(5 * DAY)
    later = story.now.utc + timedelta(days=1)
    story.when(ChangeAction("INC-1", "ACT-1", due_at=later), ADA).wait(5 * DAY)
    late = [id for id in missed(story) if id.startswith("action")]
    assert late == ["action:ACT-1", f"action:ACT-1:{later:%Y-%m-%dT%H:%M}"]


def test_one_can_be_added_while_it_is_open_and_is_late_only_once_through_a_reopening() -> None:
    story = declared().when(ADD, ADA).wait(5 * DAY)
    assert "action:ACT-1" in missed(story)
    story.when(StandDown("INC-1", "over"), ADA)
    reopened(story).wait(DAY)
    assert missed(story).count("action:ACT-1") == 1
    assert len(missed(story)) == len(set(missed(story)))


def test_one_that_was_late_before_a_reopening_can_have_a_new_date_after_it() -> None:
    story = over().when(ADD, ADA).wait(5 * DAY)
    reopened(story).when(
        ChangeAction("INC-1", "ACT-1", due_at=story.now.utc + timedelta(days=1)), ADA
    )
    assert len([id for id in missed(story.wait(5 * DAY)) if id.startswith("action")]) == 2


def test_what_was_merged_takes_no_more_promises() -> None:
    story = recorded(declared(), IncidentMerged("INC-2", "the same"), "incident.merged")
    assert codes(story.when(ADD, ADA)) == ["ended"]
    assert codes(story.when(MeetObligation("INC-1", "report", "x"), ADA)) == ["ended"]
    assert codes(story.when(CloseIncident("INC-1"), ADA)) == ["ended"]
    assert missed(story.wait(5 * DAY)) == []


# --- closing ------------------------------------------------------------------------------------

REVIEW = Obligation("review", "Hold the review", "commander", Span(2 * DAY))
WANTED = (
    "form:post-mortem",
    "report",
    "action-items",
    "statement:cause",
    "obligation:review",
    "obligations",
)


def closing(*marks: str, severity: str = "SEV3") -> Policy:
    report = Obligation("report", "Write the report", "scribe", Span(DAY))
    return quick(obligations=(report, REVIEW), closing=Closing({severity: marks}))


def verdict(story: Story) -> Verdict:
    return missing_before_close(story.world, story.policy, story.world.incidents["INC-1"])


def test_an_incident_is_closed_by_a_person_after_it_was_stood_down() -> None:
    story = over().when(CloseIncident("INC-1", " all filed "), ADA)
    incident = story.world.incidents["INC-1"]
    assert (incident.state, incident.closed_at) == ("closed", story.now.utc)
    assert events(story, "incident.closed")[0].note == "all filed"
    assert codes(story.when(CloseIncident("INC-1"), ADA)) == ["already-closed"]


@pytest.mark.parametrize("who", [BUILDER, TIMEKEEPER, BEN, Principal("ada", Kind.AGENT)])
def test_nobody_else_closes_it(who: Principal) -> None:
    story = over().when(CloseIncident("INC-1"), who)
    assert codes(story)[0] in ("human-only", "no-authority")


def test_an_open_one_is_not_closed() -> None:
    story = declared()
    assert codes(story.when(CloseIncident("INC-1"), ADA)) == ["not-stood-down"]
    assert codes(story.when(CloseIncident("INC-1"), BEN)) == ["no-authority", "not-stood-down"]


def test_everything_that_is_missing_is_named_at_once() -> None:
    story = over(closing(*WANTED)).when(CloseIncident("INC-1"), ADA)
    assert story.refused is not None
    assert [(one.code, one.text) for one in story.refused.reasons] == [
        ("closing:form:post-mortem", "not yet: post mortem filed"),
        ("closing:report", "not yet: the report was written"),
        ("closing:action-items", "there is no action item"),
        ("closing:statement:cause", "not yet: cause stated"),
        ("closing:obligation:review", "Hold the review: owed by the commander"),
        ("closing:obligations", "Write the report: owed by the scribe until 2026-11-22 03:01 UTC"),
        (
            "closing:obligations",
            "Hold the review: owed by the commander until 2026-11-23 03:01 UTC",
        ),
    ]
    assert story.refused.reasons == verdict(story).reasons
    hints = [one.hint for one in story.refused.reasons]
    assert hints[:2] == ["allstop fill post-mortem", "allstop report INC-1 --file"]


def test_what_was_done_is_not_named_any_more() -> None:
    story = over(closing("report", "action-items", "obligations"))
    story.when(RecordReport("INC-1", "r.md", "0" * 64), ADA).when(ADD, ADA)
    assert [one.code for one in verdict(story).reasons] == ["closing:obligations"] * 2
    for id in ("report", "review"):
        story.when(MeetObligation("INC-1", id, "done"), EVE)
    assert verdict(story).allowed
    assert story.when(CloseIncident("INC-1"), ADA).refused is None


def test_dropped_action_items_do_not_count_as_any() -> None:
    story = over(closing("action-items")).when(ADD, ADA)
    assert verdict(story).allowed
    story.when(ChangeAction("INC-1", "ACT-1", "dropped", note="not worth it"), ADA)
    assert [one.text for one in verdict(story).reasons] == ["there is no action item"]


def test_it_asks_for_what_the_severity_at_the_end_asks_for() -> None:
    story = declared(closing("report", severity="SEV1"), severity="SEV1").wait(MINUTE)
    story.when(SetSeverity("INC-1", "SEV3", "it was small"), ADA)
    story.when(StandDown("INC-1", "over"), ADA)
    assert verdict(story).allowed
    story = over(closing("report", severity="SEV1"), severity="SEV1")
    assert [one.code for one in verdict(story).reasons] == ["closing:report"]


def test_what_the_protocol_does_not_ask_for_keeps_nothing_open() -> None:
    """Obligations are named only where the protocol lists them; they are chased all the same."""
    story = over(closing("report")).when(RecordReport("INC-1", "r.md", "0" * 64), ADA)
    assert story.when(CloseIncident("INC-1"), ADA).refused is None
    assert set(missed(story.wait(5 * DAY))) == {"obligation:report", "obligation:review"}


def test_an_override_lets_it_through_and_what_is_missing_stays_missing() -> None:
    story = over(closing("report"))
    recorded(story, OverrideRecorded("close", "the wiki is down"), "override.recorded")
    assert not verdict(story).allowed
    assert codes(story.when(CloseIncident("INC-1"), BEN)) == ["no-authority"]
    assert story.when(CloseIncident("INC-1"), ADA).refused is None


def test_afterwards_promises_can_be_kept_and_changed_and_notes_added() -> None:
    story = over().when(ADD, ADA).when(CloseIncident("INC-1"), ADA).wait(HOUR)
    story.when(ChangeAction("INC-1", "ACT-1", "done"), BEN)
    assert story.refused is None
    story.when(MeetObligation("INC-1", "report", "in the wiki"), ADA)
    assert story.when(AddNote("INC-1", "see the wiki"), ADA).refused is None
    assert story.world.owing_incidents() == ()
    assert missed(story.wait(10 * DAY)) == []

"""Emergency mode: begun, followed along the severity, extended, ended, expired (PT-16)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from allstop.domain.due import due
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import DeclareIncident, MeasureImpact, SetSeverity
from allstop.domain.incident.course_commands import EndMode, ExtendMode
from allstop.domain.mode import enabled, mode_is_on, suspended, suspending
from allstop.domain.policy import EmergencyMode, Grant
from allstop.domain.principal import MONITOR, TIMEKEEPER
from tests.domain.builders import ADA, BEN, MINUTE, Story, policy

HOUR = 60 * MINUTE
MODE = EmergencyMode(
    {"scoring": "Scoring", "deploys": "Deployments"}, {"direct": "Direct words"}, 12 * HOUR, ("SEV1", "SEV2")
)  # fmt: skip


def story(mode: EmergencyMode = MODE) -> Story:
    base = policy()
    authority = (*base.protocol.authority, Grant("mode", ("role:commander",)))
    return Story(replace(base, protocol=replace(base.protocol, mode=mode, authority=authority)))


def emergency(mode: EmergencyMode = MODE) -> Story:
    return story(mode).when(DeclareIncident("down", severity="SEV1"), ADA)


def codes(found: Story) -> list[str]:
    assert found.refused is not None, "it was allowed"
    return [reason.code for reason in found.refused.reasons]


def events(found: Story, kind: str) -> list[Any]:
    return [record.event for record in found.records if record.kind == kind]


def is_on(found: Story, incident: str = "INC-1") -> bool:
    return mode_is_on(found.world.incidents[incident])


def extended(found: Story, hours: int, reason: str = "it takes longer") -> ExtendMode:
    return ExtendMode("INC-1", found.now.utc + timedelta(hours=hours), reason)


def test_it_begins_with_an_incident_that_is_bad_enough() -> None:
    found = emergency()
    event = events(found, "mode.begun")[0]
    assert (event.suspended, event.enabled) == (MODE.suspended, MODE.enabled)
    assert event.until == found.now.utc + timedelta(hours=12)
    assert is_on(found)
    assert not events(story().when(DeclareIncident("a scratch")), "mode.begun")


def test_one_that_never_expires_has_no_end() -> None:
    found = emergency(replace(MODE, expires_ms=0))
    assert events(found, "mode.begun")[0].until is None
    assert is_on(found.wait(100 * HOUR))


def test_it_begins_when_the_severity_is_raised_into_it() -> None:
    found = story().when(DeclareIncident("a scratch"), ADA)
    found.when(MeasureImpact("INC-1", Impact(failed_share_percent=50)), MONITOR)
    assert is_on(found)
    assert events(found, "mode.begun")[0].because == "the severity is SEV2 now"


def test_going_on_within_it_begins_nothing_anew() -> None:
    """Given a mode a person has ended, when the severity rises within it, then it stays ended."""
    found = story().when(DeclareIncident("x", severity="SEV2"), ADA)
    found.when(EndMode("INC-1", "not needed"), ADA).when(SetSeverity("INC-1", "SEV1", "worse"), ADA)
    assert not is_on(found)
    assert len(events(found, "mode.begun")) == 1


def test_it_ends_when_the_severity_is_lowered_out_of_it() -> None:
    found = emergency().when(SetSeverity("INC-1", "SEV3", "it was small"), ADA)
    assert not is_on(found)
    assert events(found, "mode.ended")[0].because == "the severity is SEV3 now"
    found.when(SetSeverity("INC-1", "SEV1", "it was not"), ADA)
    assert is_on(found)


def test_it_expires_by_itself_once() -> None:
    found = emergency().wait(12 * HOUR - 1)
    assert is_on(found)
    found.wait(1)
    assert not is_on(found)
    found.wait(24 * HOUR)
    assert [one.because for one in events(found, "mode.ended")] == ["its time is over"]


def test_extending_moves_the_end_and_keeps_the_beginning() -> None:
    found = emergency().wait(11 * HOUR)
    begun = found.world.incidents["INC-1"].mode
    assert begun is not None
    found.when(extended(found, 6), ADA).wait(5 * HOUR)
    assert is_on(found)
    mode = found.world.incidents["INC-1"].mode
    assert mode is not None
    assert mode.since == begun.since
    assert events(found, "mode.begun")[-1].because == "it takes longer"
    assert not is_on(found.wait(HOUR))


def test_what_had_expired_can_be_extended_all_the_same() -> None:
    found = emergency().wait(13 * HOUR)
    found.when(extended(found, 2), ADA)
    assert is_on(found)
    mode = found.world.incidents["INC-1"].mode
    assert mode is not None
    assert mode.since == found.now.utc


@pytest.mark.parametrize(("hours", "reason", "code"), [(0, "x", "in-the-past"), (-1, "x", "in-the-past"), (1, " ", "empty")])  # fmt: skip
def test_extending_needs_a_time_to_come_and_a_reason(hours: int, reason: str, code: str) -> None:
    found = emergency()
    assert codes(found.when(extended(found, hours, reason), ADA)) == [code]


def test_extending_and_ending_are_granted() -> None:
    found = emergency()
    assert codes(found.when(extended(found, 1), BEN)) == ["no-authority"]
    assert codes(found.when(EndMode("INC-1", "over"), BEN)) == ["no-authority"]


def test_a_person_ends_it_with_a_reason() -> None:
    found = emergency()
    assert codes(found.when(EndMode("INC-1", " "), ADA)) == ["empty"]
    found.when(EndMode("INC-1", "the worst is over"), ADA)
    assert not is_on(found)
    assert codes(found.when(EndMode("INC-1", "again"), ADA)) == ["no-mode"]


def test_where_there_is_none_it_is_neither_extended_nor_ended() -> None:
    found = story().when(DeclareIncident("a scratch"), ADA)
    assert codes(found.when(extended(found, 1), ADA)) == ["no-mode"]
    assert codes(found.when(EndMode("INC-1", "over"), ADA)) == ["no-mode"]


def test_the_timekeeper_ends_only_what_has_expired() -> None:
    """It may have been extended since it looked."""
    found = emergency().when(EndMode("INC-1", "its time is over"), TIMEKEEPER)
    assert found.refused is None
    assert is_on(found)


def test_due_names_the_instant_at_which_it_expires() -> None:
    found = emergency().settle()
    quiet = replace(found.world.incidents["INC-1"], acknowledged_at=found.now.utc)
    found.world = replace(found.world, incidents={"INC-1": quiet})
    at = due(found.world, found.book, found.now).next_at
    assert at is not None
    assert at <= found.now.utc + timedelta(hours=12)


def test_what_is_suspended_is_told_over_all_open_incidents() -> None:
    found = emergency()
    other = replace(MODE, suspended={"coffee": "Coffee"}, enabled={})
    found.policy = replace(found.policy, protocol=replace(found.policy.protocol, mode=other))
    found.when(DeclareIncident("another", severity="SEV1"), ADA)
    assert suspended(found.world) == {
        "scoring": "Scoring", "deploys": "Deployments", "coffee": "Coffee",
    }  # fmt: skip
    assert enabled(found.world) == {"direct": "Direct words"}
    holding = suspending(found.world, frozenset({"coffee"}))
    assert holding is not None
    assert holding.id == "INC-2"
    found.when(EndMode("INC-1", "over"), ADA)
    assert suspended(found.world) == {"coffee": "Coffee"}
    assert suspending(found.world, frozenset({"scoring"})) is None


def test_an_incident_that_has_ended_suspends_nothing() -> None:
    """Also when nobody has ended its mode."""
    found = emergency()
    over = replace(found.world.incidents["INC-1"], state="stood-down")
    found.world = replace(found.world, incidents={"INC-1": over})
    assert suspended(found.world) == {}
    assert enabled(found.world) == {}


def test_it_is_not_extended_to_a_time_that_nobody_can_place() -> None:
    """Given a time without a zone, then it is refused, and what is in another zone is kept as UTC."""
    found = emergency()
    nowhere = (found.now.utc + timedelta(hours=20)).replace(tzinfo=None)
    assert codes(found.when(ExtendMode("INC-1", nowhere, "it takes longer"), ADA)) == ["no-zone"]
    there = (found.now.utc + timedelta(hours=20)).astimezone(timezone(timedelta(hours=9)))
    found.when(ExtendMode("INC-1", there, "it takes longer"), ADA)
    until = events(found, "mode.begun")[-1].until
    assert (until, until.utcoffset()) == (there, timedelta())

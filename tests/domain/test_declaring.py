"""Declaring an incident: what opens with it, and what is refused."""

from dataclasses import replace

import pytest

from allstop.domain.impact import Impact
from allstop.domain.incident.commands import (
    AddNote,
    DeclareIncident,
    MeasureImpact,
    PostUpdate,
    RecordStatement,
)
from allstop.domain.policy import Roster
from allstop.domain.principal import MONITOR, RUNNER, Kind, Principal
from tests.domain.builders import ADA, BEN, BUILDER, EVE, Story, outage, policy

ALARM = Principal("alertmanager", Kind.SOURCE)
STRANGER = Principal("mallory", Kind.PERSON)


def codes(story: Story) -> list[str]:
    assert story.refused is not None, "it was allowed"
    return [reason.code for reason in story.refused.reasons]


def test_a_declaration_classifies_stops_staffs_and_asks_for_evidence() -> None:
    """One command, one transaction: severity, all-stop, phase, team, diagnosis, announcement."""
    kinds = [kind for kind in outage().kinds() if kind != "deadline.set"]
    wanted = [
        "incident.declared", "impact.measured", "severity.classified", "halt.ordered",
        "phase.entered", "role.assigned", "evidence.requested",
    ]  # fmt: skip
    places = [kinds.index(kind) for kind in wanted]
    assert places == sorted(places)
    assert kinds[-1] == "notification.requested"


def test_the_clocks_start_with_the_declaration() -> None:
    """What is owed from now on is on the record in the same transaction, after everything else."""
    story = outage()
    set_at_once = [one.event.deadline for one in story.records if one.kind == "deadline.set"]
    assert set_at_once == ["acknowledge", "update:1", "target:contain", "target:resolve"]
    assert story.kinds()[-len(set_at_once) :] == ["deadline.set"] * len(set_at_once)


def test_every_reason_against_a_declaration_comes_at_once() -> None:
    story = Story().when(DeclareIncident(" ", ("paymnts",), severity="SEV9"))
    assert codes(story) == ["bad-title", "unknown-service", "unknown-severity"]


def test_an_unknown_service_is_answered_with_the_nearest_name() -> None:
    story = Story().when(DeclareIncident("it fails", ("paymnts",)))
    assert story.refused is not None
    assert story.refused.reasons[0].hint == "did you mean payments?"


@pytest.mark.parametrize(("title", "fits"), [("x" * 200, True), ("x" * 201, False), ("\n", False)])
def test_a_title_has_one_to_two_hundred_characters(title: str, fits: bool) -> None:
    story = Story().when(DeclareIncident(title))
    assert (story.refused is None) == fits


def test_at_most_one_open_incident_bears_a_key() -> None:
    story = outage(dedup="monitor:payments")
    story.when(DeclareIncident("again", dedup="monitor:payments"), MONITOR)
    assert codes(story) == ["already-declared"]
    assert story.when(DeclareIncident("another", dedup="other"), MONITOR).refused is None


def test_a_refusal_changes_nothing() -> None:
    story = outage()
    world, records = story.world, list(story.records)
    story.when(DeclareIncident("", ("nowhere",)))
    assert story.world == world
    assert story.records == records


@pytest.mark.parametrize("who", [ADA, BEN, EVE, BUILDER, ALARM, MONITOR, STRANGER])
def test_whoever_is_recognised_may_declare(who: Principal) -> None:
    assert Story().when(DeclareIncident("it fails"), who).refused is None


@pytest.mark.parametrize(
    ("who", "may"),
    [(ADA, True), (BEN, False), (EVE, True), (BUILDER, False), (ALARM, False), (RUNNER, True)],
)
def test_measuring_by_hand_is_for_the_commander_the_owner_and_the_monitor(
    who: Principal, may: bool
) -> None:
    story = outage().when(MeasureImpact("INC-1", Impact(users=5)), who)
    assert (story.refused is None) == may


@pytest.mark.parametrize("who", [BUILDER, ALARM])
def test_neither_an_agent_nor_a_source_posts_updates_or_states_causes(who: Principal) -> None:
    story = outage().when(PostUpdate("INC-1", "fixing", "soon"), who)
    assert codes(story) == ["no-authority"]
    assert codes(story.when(RecordStatement("INC-1", "root-cause", "me"), who)) == ["no-authority"]


def test_an_agent_may_leave_a_note_and_a_source_may_not() -> None:
    story = outage().when(AddNote("INC-1", "I changed the tax table"), BUILDER)
    assert story.refused is None
    assert codes(story.when(AddNote("INC-1", "spam"), ALARM)) == ["no-authority"]


def test_a_role_nobody_can_fill_is_noted_and_not_left_out() -> None:
    story = Story(replace(policy(), roster=Roster())).when(DeclareIncident("it fails"))
    notes = [record.event.text for record in story.records if record.kind == "note.added"]
    assert notes == [
        "nobody on the roster can be incident commander",
        "nobody on the roster can be communications lead",
    ]


def test_an_unknown_incident_is_named_with_those_that_exist() -> None:
    story = outage().when(AddNote("INC-7", "where?"))
    assert codes(story) == ["unknown-incident"]


def test_a_service_named_twice_is_one_service() -> None:
    """It was isolated by two steps of one name, started both at once."""
    story = Story().when(DeclareIncident("it fails", ("payments", "gateway", "payments")))
    assert story.world.incidents["INC-1"].services == ("payments", "gateway")

"""Kinds of emergency that show only later: by the impact, or because a person who looks says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.impact import Impact
from allstop.domain.incident.commands import DeclareIncident, MeasureImpact, StandDown
from allstop.domain.incident.course_commands import TriageIncident
from allstop.domain.policy import Grant, Obligation, Phase, Span
from allstop.domain.principal import MONITOR
from tests.domain.builders import ADA, MINUTE, Story
from tests.domain.emergencies import codes, events, ready, told

DAY = 24 * 60 * MINUTE
OWED = (
    Obligation("regulator", "Tell the regulator", "commander", Span(DAY), "declared", kinds=("breach",)),
    Obligation("lessons", "Write down the lessons", "commander", Span(DAY), kinds=("breach", "slow")),
)  # fmt: skip


def story(**more: Any) -> Story:
    """Kinds of emergency, obligations for some of them, and people who may triage."""
    plain = ready(obligations=OWED, **more)
    authority = (*plain.protocol.authority, Grant("triage", ("person",)))
    return Story(replace(plain, protocol=replace(plain.protocol, authority=authority))).register()


def quick() -> Story:
    return story(phases=(Phase("work", "Work", True, ()),), stand_down=())


def owed(found: Story) -> list[str]:
    return list(found.world.incidents["INC-1"].obligations)


def looked(kind: str, **more: Any) -> TriageIncident:
    return TriageIncident("INC-1", real=True, text="I looked", kind=kind, **more)


# --- what the impact shows -----------------------------------------------------------------------


def test_an_obligation_of_a_kind_begins_when_the_impact_shows_that_kind() -> None:
    """Given an incident of no kind, when its impact turns out to be a breach, then whatever is owed for a
    breach is owed from then on, once."""
    found = story().when(DeclareIncident("odd logins", impact=Impact(server_errors=True)))
    assert owed(found) == []
    found.wait(10 * MINUTE).when(MeasureImpact("INC-1", Impact(breach=True)), MONITOR)
    assert owed(found) == ["regulator"]
    due = found.world.incidents["INC-1"].obligations["regulator"].due_at
    assert round((due - found.now.utc).total_seconds() * 1000) == DAY
    found.when(MeasureImpact("INC-1", Impact(breach=False)), MONITOR)
    found.when(MeasureImpact("INC-1", Impact(breach=True)), MONITOR)
    assert owed(found) == ["regulator"]


def test_what_was_shown_once_is_owed_afterwards_though_it_has_passed() -> None:
    found = quick().when(DeclareIncident("it hangs"), ADA)
    found.when(MeasureImpact("INC-1", Impact(users=3)), MONITOR)
    found.when(MeasureImpact("INC-1", Impact(users=0)), MONITOR).settle()
    found.when(StandDown("INC-1", "it works"), ADA)
    assert owed(found) == ["lessons"]


def test_a_kind_that_nobody_showed_or_named_owes_nothing() -> None:
    found = quick().when(DeclareIncident("it hangs"), ADA).settle()
    assert owed(found.when(StandDown("INC-1", "it works"), ADA)) == []


# --- what a person says ----------------------------------------------------------------------------


def test_whoever_triages_names_the_kind_and_all_that_goes_with_it_follows() -> None:
    """Given an incident of no kind at the mildest severity, when a person says that it is a breach, then it
    is one: at the severity of its kind, with every agent stopped, its first responders called, its own
    obligations, and the kind in every message."""
    found = story().when(DeclareIncident("odd logins"), ADA)
    before = len(told(found))
    assert found.when(looked("breach"), ADA).refused is None
    incident = found.world.incidents["INC-1"]
    assert (incident.kind, incident.severity) == ("breach", "SEV2")
    assert incident.severity_because == "Security breach is SEV2 at least"
    assert found.world.standing_halts()
    assert incident.called == ("ben", "ada")
    assert owed(found) == ["regulator"]
    assert events(found, "incident.triaged")[-1].kind == "breach"
    assert ("person:ben", "INC-1: you are first responder, Security breach") in told(found)[before:]


def test_a_triage_without_a_kind_leaves_the_one_it_has() -> None:
    found = story().when(DeclareIncident("they are in", kind="breach"), ADA)
    called = len(told(found))
    found.when(looked(""), ADA)
    assert found.world.incidents["INC-1"].kind == "breach"
    assert len(told(found)) == called


def test_the_kind_it_has_already_calls_nobody_again() -> None:
    found = story().when(DeclareIncident("they are in", kind="breach"), ADA)
    called = events(found, "responders.called")
    found.when(looked("breach"), ADA)
    assert events(found, "responders.called") == called


def test_a_kind_is_never_milder_than_its_own_severity_after_a_triage_either() -> None:
    found = story().when(DeclareIncident("odd logins", severity="SEV1"), ADA)
    grants = (*found.policy.protocol.authority, Grant("set-severity", ("person",)))
    found.policy = replace(found.policy, protocol=replace(found.policy.protocol, authority=grants))
    found.when(looked("breach", severity="SEV3"), ADA)
    assert found.world.incidents["INC-1"].severity == "SEV2"


@pytest.mark.parametrize(("command", "code"), [
    (looked("breech"), "unknown-kind"),
    (TriageIncident("INC-1", real=False, text="a test", kind="breach"), "no-kind"),
])  # fmt: skip
def test_a_kind_that_makes_no_sense_is_refused(command: TriageIncident, code: str) -> None:
    found = story().when(DeclareIncident("odd logins"), ADA)
    assert codes(found.when(command, ADA)) == [code]
    assert found.world.incidents["INC-1"].is_open

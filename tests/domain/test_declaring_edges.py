"""Edges of declaring and of who may report what."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.domain.effects import done
from allstop.domain.incident.commands import DeclareIncident, MissDeadline, RecordSamples
from allstop.domain.plan.commands import RecordOutcome
from allstop.domain.policy import Fleet
from allstop.domain.principal import Principal
from tests.domain.builders import ADA, BUILDER, START, Story, outage, policy


def test_an_incident_cannot_have_begun_in_the_future() -> None:
    """Given a source whose clock is ahead, when it declares, then the incident began now."""
    command = DeclareIncident("buying fails", began_at=START + timedelta(hours=1))

    story = Story().when(command)

    assert story.refused is None
    assert story.world.incidents["INC-1"].began_at == START


@pytest.mark.parametrize("who", [ADA, BUILDER])
def test_only_the_coordinator_reports_for_its_parts(who: Principal) -> None:
    """Given an open incident, when somebody else reports a sample or an outcome, then it is refused."""
    story = outage()
    world = story.world
    reports = (
        RecordSamples("INC-1", (), 1000),
        MissDeadline("INC-1", "acknowledge"),
        RecordOutcome(story.effects[0], done("I say so")),
    )

    for report in reports:
        story.when(report, who)
        assert story.refused is not None
        assert story.refused.reasons[0].code == "internal"
    assert story.world is world


def test_an_emergency_does_not_wait_for_a_fleet_to_be_described() -> None:
    """Given a project without a fleet, when a service is named, then it is declared, and the timeline says
    what cannot be done for it."""
    story = Story(policy=replace(policy(), fleet=Fleet()))

    story.when(DeclareIncident("checkout fails", ("payments",))).settle()

    assert story.refused is None
    assert story.world.incidents["INC-1"].services == ("payments",)
    notes = [one.event.text for one in story.records if one.kind == "note.added"]
    assert any("not in fleet.yaml" in text for text in notes)
    assert "no isolation is available for payments" in story.world.plans["PLAN-1"].title

"""Measured times: each with its formula, from the record, and each response of an incident by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from allstop.domain.impact import Impact
from allstop.domain.incident.commands import AcknowledgeIncident, DeclareIncident
from allstop.domain.metrics import Measure, measures
from allstop.domain.policy import Activation, EmergencyKind, Policy
from allstop.domain.principal import MONITOR
from tests.domain.builders import MINUTE, START, Story, policy
from tests.domain.promises import declared, events, missed
from tests.domain.test_reopened import again, down, rules

HOUR = 60 * MINUTE


def found(story: Story) -> dict[str, Measure]:
    return {one.name: one for one in measures(story.world.incidents["INC-1"], story.policy)}


def test_the_first_response_is_measured_from_the_declaration() -> None:
    story = Story().when(
        DeclareIncident("it fails", impact=Impact(core_functions_down=("buying",)), began_at=START),
        MONITOR,
    )
    story.now = replace(story.now, utc=story.now.utc + timedelta(minutes=2))
    one = found(story.when(AcknowledgeIncident("INC-1")))
    assert list(one) == ["detect", "acknowledge", "contain", "mitigate", "resolve"]
    assert one["detect"].measured_ms == 0
    assert (one["acknowledge"].measured_ms, one["acknowledge"].formula) == (
        2 * MINUTE, "acknowledged - declared",
    )  # fmt: skip
    assert one["acknowledge"].met is False
    assert one["resolve"].measured_ms is None
    assert one["resolve"].met is None


def test_a_second_response_is_measured_from_when_it_was_opened_again() -> None:
    """Given an incident that rested for a day, when somebody acknowledges the second time within a minute,
    then that took a minute and not a day; and what the first response took is still there."""
    story = declared(rules()).wait(MINUTE).when(AcknowledgeIncident("INC-1"))
    again(down(story.wait(MINUTE)).wait(24 * HOUR)).wait(2 * MINUTE)
    one = found(story.when(AcknowledgeIncident("INC-1")))
    assert (one["acknowledge"].measured_ms, one["acknowledge"].formula) == (
        2 * MINUTE, "acknowledged - opened again",
    )  # fmt: skip
    first = one["acknowledge (response 1)"]
    assert (first.measured_ms, first.formula) == (MINUTE, "acknowledged - declared")
    # It was resolved the moment it was declared: nothing kept its only phase.
    assert one["resolve (response 1)"].measured_ms == 0
    assert "contain (response 1)" not in one


def test_what_never_happened_in_an_earlier_response_has_no_figure() -> None:
    one = found(again(down(declared(rules()))))
    assert one["acknowledge"].measured_ms is None
    assert "acknowledge (response 1)" not in one


def test_a_third_response_keeps_those_before_apart() -> None:
    story = declared(rules()).wait(MINUTE).when(AcknowledgeIncident("INC-1"))
    again(down(story)).wait(3 * MINUTE).when(AcknowledgeIncident("INC-1"))
    one = found(again(down(story)))
    assert one["acknowledge (response 1)"].measured_ms == MINUTE
    assert one["acknowledge (response 2)"].measured_ms == 3 * MINUTE
    assert one["acknowledge (response 2)"].formula == "acknowledged - opened again"


# --- where nothing is to be contained ------------------------------------------------------------


def recovering() -> Policy:
    """A kind of emergency whose response begins behind containment."""
    plain = policy()
    kinds = (EmergencyKind("recovery", "Disaster recovery", severity="SEV1", phase="restore"),)
    return replace(plain, protocol=replace(plain.protocol, activation=Activation(kinds=kinds)))


def test_a_recovery_is_not_late_for_containing_what_it_does_not_contain() -> None:
    """Given a disaster recovery, which begins at restoring, then nobody is told that nothing was contained
    in time, and no target stands beside it; an emergency that begins at the beginning has both."""
    story = Story(recovering()).when(DeclareIncident("all is lost", kind="recovery"), MONITOR)
    assert "target:contain" not in missed(story.wait(6 * MINUTE))
    assert "target:contain" not in [one.deadline for one in events(story, "deadline.set")]
    assert found(story)["contain"].target_ms is None
    usual = Story(recovering()).when(DeclareIncident("it fails", severity="SEV1"), MONITOR)
    assert "target:contain" in missed(usual.wait(6 * MINUTE))
    assert found(usual)["contain"].target_ms == 5 * MINUTE


def test_a_protocol_that_contains_in_another_way_keeps_its_target() -> None:
    """Given phases none of which asks for a plan to contain, then containing is still expected in time."""
    plain = recovering()
    first, _, *rest = plain.protocol.phases
    protocol = replace(plain.protocol, phases=(first, *rest))
    story = Story(replace(plain, protocol=protocol)).when(
        DeclareIncident("it fails", severity="SEV1"), MONITOR
    )
    assert "target:contain" in missed(story.wait(6 * MINUTE))

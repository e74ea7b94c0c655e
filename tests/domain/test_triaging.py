"""Triage: a person looks, confirms how bad it is, or ends it as a false alarm (PI-03)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.due import due
from allstop.domain.effects import done
from allstop.domain.incident.commands import AcknowledgeIncident, DeclareIncident, PostUpdate
from allstop.domain.incident.course_commands import TriageIncident
from allstop.domain.incident.work_commands import EndChange, ProposeChange
from allstop.domain.policy import ApprovalRow, Approvals, EmergencyMode, Grant
from allstop.domain.principal import TIMEKEEPER, Principal
from tests.domain.builders import ADA, BEN, BUILDER, EVE, MINUTE, Story, outage, policy

REAL = TriageIncident("INC-1", real=True, text="the graphs agree")
FALSE = TriageIncident("INC-1", real=False, text="a test ran")


def triaged(found: Story) -> Story:
    """The same story under a protocol that lets people triage."""
    base = found.policy
    authority = (*base.protocol.authority, Grant("triage", ("person",)))
    mode = EmergencyMode({"scoring": "Scoring"}, {}, 0, ("SEV1",))
    found.policy = replace(base, protocol=replace(base.protocol, authority=authority, mode=mode))
    return found


def codes(found: Story) -> list[str]:
    assert found.refused is not None, "it was allowed"
    return [reason.code for reason in found.refused.reasons]


def events(found: Story, kind: str) -> list[Any]:
    return [record.event for record in found.records if record.kind == kind]


def test_whoever_looks_confirms_the_severity_and_has_acknowledged_it() -> None:
    found = triaged(outage()).when(REAL, BEN)
    incident = found.world.incidents["INC-1"]
    assert incident.triaged_at == found.now.utc
    assert incident.acknowledged_by == "ben"
    assert [(one.severity, one.text) for one in events(found, "incident.triaged")] == [
        ("SEV1", "the graphs agree")
    ]
    missed = [one.deadline for one in events(found.wait(6 * MINUTE), "deadline.missed")]
    assert "acknowledge" not in missed


def test_an_acknowledgement_that_was_given_stays_whose_it_is() -> None:
    found = triaged(outage()).when(AcknowledgeIncident("INC-1"), ADA).when(REAL, BEN)
    assert found.world.incidents["INC-1"].acknowledged_by == "ada"
    assert len(events(found, "incident.acknowledged")) == 1


def test_another_severity_is_set_by_the_rules_for_setting_one() -> None:
    """With its authority, its reason, and everything that goes with it: here the all-stop."""
    found = triaged(Story().register()).when(DeclareIncident("it fails"), BEN)
    worse = TriageIncident("INC-1", real=True, text="everything is down", severity="SEV1")
    assert codes(found.when(worse, BEN)) == ["no-authority"]
    assert found.world.incidents["INC-1"].triaged_at is None
    assert codes(found.when(replace(worse, text=" "), ADA)) == ["no-reason"]
    assert codes(found.when(replace(worse, severity="SEV9"), ADA)) == ["unknown-severity"]
    found.when(worse, ADA)
    classified = events(found, "severity.classified")[-1]
    assert (classified.severity, classified.by_person) == ("SEV1", True)
    assert events(found, "incident.triaged")[0].severity == "SEV1"
    assert found.result["severity"] == "SEV1"
    assert found.world.standing_halts()


def test_the_same_severity_needs_nobody_who_may_set_one() -> None:
    found = triaged(outage()).when(replace(REAL, severity="SEV1"), BEN)
    assert found.refused is None
    assert len(events(found, "severity.classified")) == 1


def test_it_is_triaged_once() -> None:
    assert codes(triaged(outage()).when(REAL, BEN).when(REAL, ADA)) == ["already-triaged"]


def test_what_was_real_once_does_not_become_a_false_alarm_by_coming_back() -> None:
    """What is owed since the first time would be forgotten with it."""
    found = triaged(outage())
    back = replace(found.world.incidents["INC-1"], reopened=(found.now.utc,))
    found.world = replace(found.world, incidents={"INC-1": back})
    assert codes(found.when(FALSE, ADA)) == ["reopened"]


@pytest.mark.parametrize("who", [BUILDER, TIMEKEEPER])
def test_only_a_person_triages(who: Principal) -> None:
    found = triaged(outage())
    for command in (REAL, FALSE):
        assert codes(found.when(command, who))[0] in ("human-only", "no-authority")


def test_a_triage_has_its_limits() -> None:
    found = triaged(outage())
    assert codes(found.when(replace(REAL, text="x" * 4001), BEN)) == ["too-long"]
    assert codes(found.when(replace(FALSE, text=" "), ADA)) == ["empty"]
    assert codes(found.when(replace(REAL, incident="INC-7"), BEN)) == ["unknown-incident"]


def test_a_false_alarm_ends_everything_and_says_so() -> None:
    """Halts released, emergency mode over, plans aborted, everybody told, nothing owed."""
    found = triaged(Story(policy()).register()).when(
        DeclareIncident("it fails", severity="SEV1"), ADA
    )
    found.settle()
    found.when(FALSE, ADA)
    incident = found.world.incidents["INC-1"]
    assert incident.state == "dismissed"
    assert events(found, "incident.dismissed")[0].reason == "a test ran"
    assert not found.world.standing_halts()
    assert events(found, "mode.ended")[0].because == "INC-1 was a false alarm"
    assert {plan.state for plan in found.world.plans.values()} <= {"aborted", "done"}
    last = events(found, "notification.requested")[-1]
    assert (last.to, last.subject, last.text) == (
        "audience:responders", "INC-1 was a false alarm", "a test ran",
    )  # fmt: skip
    found.wait(7 * 24 * 60 * MINUTE)
    assert not events(found, "deadline.missed")
    assert not due(found.world, found.book, found.now).commands


def test_after_something_was_changed_it_cannot_be_dropped() -> None:
    """Given a service that was isolated, then standing down with proofs is the only way out."""
    found = triaged(outage()).settle().answer(done("cut off"), only="isolate")
    assert codes(found.when(FALSE, ADA)) == ["changed"]
    assert found.world.incidents["INC-1"].is_open


def test_a_change_that_has_begun_counts_as_made() -> None:
    found = triaged(outage()).settle()
    assert codes(found.when(FALSE, ADA)) == ["changed"]


def test_a_plan_that_waits_for_approval_is_aborted_with_the_alarm() -> None:
    """Nothing starts any more in an incident that is none."""
    base = policy()
    payments, gateway = base.fleet.services
    fleet = replace(base.fleet, services=(replace(payments, protected=True), gateway))
    found = triaged(Story(replace(base, fleet=fleet)).register())
    found.when(DeclareIncident("down", ("payments",), severity="SEV1"), ADA).settle()
    assert found.world.plans["PLAN-1"].state == "proposed"
    found.when(FALSE, ADA).settle().answer().settle()
    assert found.world.plans["PLAN-1"].state == "aborted"
    assert "step.started" not in found.kinds()


def test_whoever_may_not_release_a_halt_does_not_end_what_holds_one() -> None:
    found = triaged(outage())
    assert codes(found.when(FALSE, BEN)) == ["no-authority"]
    assert found.world.standing_halts()
    assert found.when(FALSE, EVE).refused is None


def test_what_was_a_false_alarm_is_not_worked_on() -> None:
    found = triaged(outage()).when(FALSE, ADA)
    assert codes(found.when(PostUpdate("INC-1", "fixing", "soon"), ADA)) == ["stood-down"]
    assert codes(found.when(REAL, ADA)) == ["stood-down"]
    again = found.when(DeclareIncident("again", dedup="x"), ADA)
    assert again.result["incident"] == "INC-2"


def test_a_change_that_was_made_by_hand_counts_as_made_too() -> None:
    """Given a firewall that was opened by hand, then nobody drops the alarm and leaves it open."""
    found = triaged(outage())
    protocol = found.policy.protocol
    authority = (*protocol.authority, Grant("change", ("person",)))
    nobody = Approvals((ApprovalRow((), (), 0, "undone at once"),))
    found.policy = replace(
        found.policy, protocol=replace(protocol, authority=authority, approvals=nobody)
    )
    found.when(ProposeChange("INC-1", "open the firewall"), BEN)
    found.when(EndChange("INC-1", "CHG-1", "made", ""), BEN)
    assert codes(found.when(FALSE, ADA)) == ["changed"]
    assert found.refused is not None
    assert found.refused.reasons[0].text.startswith("CHG-1 has changed something")

"""The owner's override stands above every severity, gate and halt, at once, and on the record (OR-09)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.halt.commands import OrderHalt, ReleaseHalt
from allstop.domain.incident.commands import Approve, DeclareIncident, Override, SetSeverity
from allstop.domain.incident.state import Incident
from allstop.domain.incident.work_commands import EndChange, ProposeChange
from allstop.domain.plan.commands import StartPlan
from allstop.domain.policy import ApprovalRow, Approvals, Grant, Policy, Preflight
from allstop.domain.principal import TIMEKEEPER, Principal
from allstop.testing.invariants import check
from allstop.testing.traces import Trace
from tests.domain.builders import ADA, BEN, BUILDER, EVE, Story, outage, policy
from tests.domain.test_standing_down import closed


def strict() -> Policy:
    """Whatever can keep something from going on: two signatures and a review, checks, nobody who releases."""
    plain = policy()
    grants = tuple(
        one for one in plain.protocol.authority if one.action not in ("release", "set-severity")
    )
    protocol = replace(
        plain.protocol,
        approvals=Approvals((ApprovalRow((), ("role:scribe",), 2, "two of them", ("scribe",)),)),
        authority=(*grants, Grant("change", ("person",)), Grant("review", ("person",))),
        preflight=Preflight(("documents",), required=True),
    )
    return replace(plain, protocol=protocol)


def stuck() -> Story:
    return outage(strict()).settle()


def override(story: Story, subject: str, who: Principal = EVE, reason: str = "I say so") -> Story:
    return story.when(Override("INC-1", subject, reason), who)


def incident(story: Story) -> Incident:
    return story.world.incidents["INC-1"]


def refusal(story: Story) -> str:
    assert story.refused is not None, "it was allowed"
    return story.refused.reasons[0].code


def recorded(story: Story) -> list[str]:
    return [
        getattr(one.event, "subject", "") or one.event.criterion
        for one in story.records
        if one.kind in ("override.recorded", "criterion.overridden")
    ]


def announced(story: Story) -> list[str]:
    notes = incident(story).notifications.values()
    return [one.subject for one in notes if "overrode" in one.subject]


def sound(story: Story) -> Story:
    """Nothing that happened is against an invariant."""
    found = check(Trace(tuple(story.records), story.book))
    assert found == ()
    return story


def test_a_plan_starts_past_signatures_reviews_and_checks() -> None:
    """Given a plan that waits for two people, a review and the preflight, when the owner overrides it, then
    it runs at once, approved by override, and everybody who is told hears who did it and why."""
    story = stuck()
    assert refusal(story.when(StartPlan("PLAN-1"))) == "not-approved"
    override(story, "plan:PLAN-1", reason="no time")
    plan = story.world.plans["PLAN-1"]
    assert (plan.state, plan.approved_by) == ("running", "person:eve")
    assert plan.standing("isolate-payments").state == "running"
    assert recorded(story) == ["plan:PLAN-1"]
    assert announced(story) == ["INC-1: person:eve overrode plan:PLAN-1"]
    assert refusal(override(sound(story), "plan:PLAN-1")) == "not-proposed"


def test_a_change_is_approved_past_everybody() -> None:
    story = stuck().when(ProposeChange("INC-1", "open the firewall"), BEN)
    assert refusal(story.when(EndChange("INC-1", "CHG-1", "made", ""), BEN)) == "not-approved"
    override(story, "change:CHG-1")
    assert incident(story).changes["CHG-1"].state == "approved"
    assert recorded(story) == ["change:CHG-1"]
    assert sound(story).when(EndChange("INC-1", "CHG-1", "made", ""), BEN).refused is None
    assert refusal(override(story, "change:CHG-1")) == "not-proposed"


def test_a_halt_is_lifted_that_nobody_else_may_lift() -> None:
    """Given a protocol that lets nobody release, when the owner overrides the halt, then it is lifted with
    that reason; agents that another halt holds stay held."""
    story = stuck().when(OrderHalt("agent:builder-1", "look at it"), ADA)
    assert refusal(story.when(ReleaseHalt("HALT-1", "over"), EVE)) == "no-authority"
    override(story, "halt:HALT-1", reason="they must repair")
    halt = story.world.halts["HALT-1"]
    assert (halt.stands, halt.released_by) == (False, "person:eve")
    assert story.world.holders("builder-2") == ()
    assert len(story.world.holders("builder-1")) == 1
    assert recorded(sound(story)) == ["halt:HALT-1"]
    assert refusal(override(story, "halt:HALT-1")) == "already-released"
    # One that stands outside of any incident is the owner's as well.
    assert not override(story, "halt:HALT-2").world.halts["HALT-2"].stands


@pytest.mark.parametrize("name", ["SEV3", "SEV2"])
def test_a_severity_is_set_at_once_milder_too(name: str) -> None:
    """Given nobody who may set a severity, when the owner overrides it, then it is what they say."""
    story = stuck()
    assert refusal(story.when(SetSeverity("INC-1", name, "calm"), EVE)) == "no-authority"
    override(story, f"severity:{name}")
    assert incident(story).severity == name
    assert recorded(sound(story)) == [f"severity:{name}"]
    assert refusal(override(story, f"severity:{name}")) == "same-severity"


def test_a_phase_is_left_with_each_missing_criterion_on_the_record() -> None:
    """Given a phase whose gate is shut, when the owner overrides the phase, then the next one begins at once,
    and every criterion that was missing is recorded, and no other."""
    story = outage(strict())
    assert incident(story).phase == "assess"
    override(story, "phase")
    assert incident(story).phase == "contain"
    assert recorded(story) == ["phase", "roll-call", "evidence-in", "remedy-decided"]
    for _ in range(3):
        override(story, "phase")
    assert "resolved" in incident(sound(story)).milestones
    assert refusal(override(story, "phase")) == "last-phase"


def test_the_preflight_is_let_through_and_plans_start() -> None:
    """Given plans that wait for checks nobody made, when the owner overrides the preflight, then they start."""
    rules = strict()
    plain = replace(rules.protocol, approvals=Approvals((ApprovalRow((), (), 0, "at once"),)))
    story = outage(replace(rules, protocol=plain)).settle()
    assert story.world.plans["PLAN-1"].state == "proposed"
    override(story, "preflight").settle()
    assert story.world.plans["PLAN-1"].state == "running"
    assert recorded(sound(story)) == ["preflight"]
    assert refusal(override(outage(), "preflight")) == "not-needed"


def test_closing_is_let_through_once_it_is_stood_down() -> None:
    story = outage().settle()
    assert refusal(override(story, "close")) == "not-stood-down"
    story = closed()
    override(story, "close")
    assert incident(story).overrides["close"] == "I say so"
    assert refusal(override(story, "severity:SEV3")) == "stood-down"


@pytest.mark.parametrize(("subject", "code"), [
    ("lunch", "unknown-subject"), ("stand-down", "unknown-subject"), ("plan:", "unknown-subject"),
    ("plan:PLAN-9", "unknown-plan"), ("change:CHG-9", "unknown-change"), ("halt:HALT-9", "unknown-halt"),
    ("severity:SEV9", "unknown-severity"), ("planet:earth", "unknown-subject"),
])  # fmt: skip
def test_what_is_not_there_is_refused_and_what_is_meant_is_named(subject: str, code: str) -> None:
    story = stuck()
    before = story.world
    assert refusal(override(story, subject)) == code
    assert story.world is before


def test_a_refusal_names_what_could_be_meant() -> None:
    story = stuck()
    hints = {
        subject: override(story, subject).refused.reasons[0].hint  # type: ignore[union-attr]
        for subject in ("plan:PLAN1", "roll-cal", "stand-down", "preflght")
    }
    assert hints == {
        "plan:PLAN1": "known: PLAN-1",
        "roll-cal": "did you mean roll-call?",
        "stand-down": "one of: resolved, root-cause, still-stable, approved",
        "preflght": "did you mean preflight?",
    }


def test_a_plan_or_a_halt_of_another_incident_is_not_let_through_here() -> None:
    story = stuck().when(DeclareIncident("it is slow", ("gateway",), severity="SEV1"), ADA).settle()
    mine = next(one for one in story.world.halts.values() if one.incident == "INC-1")
    other = Override("INC-2", f"halt:{mine.id}", "mine now")
    assert refusal(story.when(other, EVE)) == "other-incident"
    assert refusal(story.when(Override("INC-2", "plan:PLAN-1", "mine now"), EVE)) == "unknown-plan"


@pytest.mark.parametrize(
    "subject", ["plan:PLAN-1", "halt:HALT-1", "severity:SEV3", "phase", "preflight"]
)
def test_only_a_named_person_overrides_and_says_why(subject: str) -> None:
    story = stuck()
    assert refusal(override(story, subject, ADA)) == "no-authority"
    assert refusal(override(story, subject, BUILDER)) == "human-only"
    assert refusal(override(story, subject, TIMEKEEPER)) == "no-authority"
    assert refusal(override(story, subject, reason=" ")) == "empty"


def test_signatures_given_before_an_override_stay_on_the_record() -> None:
    story = stuck()
    assert refusal(story.when(Approve("INC-1", "plan:PLAN-1"), ADA)) == "no-authority"
    override(story, "plan:PLAN-1")
    kinds = [one.kind for one in story.records]
    assert kinds.index("override.recorded") < kinds.index("plan.approved")

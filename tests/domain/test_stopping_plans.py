"""Stop rules: a plan that runs against one is held at once, cites it, and goes on only when a person accepts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.due import due
from allstop.domain.effects import Purpose, done, failed
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import MeasureImpact
from allstop.domain.plan.commands import AbortPlan, RetryStep, SettleStep
from allstop.domain.policy import Condition, StopRule
from allstop.domain.principal import MONITOR, TIMEKEEPER
from tests.domain.builders import ADA, BEN, BUILDER, MINUTE, Story, outage, policy

RISING = StopRule(
    "rising", "Failures rise", (Condition("failed_share_percent", "at_least", 90),), "it makes it worse"
)  # fmt: skip
SLOW = StopRule(
    "slow", "Too slow", (Condition("plan_minutes", "more_than", 2),), "it was for minutes"
)
BOTH = StopRule(
    "both", "Slow and bad",
    (Condition("plan_minutes", "at_least", 3), Condition("failed_share_percent", "at_least", 50)),
    "too long for that",
)  # fmt: skip


def under(*rules: StopRule) -> Story:
    """An outage whose containment plan has started, under these rules."""
    plain = policy()
    protocol = replace(plain.protocol, stop_rules=rules)
    return outage(replace(plain, protocol=protocol)).settle()


def worse(story: Story, share: int = 95) -> Story:
    return story.when(
        MeasureImpact("INC-1", Impact(("buying",), failed_share_percent=share)), MONITOR
    )


def state(story: Story) -> str:
    return story.world.plans["PLAN-1"].state.value


def step(story: Story, name: str) -> str:
    return story.world.plans["PLAN-1"].standing(name).state.value


def violations(story: Story) -> list[Any]:
    return [one.event for one in story.records if one.kind == "rule.violated"]


def refusal(story: Story) -> str:
    assert story.refused is not None, "it was allowed"
    return story.refused.reasons[0].code


def accept(story: Story, rule: str = "rising", who: Any = ADA) -> Story:
    return story.when(RetryStep("PLAN-1", f"rule:{rule}"), who)


def test_a_measured_impact_against_a_rule_holds_the_plan_and_cites_it() -> None:
    """Given a running plan, when the impact that is measured is against a rule, then in the same transaction
    the plan is held, the rule is cited with its facts, and commander and chain are told."""
    story = worse(under(RISING))
    (violation,) = violations(story)
    assert (violation.rule, violation.plan, violation.because) == (
        "rising",
        "PLAN-1",
        "it makes it worse",
    )
    assert violation.facts == {"failed_share_percent": 95}
    assert state(story) == "held"
    assert story.world.plans["PLAN-1"].held_because == (
        "stop rule Failures rise: it makes it worse (failed_share_percent at least 90)"
    )
    notes = story.world.incidents["INC-1"].notifications.values()
    (note,) = [one for one in notes if "held by a stop rule" in one.subject]
    assert note.to == "person:ada"
    # What it was for, why it may not go on, and what can be done: nobody has to look any of it up.
    assert note.text == (
        "PLAN-1 was to: isolate payments. Stop rule Failures rise: it makes it worse (failed_share_percent "
        "at least 90). Accept it and go on: allstop plan retry PLAN-1 rule:rising. Or stop: allstop plan "
        "abort PLAN-1"
    )
    assert story.world.incidents["INC-1"].violations == ("rising",)


def test_what_is_under_way_is_recorded_and_starts_nothing() -> None:
    """Given a held plan, when its running step ends well, then that is recorded, and the next one waits."""
    story = worse(under(RISING)).answer(done("cut off"), only="isolate").settle()
    assert (step(story, "isolate-payments"), step(story, "prove-payments")) == ("done", "waiting")
    assert state(story) == "held"


def test_a_person_accepts_it_and_it_is_never_held_for_it_again() -> None:
    """Given a held plan, when a person who may takes it upon themselves, then it goes on, that is on the
    record, and the same rule holds this plan no more."""
    story = worse(under(RISING)).answer(done("cut off"), only="isolate")
    assert refusal(accept(story, who=BEN)) == "no-authority"
    assert refusal(accept(story, who=BUILDER)) == "no-authority"
    assert refusal(accept(story, who=TIMEKEEPER)) == "human-only"
    assert refusal(accept(story, "falling")) == "not-held"
    accept(story)
    assert (story.records[-2].kind, story.records[-2].actor) == ("plan.resumed", "person:ada")
    assert (state(story), step(story, "prove-payments")) == ("running", "running")
    worse(story, 99)
    assert (len(violations(story)), state(story)) == (1, "running")
    assert refusal(accept(story)) == "not-held"


def test_a_rule_that_holds_at_the_start_holds_before_the_first_step() -> None:
    """Given an impact that is against a rule already, when a plan starts, then nothing of it is done."""
    plain = policy()
    rules = replace(plain, protocol=replace(plain.protocol, stop_rules=(RISING,)))
    story = worse(outage(rules)).settle()
    assert (state(story), step(story, "isolate-payments")) == ("held", "waiting")
    assert not [one for one in story.effects if one.purpose is Purpose.STEP]
    accept(story)
    assert (state(story), step(story, "isolate-payments")) == ("running", "running")


def test_a_plan_that_takes_too_long_is_held_by_time_alone() -> None:
    """Given a rule about minutes, when nothing at all happens, then the plan is held once they have passed,
    and not before."""
    story = under(SLOW).wait(2 * MINUTE + 5_999)
    assert state(story) == "running"
    story.wait(1)
    assert state(story) == "held"
    assert violations(story)[0].facts == {"plan_minutes": "2.1"}
    assert not due(story.world, story.book, story.now).commands


def test_minutes_and_impact_together() -> None:
    """Given a rule about both, then the later of the two decides, whichever it is."""
    story = worse(under(BOTH), 60).wait(3 * MINUTE - 1)
    assert state(story) == "running"
    assert state(story.wait(1)) == "held"
    assert violations(story)[0].facts == {"plan_minutes": 3, "failed_share_percent": 60}
    other = under(BOTH).wait(5 * MINUTE)
    assert state(other) == "running"
    assert state(worse(other, 60)) == "held"


def test_two_rules_are_both_accepted_before_it_goes_on() -> None:
    rules = (RISING, replace(RISING, id="again", title="Again"))
    story = worse(under(*rules))
    assert [one.rule for one in violations(story)] == ["rising", "again"]
    assert state(accept(story)) == "held"
    assert state(accept(story, "again")) == "running"


def test_a_failed_step_waits_until_the_rule_is_accepted() -> None:
    """Given a plan that a rule holds and a step of which failed, then the rule comes first, and the step is
    tried again only afterwards."""
    story = worse(under(RISING)).answer(failed("no"), only="isolate")
    assert refusal(story.when(RetryStep("PLAN-1", "isolate-payments"))) == "rule-violated"
    assert state(accept(story)) == "held"
    story.when(RetryStep("PLAN-1", "isolate-payments"))
    assert (state(story), step(story, "isolate-payments")) == ("running", "running")
    settle = SettleStep("PLAN-1", "isolate-payments", True, "seen")
    assert refusal(story.when(settle)) == "not-held"


def test_a_held_plan_may_be_aborted_and_the_next_one_is_judged_anew() -> None:
    story = worse(under(RISING)).when(AbortPlan("PLAN-1", "not worth it"))
    assert state(story) == "aborted"
    assert refusal(accept(story)) == "ended"
    worse(story, 10)
    assert len(violations(story)) == 1


@pytest.mark.parametrize("share", [None, 0, 89])
def test_what_is_not_known_or_not_reached_stops_nothing(share: int | None) -> None:
    impact = Impact(("buying",), functions_down=("finding",), failed_share_percent=share)
    story = under(RISING).when(MeasureImpact("INC-1", impact), MONITOR)
    assert (state(story), violations(story)) == ("running", [])


def test_the_next_of_the_chain_hears_of_it_beside_the_commander() -> None:
    """Given a commander and an owner, when a rule holds a plan, then both are told: it is escalated."""
    plain = policy()
    people = tuple(replace(one, channels=("chat",)) for one in plain.roster.people)
    rules = replace(
        plain,
        protocol=replace(plain.protocol, stop_rules=(RISING,)),
        roster=replace(plain.roster, people=people),
    )
    story = worse(outage(rules).settle())
    notes = story.world.incidents["INC-1"].notifications.values()
    assert [one.to for one in notes if "stop rule" in one.subject] == ["person:ada", "person:eve"]

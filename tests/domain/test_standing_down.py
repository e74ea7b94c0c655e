"""Standing down: refused with every reason until the evidence is in, and then it frees everybody."""

from dataclasses import replace
from datetime import timedelta

import pytest

from allstop.domain.due import due
from allstop.domain.effects import Purpose, done
from allstop.domain.gates import phase_standings
from allstop.domain.halt.commands import AnswerRollCall, OrderHalt
from allstop.domain.incident.commands import (
    AddNote,
    AdvancePhase,
    Approve,
    Override,
    RecordStatement,
    StandDown,
)
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.principal import MONITOR, TIMEKEEPER, Kind, Principal
from allstop.domain.progress import reached
from tests.domain.builders import ADA, BEN, BUILDER, EVE, MINUTE, Story, outage


def codes(story: Story) -> list[str]:
    assert story.refused is not None, "it was allowed"
    return [reason.code for reason in story.refused.reasons]


def tick(story: Story, count: int = 1, **good: bool) -> Story:
    """Rounds of samples, a second apart, with whatever falls due."""
    for _ in range(count):
        story.now = replace(
            story.now,
            utc=story.now.utc + timedelta(seconds=1),
            monotonic_ms=story.now.monotonic_ms + 1000,
        )
        story.sample(**good).settle()
    return story


def repaired() -> Story:
    """Agents stopped, payments isolated, rolled back, restarted and reopened."""
    story = outage().answer(done("told"), only="tell")
    for agent in ("builder-1", "builder-2"):
        story.when(AnswerRollCall(agent, "HALT-1", "stopped"), Principal(agent, Kind.AGENT))
    story.answer(done("seen"), only="confirm")
    story.answer(done("read", {"head_age_seconds": 60, "head_tree": "bad"}), only="history")
    story.answer(done("read", {"running": True}), only="state").settle()
    for _ in range(3):
        story.answer(done("done")).settle()
    story.when(Approve("INC-1", "plan:PLAN-2", story.world.plans["PLAN-2"].hash)).settle()
    for _ in range(12):
        tick(story.answer(done("done")).settle())
    return story


def resolved() -> Story:
    return tick(repaired(), 16 * 60)


def closed() -> Story:
    story = resolved()
    for subject in ("resolved", "root-cause"):
        story.when(RecordStatement("INC-1", subject, "a bad deployment"))
    story.when(Approve("INC-1", "stand-down"))
    return story.when(StandDown("INC-1", "payments works again."))


def test_the_phases_follow_by_themselves_as_their_criteria_are_met() -> None:
    story = repaired()
    phases = [one.event.phase for one in story.records if one.kind == "phase.entered"]
    assert phases == ["assess", "contain", "restore", "verify"]


def test_too_early_it_is_refused_with_every_reason_at_once() -> None:
    story = outage().settle().when(StandDown("INC-1", "it looks fine"))
    assert codes(story) == [
        "phase", "criterion:roll-call", "criterion:evidence-in", "criterion:remedy-decided",
        "criterion:resolved", "criterion:root-cause", "criterion:still-stable",
        "criterion:approved", "plan-active",
    ]  # fmt: skip
    assert all(reason.text for reason in story.refused.reasons)  # type: ignore[union-attr]


def test_it_says_how_far_the_stability_is() -> None:
    story = tick(repaired(), 9 * 60).when(StandDown("INC-1", "surely enough"))
    assert story.refused is not None
    texts = [one.text for one in story.refused.reasons if one.code == "criterion:stable"]
    assert texts[0].startswith("stable: stable for 9m")
    assert "of 15m" in texts[0]


def test_one_bad_sample_starts_the_quarter_of_an_hour_again() -> None:
    story = tick(tick(tick(repaired(), 14 * 60), 1, checkout=False), 14 * 60)
    assert "resolved" not in story.world.incidents["INC-1"].milestones
    assert "resolved" in tick(story, 2 * 60).world.incidents["INC-1"].milestones


def test_a_step_of_the_wall_clock_does_not_make_it_stable() -> None:
    story = tick(repaired(), 5 * 60)
    story.now = replace(story.now, utc=story.now.utc + timedelta(hours=6))
    tick(story.settle(), 60)
    assert "resolved" not in story.world.incidents["INC-1"].milestones


def test_a_reboot_in_between_makes_it_inconclusive_and_not_stable() -> None:
    story = tick(repaired(), 14 * 60)
    story.now = replace(story.now, monotonic_ms=0, boot="boot-2")
    tick(story)
    story.when(StandDown("INC-1", "now?"))
    texts = [one.text for one in story.refused.reasons]  # type: ignore[union-attr]
    assert any("inconclusive" in text for text in texts)


@pytest.mark.parametrize("who", [BEN, BUILDER, MONITOR, TIMEKEEPER])
def test_only_the_commander_and_the_owner_stand_down_and_approve_it(who: Principal) -> None:
    story = resolved()
    story.when(Approve("INC-1", "stand-down"), who)
    assert codes(story)[0] in ("no-authority", "human-only")
    story.when(StandDown("INC-1", "all fine"), who)
    assert codes(story)[0] in ("no-authority", "human-only")


def test_it_ends_with_obligations_a_release_and_a_last_announcement() -> None:
    story = closed()
    assert story.refused is None
    incident = story.world.incidents["INC-1"]
    assert (incident.state, incident.stood_down_by) == ("stood-down", "person:ada")
    assert list(incident.obligations) == ["report"]
    assert not story.world.standing_halts()
    assert [one.target for one in story.effects if one.purpose is Purpose.RESUME] == [
        "builder-1",
        "builder-2",
    ]


def test_it_needs_a_reason() -> None:
    story = resolved()
    for subject in ("resolved", "root-cause"):
        story.when(RecordStatement("INC-1", subject, "a bad deployment"))
    story.when(Approve("INC-1", "stand-down")).when(StandDown("INC-1", "  "))
    assert codes(story) == ["empty"]


def test_afterwards_the_incident_takes_notes_and_nothing_else() -> None:
    story = closed()
    assert codes(story.when(StandDown("INC-1", "again"))) == ["stood-down"]
    assert codes(story.when(RecordStatement("INC-1", "resolved", "x"))) == ["stood-down"]
    assert story.when(AddNote("INC-1", "the report is in the wiki")).refused is None
    story.wait(48 * 60 * MINUTE)
    assert not due(story.world, story.book, story.now).commands


def test_only_the_owner_overrides_a_criterion_and_says_why() -> None:
    story = outage().settle()
    override = Override("INC-1", "roll-call", "the third agent is unplugged")
    assert codes(story.when(override, ADA)) == ["no-authority"]
    assert codes(story.when(override, BUILDER)) == ["human-only"]
    assert codes(story.when(override, TIMEKEEPER)) == ["no-authority"]
    assert codes(story.when(replace(override, subject="rollcall"), EVE)) == ["unknown-subject"]
    assert codes(story.when(replace(override, reason=""), EVE)) == ["empty"]
    story.when(override, EVE)
    assert story.world.incidents["INC-1"].overrides == {"roll-call": override.reason}
    assert "audience:responders" in [
        one.event.to for one in story.records if one.kind == "notification.requested"
    ]


def test_an_overridden_criterion_is_shown_as_such_and_never_as_met() -> None:
    story = outage().settle().when(Override("INC-1", "roll-call", "unplugged"), EVE)
    phase = story.policy.protocol.phase("assess")
    found = phase_standings(story.world, story.policy, story.world.incidents["INC-1"], phase)
    assert (found[0].met, found[0].overridden, found[0].passed) == (False, True, True)
    assert found[0].text.startswith("overridden: unplugged (was: 0 of 2")


def test_a_phase_is_left_by_hand_only_through_its_gate() -> None:
    story = outage().settle()
    assert "criterion:roll-call" in codes(story.when(AdvancePhase("INC-1"), ADA))
    assert codes(resolved().when(AdvancePhase("INC-1"), ADA)) == ["last-phase"]


def test_stability_that_nobody_has_looked_at_since_is_no_stability() -> None:
    """After an hour without a single sample, what was stable before proves nothing."""
    story = resolved()
    for subject in ("resolved", "root-cause"):
        story.when(RecordStatement("INC-1", subject, "a bad deployment"))
    story.when(Approve("INC-1", "stand-down"))
    hour = replace(
        story.now,
        utc=story.now.utc + timedelta(hours=1),
        monotonic_ms=story.now.monotonic_ms + 3_600_000,
    )
    story.now = hour
    assert "stale" in codes(story.when(StandDown("INC-1", "it was fine an hour ago")))
    tick(story, 3)
    assert story.when(StandDown("INC-1", "and it still is")).refused is None


def test_a_plan_that_nobody_approved_ends_with_the_response() -> None:
    """Given a remedy that was repaired by hand, so its plan still waits, when it stands down, then nobody
    can start that plan any more."""
    story = resolved()
    for subject in ("resolved", "root-cause"):
        story.when(RecordStatement("INC-1", subject, "a bad deployment"))
    story.when(Approve("INC-1", "stand-down"))
    waiting = replace(story.world.plans["PLAN-1"], state=PlanState.PROPOSED, ended_at=None)
    story.world = replace(story.world, plans={**story.world.plans, "PLAN-1": waiting})
    story.when(StandDown("INC-1", "over"), ADA)
    assert story.refused is None
    assert story.world.plans["PLAN-1"].state is PlanState.ABORTED


def test_who_may_not_release_what_it_holds_hears_that_with_everything_else() -> None:
    """Given a deputy who may stand down but not release halts, then that is one of the reasons, at once."""
    story = outage()
    protocol = story.policy.protocol
    wide = tuple(
        replace(one, to=(*one.to, "person:ben")) if one.action == "stand-down" else one
        for one in protocol.authority
    )
    story.policy = replace(story.policy, protocol=replace(protocol, authority=wide))
    found = codes(story.when(StandDown("INC-1", "it looks fine"), BEN))
    assert {"no-authority", "phase", "criterion:resolved"} <= set(found)


def test_the_mark_of_the_roll_call_waits_for_every_halt_that_the_gate_waits_for() -> None:
    """Given an all-stop that is confirmed and a smaller halt of the same incident that is not, then neither
    the gate nor the mark calls the roll call complete."""
    story = outage().answer(done("told"), only="tell")
    for agent in ("builder-1", "builder-2"):
        story.when(AnswerRollCall(agent, "HALT-1", "stopped"), Principal(agent, Kind.AGENT))
    story.answer(done("seen"), only="confirm")
    incident, policy = story.world.incidents["INC-1"], story.policy
    assert reached(story.world, policy, incident, "roll-call")
    story.when(OrderHalt("team:builders", "their builds too", "INC-1"), ADA)
    incident = story.world.incidents["INC-1"]
    gate = phase_standings(story.world, policy, incident, policy.protocol.phase("assess"))
    assert not gate[0].passed
    assert not reached(story.world, policy, incident, "roll-call")

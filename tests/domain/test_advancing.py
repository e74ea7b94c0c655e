"""Through the phases: by gates, whatever phases a protocol has, and out at the end with what that brings."""

from __future__ import annotations

from dataclasses import replace

from allstop.domain.effects import done
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import AdvancePhase, DeclareIncident, Override, StandDown
from allstop.domain.policy import (
    Activation,
    Criterion,
    CriterionKind,
    EmergencyKind,
    EmergencyMode,
    Ledger,
    LedgerRule,
    Obligation,
    Phase,
    Policy,
    Span,
)
from allstop.domain.principal import MONITOR
from tests.domain.builders import EVE, MINUTE, Story, outage, policy

DOWN = Impact(core_functions_down=("buying",))
DAY = 24 * 60 * MINUTE


def shaped(**changes: object) -> Policy:
    plain = policy()
    return replace(plain, protocol=replace(plain.protocol, **changes))  # type: ignore[arg-type]


def said(id: str) -> Criterion:
    return Criterion(id, CriterionKind.STATEMENT, id, id)


def plans(story: Story) -> list[tuple[str, str]]:
    return [(one.purpose, one.state.value) for one in story.world.plans.values()]


def gathered(story: Story) -> Story:
    """The process is gone and nothing was deployed: the table says fix."""
    story.answer(done("gone", {"running": False}), only="state")
    return story.answer(done("read", {"head_age_seconds": 10**6}), only="history").settle()


def test_a_protocol_without_a_gate_for_containment_cuts_nothing_off() -> None:
    """Given phases that ask for no plan, when an outage is declared, then nothing is isolated by itself; a
    remedy that was decided is still proposed, and waits for people as ever."""
    phases = (
        Phase("look", "Look", True, (said("understood"),)),
        Phase("end", "End", True, (said("ended"),)),
    )
    story = gathered(outage(shaped(phases=phases)))
    assert plans(story) == [("remedy", "proposed")]
    assert not [one for one in story.effects if one.verb == "isolate"]


def test_what_begins_at_the_recovery_is_not_cut_off_again() -> None:
    """Given a disaster recovery, which begins behind containment, then no containment is planned, and the
    remedy does not wait for one (SC-01)."""
    kinds = (EmergencyKind("recovery", "Disaster recovery", phase="restore"),)
    story = Story(shaped(activation=Activation(kinds=kinds)))
    command = DeclareIncident("after the fire", ("payments",), impact=DOWN, kind="recovery")
    gathered(story.when(command, MONITOR))
    assert story.world.incidents["INC-1"].phase == "restore"
    assert plans(story) == [("remedy", "proposed")]


def test_a_containment_without_a_step_lets_the_remedy_follow() -> None:
    """Given a service that cannot be isolated, then containment claims nothing, and the remedy is planned."""
    plain = policy()
    payments, *others = plain.fleet.services
    actions = {name: one for name, one in payments.actions.items() if name != "isolate"}
    fleet = replace(plain.fleet, services=(replace(payments, actions=actions), *others))
    story = gathered(outage(replace(plain, fleet=fleet)))
    assert plans(story) == [("contain", "done"), ("remedy", "proposed")]
    assert "contained" not in story.world.incidents["INC-1"].milestones


def test_without_agents_the_roll_call_keeps_nobody_waiting() -> None:
    plain = policy()
    story = Story(replace(plain, roster=replace(plain.roster, agents=())))
    story.when(DeclareIncident("x", ("payments",), impact=DOWN), MONITOR)
    gathered(story)
    assert story.world.incidents["INC-1"].phase == "contain"


def test_containment_and_remedy_are_not_planned_at_the_same_time() -> None:
    """Given a remedy that is decided before containment was planned, then containment comes first."""
    story = gathered(outage())
    assert plans(story) == [("contain", "running")]
    story.answer(done("cut off"), only="isolate").answer(done("proven"), only="measure").settle()
    assert plans(story) == [("contain", "done"), ("remedy", "proposed")]


def test_entering_a_phase_brings_its_tasks() -> None:
    """Given a phase with actions, when it is entered by hand, then they are its tasks."""
    first = Phase("look", "Look", False, (), ("read the evidence",))
    second = Phase("mend", "Mend", False, (said("mended"),), ("mend it", "watch it"))
    story = outage(shaped(phases=(first, second))).when(AdvancePhase("INC-1"))
    tasks = story.world.incidents["INC-1"].tasks.values()
    assert [(one.phase, one.title) for one in tasks] == [
        ("look", "read the evidence"), ("mend", "mend it"), ("mend", "watch it"),
    ]  # fmt: skip


def stood_down(rules: Policy) -> Story:
    """Everything in the way is overridden, and the commander stands down."""
    story = outage(rules)
    for _ in rules.protocol.phases:
        story.when(Override("INC-1", "phase", "seen by eye"), EVE)
    for one in rules.protocol.stand_down:
        story.when(Override("INC-1", one.id, "seen by eye"), EVE)
    return story.when(StandDown("INC-1", "it works again."))


def test_standing_down_ends_the_mode_awards_points_and_names_the_review() -> None:
    """Given emergency mode, a ledger and an obligation with a meeting, when it is stood down, then the mode
    ends, points are given, and the announcement says when the review is."""
    rules = shaped(
        mode=EmergencyMode({"scoring": "Scoring"}, {}, DAY, ("SEV1",)),
        ledger=Ledger((LedgerRule("solved", "resolver", 10, "they mended it"),), "menders"),
        obligations=(
            Obligation("review", "Review", "commander", Span(7 * DAY), meeting=True),
            Obligation("report", "Report", "commander", Span(DAY)),
        ),
    )
    story = stood_down(rules)
    incident = story.world.incidents["INC-1"]
    assert incident.mode is not None
    assert incident.mode.ended == "INC-1 stood down"
    meeting = incident.obligations["review"].meeting_at
    assert meeting is not None
    last = [one for one in incident.notifications.values() if one.to == "audience:responders"][-1]
    assert last.subject == "INC-1 stood down"
    assert last.text.endswith(f" Review scheduled for {meeting:%Y-%m-%d %H:%M} UTC (Review).")
    assert "note.added" in story.kinds()  # nobody was in the crew that resolves


def test_without_a_meeting_nothing_is_said_of_one() -> None:
    notes = stood_down(policy()).world.incidents["INC-1"].notifications.values()
    last = [one for one in notes if one.to == "audience:responders"][-1]
    assert last.text.endswith("All agents are released.")

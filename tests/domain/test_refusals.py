"""What is asked of the wrong thing is refused with its reason, and nothing has changed."""

from __future__ import annotations

from typing import Any

import pytest

from allstop.domain.effects import failed
from allstop.domain.halt import commands as h
from allstop.domain.incident import commands as c
from allstop.domain.incident import work_commands as w
from allstop.domain.plan import commands as p
from allstop.domain.principal import TIMEKEEPER, Principal
from tests.domain.builders import ADA, BUILDER, EVE, Story, outage

ASKED: list[tuple[Any, Principal, str]] = [
    (c.Approve("INC-1", "lunch"), ADA, "unknown-subject"),
    (c.Approve("INC-2", "plan:PLAN-1"), EVE, "other-incident"),
    (c.Approve("INC-1", "plan:PLAN-1"), ADA, "not-proposed"),
    (c.Approve("INC-1", "plan:PLAN-9"), ADA, "unknown-plan"),
    (c.Approve("INC-1", "change:CHG-9"), ADA, "unknown-change"),
    (w.EndChange("INC-1", "CHG-9", "made", ""), ADA, "unknown-change"),
    (w.ProposeChange("INC-1", "open the door"), BUILDER, "no-authority"),
    (c.Override("INC-1", "plan:PLAN-9", "now"), EVE, "unknown-plan"),
    (c.Override("INC-1", "plan:PLAN-1", "now"), EVE, "not-proposed"),
    (c.Override("INC-2", "halt:HALT-1", "now"), EVE, "other-incident"),
    (c.RecordStatement("INC-1", "lunch", "soup"), ADA, "unknown-statement"),
    (c.Override("INC-1", "lunch", "hungry"), EVE, "unknown-subject"),
    (c.AssignRole("INC-1", "cook", "ben"), ADA, "unknown-role"),
    (c.AssignRole("INC-1", "scribe", "zoe"), ADA, "unknown-person"),
    (c.OfferHandoff("INC-1", "commander", "ada"), ADA, "already-assigned"),
    (c.DecideRemedy("INC-1", "rollback", "sure"), TIMEKEEPER, "human-only"),
    (c.DecideRemedy("INC-1", "prayer", "sure"), ADA, "unknown-remedy"),
    (c.DecideRemedy("INC-1", "fix", "sure", "kitchen"), ADA, "unknown-service"),
    (c.SetSeverity("INC-1", "SEV9", "sure"), ADA, "unknown-severity"),
    (c.PostUpdate("INC-1", "cooking", "soon"), ADA, "unknown-status"),
    (c.AddNote("INC-1", "x" * 4001), ADA, "too-long"),
    (h.AnswerRollCall("builder-1", "HALT-9", "stopped"), BUILDER, "unknown-halt"),
    (h.AnswerRollCall("builder-9", "HALT-1", "stopped"), BUILDER, "not-held"),
    (h.OrderHalt("all", "stop", "", ("builder-9",)), ADA, "unknown-agent"),
    (h.OrderHalt("agent:builder-9", "stop"), ADA, "unknown-agent"),
    (h.OrderHalt("planet:earth", "stop"), ADA, "unknown-scope"),
    (h.ReleaseHalt("HALT-9", "go on"), EVE, "unknown-halt"),
    (p.MakePlan("INC-1", "lunch"), TIMEKEEPER, "unknown-purpose"),
    (p.MakePlan("INC-1", "contain"), TIMEKEEPER, "plan-active"),
    (p.MakePlan("INC-1", "remedy"), TIMEKEEPER, "no-remedy"),
    (p.StartPlan("PLAN-1"), TIMEKEEPER, "not-proposed"),
    (p.RetryStep("PLAN-1", "cook"), ADA, "unknown-step"),
    (p.RetryStep("PLAN-1", "isolate-payments"), ADA, "not-held"),
    (p.AbortPlan("PLAN-1", " "), ADA, "no-reason"),
]  # fmt: skip


def two_incidents() -> Story:
    """One whose plan runs, and another one."""
    return outage().wait(1000).when(c.DeclareIncident("it is slow"), ADA)


@pytest.mark.parametrize(("command", "who", "code"), ASKED)
def test_it_is_refused_with_its_reason(command: Any, who: Principal, code: str) -> None:
    """Given a running emergency, when something is asked of the wrong thing, then the reason says which,
    in words, and the world is as it was."""
    story = two_incidents()
    before = story.world
    story.when(command, who)

    assert story.refused is not None
    assert [one.code for one in story.refused.reasons] == [code]
    assert story.refused.reasons[0].text
    assert story.world is before


@pytest.mark.parametrize("command", [
    h.CloseRollCall("HALT-2"), h.RemindRollCall("HALT-2"), p.FailGate("PLAN-1", "isolate-payments"),
    p.CheckRules("PLAN-1"), p.CheckRules("PLAN-9"), p.LateReview("INC-1", "plan:PLAN-1"),
    p.FailGate("PLAN-1", "cook"), c.MissDeadline("INC-1", "lunch"), c.RequestUpdate("INC-1", 0),
])  # fmt: skip
def test_what_has_become_moot_writes_nothing(command: Any) -> None:
    """Given a due command that came too late, then it is no refusal, and nothing is written."""
    story = two_incidents().when(h.OrderHalt("agent:builder-1", "stop"), ADA)
    story.when(h.ReleaseHalt("HALT-2", "go on"), EVE)
    before = len(story.records)
    story.when(command, TIMEKEEPER)

    assert story.refused is None
    assert len(story.records) == before


def test_outcomes_of_what_is_not_there_write_nothing() -> None:
    """Given outcomes for a halt, a plan or a piece of evidence that does not wait for one, then nothing is
    written, whatever they say."""
    story = outage().wait(1000).answer()
    late = [one for one in outage().wait(1000).effects if one.purpose != "notify"]
    before = len(story.records)
    for effect in late:
        if effect.purpose in ("step", "evidence"):
            story.when(p.RecordOutcome(effect, failed("too late")), TIMEKEEPER)
            story.when(p.ParkEffect(effect, "too late"), TIMEKEEPER)

    assert len(story.records) == before

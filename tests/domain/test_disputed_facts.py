"""Facts that people state and machines observe otherwise: both are said, and which of them was used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.due import due
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import Approve, DecideRemedy, MeasureImpact
from allstop.domain.policy import Condition, RemedyRow
from allstop.domain.policy.tables import Scalar
from allstop.domain.principal import MONITOR
from tests.domain.builders import ADA, MINUTE, Story, outage
from tests.domain.promises import events
from tests.domain.test_remedy import (
    DOWN,
    FRESH,
    STALE,
    UP,
    gathered,
    planned,
    remedies,
    state,
    stating,
)

RECENT = RemedyRow("rollback", (Condition("recent_deployment", "is", True),), "it is new")
SAFE = RemedyRow("fix", (Condition("fix_safe", "is", True),), "it is safe")


def notes(story: Story) -> list[str]:
    return [one.text for one in events(story, "note.added")]


def decisions(story: Story) -> list[Any]:
    return events(story, "remedy.decided")


# --- both are said -------------------------------------------------------------------------------


def test_what_was_measured_goes_before_what_is_stated_and_both_are_said() -> None:
    """Given a deployment that was seen to be recent, when somebody states that there was none, then the
    timeline says both at once, whoever stated it is told which one is used, and it stays a rollback."""
    story = state(gathered(outage(stating(RECENT)), FRESH, UP), recent_deployment=False).settle()
    said = "recent deployment: yes was observed and is used, no was stated"
    assert notes(story)[-1] == said
    assert story.result == {"warning": said}
    assert remedies(story) == ["rollback"]


def test_a_decision_says_what_it_set_aside() -> None:
    """Given a statement that what was measured contradicts, when the table is asked, then the decision has
    both values and says which of them it went by."""
    story = state(outage(stating(RECENT)), recent_deployment=False)
    assert story.result == {}
    gathered(story, FRESH, UP)
    (found,) = decisions(story)
    assert found.facts["recent_deployment"] is True
    assert found.set_aside == {"recent_deployment": False}
    assert found.because.endswith(
        "; recent deployment: yes was observed and is used, no was stated"
    )
    (message,) = [one for one in told_audience(story) if "remedy is" in one[0]]
    assert "no was stated" in message[1]


def test_where_people_know_better_the_measurement_is_set_aside_and_said_too() -> None:
    story = state(gathered(outage(stating(SAFE)), STALE, DOWN), fix_minutes=20).settle()
    assert notes(story)[-1] == "fix minutes: 20 was stated and is used, 1 was observed"
    found = events(state(story, fix_safe=True).settle(), "remedy.decided")[-1]
    assert (found.facts["fix_minutes"], found.set_aside) == (20, {"fix_minutes": 1})


def test_evidence_that_contradicts_a_statement_later_is_said_when_it_comes() -> None:
    """Given a decision that went by a statement, when evidence says otherwise, then that is said even where
    the table would not decide otherwise."""
    story = state(outage(stating()).wait(3 * MINUTE), schema_changed=False).settle()
    before = len(decisions(story))
    gathered(story, {**STALE, "schema_changed": True}, UP)
    assert notes(story)[-1] == "schema changed: yes was observed and is used, no was stated"
    assert len(decisions(story)) == before


def test_a_measured_impact_that_contradicts_a_statement_is_said() -> None:
    story = state(outage(stating()), data_loss=False)
    story.when(MeasureImpact("INC-1", Impact(data_loss=True)), MONITOR)
    assert notes(story)[-1] == "data loss: yes was observed and is used, no was stated"


@pytest.mark.parametrize("stated", [True, None])
def test_nothing_is_said_where_nobody_contradicts(stated: Scalar) -> None:
    """Given a statement that agrees with what was seen, or one that is taken back, then there is no note."""
    story = gathered(outage(stating()), FRESH, UP)
    before = notes(story)
    state(story, recent_deployment=stated).settle()
    assert notes(story) == before
    assert all(not one.set_aside for one in decisions(story))


def test_it_is_said_once() -> None:
    story = state(gathered(outage(stating()), FRESH, UP), recent_deployment=False)
    before = notes(story)
    state(story, recent_deployment=False, fix_safe=True)
    assert notes(story) == before


def test_a_persons_choice_keeps_what_was_set_aside_beside_its_facts() -> None:
    story = state(gathered(outage(stating()), FRESH, UP), recent_deployment=False)
    story.when(DecideRemedy("INC-1", "fix", "I know this one"), ADA)
    chosen = decisions(story)[-1]
    assert (chosen.because, chosen.set_aside) == (
        "I know this one", {"recent_deployment": False},
    )  # fmt: skip


# --- another row, the same remedy ----------------------------------------------------------------


def test_another_row_with_the_same_remedy_is_recorded_once_and_told_to_nobody() -> None:
    """Given a rollback whose plan waits, when facts lead to it by another row, then the new row and its
    reason are on the record, the plan stays, nobody hears the same remedy again, and all comes to rest."""
    row = RemedyRow("rollback", (Condition("rollback_disrupts", "is", False),), "it hurts nobody")
    story = planned(stating(row))
    announced = [one for one in told_audience(story) if "remedy is" in one[0]]
    state(story, rollback_disrupts=False).settle()
    assert remedies(story) == ["rollback", "rollback"]
    again = decisions(story)[-1]
    assert (again.row, again.because.startswith("it hurts nobody")) == (0, True)
    assert story.world.plans["PLAN-2"].state == "proposed"
    assert list(story.world.plans) == ["PLAN-1", "PLAN-2"]
    assert [one for one in told_audience(story) if "remedy is" in one[0]] == announced
    assert not due(story.world, story.book, story.now).commands


def test_a_decision_that_a_plan_was_approved_for_gets_no_new_row() -> None:
    row = RemedyRow("rollback", (Condition("rollback_disrupts", "is", False),), "it hurts nobody")
    story = planned(stating(row))
    story.when(Approve("INC-1", "plan:PLAN-2", story.world.plans["PLAN-2"].hash))
    state(story, rollback_disrupts=False).settle()
    assert remedies(story) == ["rollback"]


def test_a_plan_that_was_given_up_does_not_come_back_with_another_row() -> None:
    row = RemedyRow("rollback", (Condition("rollback_disrupts", "is", False),), "it hurts nobody")
    story = planned(stating(row))
    plan = replace(story.world.plans["PLAN-2"], ended_at=story.now.utc)
    story.world = replace(story.world, plans={**story.world.plans, "PLAN-2": plan})
    state(story, rollback_disrupts=False).settle()
    assert remedies(story) == ["rollback", "rollback"]
    assert list(story.world.plans) == ["PLAN-1", "PLAN-2"]


def told_audience(story: Story) -> list[tuple[str, str]]:
    return [
        (one.subject, one.text)
        for one in events(story, "notification.requested")
        if one.to.startswith("audience:")
    ]

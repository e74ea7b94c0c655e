"""Tasks, evidence by hand and stated facts: who, when, and what each may open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.deciding.working import FINDING_KINDS, add_phase_tasks
from allstop.domain.draft import Draft
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.incident.work_commands import (
    AddEvidence,
    AddTask,
    AssignTask,
    EndTask,
    RecordFacts,
)
from allstop.domain.policy import AgentEntry, Grant, Phase, Policy, Scalar
from allstop.domain.principal import TIMEKEEPER, Principal
from allstop.domain.record import Record
from tests.domain.builders import ADA, BEN, BUILDER, Story, policy
from tests.domain.test_standing_down import closed


def whole() -> Policy:
    mine = policy()
    wanted = (
        ("task", ("person", "agent")),
        ("evidence", ("person", "agent")),
        ("facts", ("person", "agent")),
    )
    grants = (*mine.protocol.authority, *(Grant(action, to) for action, to in wanted))
    return replace(mine, protocol=replace(mine.protocol, authority=grants))


def story() -> Story:
    return Story(whole()).register().when(DeclareIncident("slow", ("payments",)), ADA)


def codes(story: Story) -> list[str]:
    assert story.refused is not None, "it was allowed"
    return [one.code for one in story.refused.reasons]


def entered(story: Story, phase: Phase) -> tuple[Record, ...]:
    """What entering a phase adds."""
    draft = Draft(story.world, story.book, story.now, TIMEKEEPER, "story")
    add_phase_tasks(draft, "INC-1", phase)
    story.world = draft.world
    return tuple(draft.records)


def test_the_actions_of_a_phase_become_its_tasks() -> None:
    one = story()
    entered(one, Phase("fix", "Fix", True, (), ("hotfix", "targeted tests")))
    tasks = one.world.incidents["INC-1"].tasks.values()
    assert [(task.id, task.title, task.phase, task.state) for task in tasks] == [
        ("T1", "hotfix", "fix", "open"), ("T2", "targeted tests", "fix", "open"),
    ]  # fmt: skip


def test_a_phase_that_is_entered_again_asks_again_for_what_was_done_and_doubles_nothing() -> None:
    one, phase = story(), Phase("fix", "Fix", True, (), ("hotfix", "targeted tests"))
    entered(one, phase)
    one.when(EndTask("INC-1", "T1", "done"))
    added = entered(one, phase)
    assert [(record.event.id, record.event.title) for record in added] == [("T3", "hotfix")]


def test_a_task_is_given_to_a_responder_who_hears_of_it() -> None:
    one = story().when(AddTask("INC-1", "write the answer for support", "ben"))
    assert one.result["task"] == "T1"
    assert one.world.incidents["INC-1"].tasks["T1"].owner == "person:ben"
    note = tuple(one.world.incidents["INC-1"].notifications.values())[-1]
    assert (note.to, note.subject) == ("person:ben", "INC-1: task T1 is yours")
    one.when(AssignTask("INC-1", "T1", "builder-1"))
    assert one.world.incidents["INC-1"].tasks["T1"].owner == "agent:builder-1"
    one.when(AssignTask("INC-1", "T1", ""))
    assert one.world.incidents["INC-1"].tasks["T1"].owner == ""


def test_dropping_a_task_needs_a_reason() -> None:
    one = story().when(AddTask("INC-1", "x"))
    assert codes(one.when(EndTask("INC-1", "T1", "dropped"))) == ["empty"]
    one.when(EndTask("INC-1", "T1", "dropped", "not needed any more"))
    task = one.world.incidents["INC-1"].tasks["T1"]
    assert (task.state, task.note) == ("dropped", "not needed any more")
    assert codes(one.when(EndTask("INC-1", "T1", "done"))) == ["already-ended"]


def test_an_agent_ends_what_it_was_given_and_opens_no_gate_by_itself() -> None:
    """Given an agent that may work with tasks, then it cannot take, drop or end what waits for others."""
    one = story().when(AddTask("INC-1", "x")).when(AddTask("INC-1", "y", "builder-1"))
    assert codes(one.when(AssignTask("INC-1", "T1", "builder-1"), BUILDER)) == ["human-only"]
    assert codes(one.when(EndTask("INC-1", "T1", "done"), BUILDER)) == ["human-only"]
    assert codes(one.when(EndTask("INC-1", "T2", "dropped", "dull"), BUILDER)) == ["human-only"]
    assert codes(one.when(AddTask("INC-1", "z", "ben"), BUILDER)) == ["human-only"]
    assert one.when(EndTask("INC-1", "T2", "done"), BUILDER).refused is None
    assert one.when(AddTask("INC-1", "z", "builder-1"), BUILDER).refused is None


@pytest.mark.parametrize(("command", "code"), [
    (AddTask("INC-1", " "), "empty"),
    (AddTask("INC-1", "x" * 201), "too-long"),
    (AddTask("INC-1", "x", "bin"), "unknown-responder"),
    (AssignTask("INC-1", "T9", "ben"), "unknown-task"),
    (AssignTask("INC-1", "T1", "person:ben"), "already-assigned"),
    (EndTask("INC-1", "T1", "finished"), "unknown-state"),
    (AddEvidence("INC-1", "guess", "x"), "unknown-kind"),
    (AddEvidence("INC-1", "log", " "), "empty"),
    (AddEvidence("INC-1", "log", "x", "paymnts"), "unknown-service"),
    (AddEvidence("INC-1", "log", "x", link="y" * 2001), "too-long"),
    (RecordFacts("INC-1", {}, "x"), "no-facts"),
    (RecordFacts("INC-1", {"fix_minutes": 5}, " "), "empty"),
])  # fmt: skip
def test_it_is_refused_with_its_reason(command: Any, code: str) -> None:
    assert codes(story().when(AddTask("INC-1", "x", "ben")).when(command)) == [code]


def test_evidence_by_hand_says_who_saw_it_and_when() -> None:
    """PI-04: people and agents add what they see; a hypothesis is a candidate for the cause."""
    one = story().wait(60_000)
    for place, kind in enumerate(FINDING_KINDS):
        who = BUILDER if place else BEN
        one.when(AddEvidence("INC-1", kind, f"a {kind}", "payments", "https://logs/1"), who)
        assert one.refused is None
    found = one.world.incidents["INC-1"].findings
    assert list(found) == [f"F{number + 1}" for number in range(len(FINDING_KINDS))]
    assert (found["F1"].by, found["F2"].by) == ("person:ben", "agent:builder-1")
    assert found["F1"].at == one.now.utc
    assert found["F6"].kind == "hypothesis"


def test_evidence_can_be_added_after_standing_down_and_tasks_cannot() -> None:
    one = closed()
    one.policy = whole()
    assert one.when(AddEvidence("INC-1", "log", "found in the logs")).refused is None
    assert codes(one.when(AddTask("INC-1", "x"))) == ["stood-down"]


def test_a_person_states_facts_with_a_reason_and_can_take_them_back() -> None:
    one = story()
    facts = {"fix_minutes": 12, "fix_safe": True, "isolated": None}
    one.when(RecordFacts("INC-1", facts, "I wrote the code"), BEN)
    assert dict(one.world.incidents["INC-1"].facts) == facts
    one.when(RecordFacts("INC-1", {"fix_minutes": None}, "I was wrong"), BEN)
    assert one.world.incidents["INC-1"].facts["fix_minutes"] is None


def test_facts_turn_the_decision_table_so_only_people_state_them() -> None:
    one = story()
    assert codes(one.when(RecordFacts("INC-1", {"fix_safe": True}, "sure"), BUILDER)) == [
        "human-only"
    ]
    system = Principal("timekeeper", TIMEKEEPER.kind)
    assert codes(one.when(RecordFacts("INC-1", {"fix_safe": True}, "sure"), system)) == [
        "human-only"
    ]


def test_every_wrong_fact_is_named_at_once() -> None:
    wrong: dict[str, Scalar] = {
        "fix_save": True, "severity_rank": 1, "fix_safe": 1, "fix_minutes": True, "isolated": "yes",
        "recent_deployment": False,
    }  # fmt: skip
    one = story().when(RecordFacts("INC-1", wrong, "sure"))
    assert codes(one) == ["unknown-fact", "unknown-fact", "bad-fact", "bad-fact", "bad-fact"]
    assert one.refused is not None
    assert one.refused.reasons[0].hint == "did you mean fix_safe?"
    assert codes(one.when(RecordFacts("INC-1", {"fix_minutes": -1}, "sure"))) == ["bad-fact"]


def test_a_name_that_a_person_and_an_agent_have_is_asked_about() -> None:
    """Given an agent with the id of a person, then a task is not given to either of them by chance."""
    one = story()
    twin = AgentEntry("ben", "Ben's helper", "builders", "script", {})
    roster = replace(one.policy.roster, agents=(*one.policy.roster.agents, twin))
    one.policy = replace(one.policy, roster=roster)
    assert codes(one.when(AddTask("INC-1", "look", "ben"))) == ["ambiguous"]
    assert one.refused is not None
    assert one.refused.reasons[0].hint == "agent:ben or person:ben"
    assert one.when(AddTask("INC-1", "look", "agent:ben")).refused is None

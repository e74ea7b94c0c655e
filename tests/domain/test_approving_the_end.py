"""Approvals at gates: by who holds the role that is asked for, once for each gate, and never by a machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.gates import standings
from allstop.domain.incident.commands import Approve, AssignRole, StandDown
from allstop.domain.policy import Criterion, CriterionKind, Grant, Phase, Policy
from allstop.domain.principal import Principal
from tests.domain.builders import ADA, BEN, BUILDER, EVE, Story
from tests.domain.promises import codes, declared, events, quick

APPROVAL = CriterionKind.APPROVAL


def asking(*roles: str, to: tuple[str, ...] = (), **more: Any) -> Policy:
    """Standing down waits for an approval by each of these roles; they and the owner may give it."""
    plain = quick(**more)
    gate = tuple(
        Criterion(f"{role}-agrees", APPROVAL, f"{role} agrees", subject=role) for role in roles
    )
    granted = to or (*(f"role:{role}" for role in roles), "owner")
    authority = tuple(
        Grant(one.action, granted if one.action == "approve-stand-down" else one.to)
        for one in plain.protocol.authority
    )
    return replace(plain, protocol=replace(plain.protocol, stand_down=gate, authority=authority))


def approve(story: Story, who: Principal) -> Story:
    story.when(Approve("INC-1", "stand-down"), who)
    assert story.refused is None, story.refused
    return story.settle()


def open_gates(story: Story) -> list[str]:
    incident, policy = story.world.incidents["INC-1"], story.policy
    found = standings(story.world, policy, incident, policy.protocol.criteria())
    return [one.criterion.id for one in found if one.passed]


def test_one_approval_does_not_stand_for_two_roles() -> None:
    """Given an end that commander and communications lead must agree to, when only the commander has, then
    the other gate still waits for its own role, and standing down is refused with that."""
    story = approve(declared(asking("commander", "communications")), ADA)
    assert open_gates(story) == ["commander-agrees"]
    story.when(StandDown("INC-1", "it works"), ADA)
    assert codes(story) == ["criterion:communications-agrees"]
    assert story.refused is not None
    assert "waits for the communications" in story.refused.reasons[0].text
    approve(story, BEN)
    assert open_gates(story) == ["commander-agrees", "communications-agrees"]
    assert story.when(StandDown("INC-1", "it works"), ADA).refused is None


def test_who_holds_both_roles_speaks_for_both() -> None:
    story = declared(asking("commander", "communications"))
    story.when(AssignRole("INC-1", "communications", "ada"), ADA)
    assert open_gates(approve(story, ADA)) == ["commander-agrees", "communications-agrees"]


def test_the_owner_stands_above_all_roles() -> None:
    """Given an approval by somebody who may give it without any role, then every gate takes it."""
    story = approve(declared(asking("commander", "communications")), EVE)
    assert open_gates(story) == ["commander-agrees", "communications-agrees"]
    assert events(story, "approval.given")[0].role == "owner"
    assert open_gates(approve(story, ADA)) == ["commander-agrees", "communications-agrees"]


def test_a_role_that_was_not_asked_for_opens_no_gate() -> None:
    """Given a gate for the commander, and a protocol that lets the scribe approve as well, then the scribe's
    word is on the record and opens nothing."""
    rules = asking("commander", to=("role:commander", "role:scribe"))
    story = declared(rules).when(AssignRole("INC-1", "scribe", "ben"), ADA)
    assert open_gates(approve(story, BEN)) == []
    assert open_gates(approve(story, ADA)) == ["commander-agrees"]


@pytest.mark.parametrize(("to", "role"), [
    (("role:commander", "owner"), "commander"), (("person",), "person"), (("person:ada",), "person:ada"),
])  # fmt: skip
def test_it_is_recorded_as_whom_somebody_approved(to: tuple[str, ...], role: str) -> None:
    """Nobody is written down as the owner who is not."""
    story = approve(declared(asking("commander", to=to)), ADA)
    assert events(story, "approval.given")[0].role == role


def test_an_approval_that_opened_a_phase_does_not_end_the_response_as_well() -> None:
    """Given a phase that is left with the commander's approval, when the response could end, then the end
    waits for an approval of its own."""
    ready = Criterion("go-on", APPROVAL, "the commander lets it go on", subject="commander")
    phases = (Phase("work", "Work", True, (ready,)), Phase("watch", "Watch", True, ()))
    story = approve(declared(asking("commander", phases=phases)), ADA)
    assert story.world.incidents["INC-1"].phase == "watch"
    story.when(StandDown("INC-1", "it works"), ADA)
    assert codes(story) == ["criterion:commander-agrees"]
    approve(story, ADA)
    assert story.when(StandDown("INC-1", "it works"), ADA).refused is None


def test_an_approval_given_early_counts_where_no_phase_has_used_it() -> None:
    phases = (
        Phase(
            "work", "Work", True, (Criterion("ready", CriterionKind.ROLE, "x", subject="scribe"),)
        ),
        Phase("watch", "Watch", True, ()),
    )
    story = approve(declared(asking("commander", phases=phases)), ADA)
    story.when(AssignRole("INC-1", "scribe", "ben"), ADA).settle()
    assert story.world.incidents["INC-1"].phase == "watch"
    assert story.when(StandDown("INC-1", "it works"), ADA).refused is None


def test_no_machine_approves() -> None:
    story = declared(asking("commander", to=("agent", "person")))
    story.when(Approve("INC-1", "stand-down"), BUILDER)
    assert codes(story) == ["human-only"]

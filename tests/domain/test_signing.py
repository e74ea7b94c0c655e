"""Who must agree to a plan: by the table, by people who count once, by reviewers who have a deadline."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.approvals import Need, need_for, waits_for
from allstop.domain.effects import Purpose
from allstop.domain.incident.commands import Approve, AssignRole
from allstop.domain.incident.parts import Signature
from allstop.domain.plan.commands import AbortPlan, MakePlan, StartPlan
from allstop.domain.policy import ApprovalRow, Approvals, Condition, Grant, Policy, RoleRule, Span
from allstop.domain.policy.tables import Scalar
from allstop.domain.principal import Principal
from tests.domain.builders import ADA, BEN, BUILDER, EVE, MINUTE, Story, outage, policy

LEADS = ("role:commander", "owner")
REVIEWERS = ("security", "data")


def agreed_by(
    *rows: ApprovalRow, protected: bool = False, risk: dict[str, int] | None = None
) -> Policy:
    """The builders' policy with another approval table, and two roles that review."""
    plain = policy()
    payments, *others = plain.fleet.services
    fleet = replace(plain.fleet, services=(replace(payments, protected=protected), *others))
    protocol = replace(
        plain.protocol,
        approvals=Approvals(rows, risk or {}),
        roles=(*plain.protocol.roles, *(RoleRule(name, name, False) for name in REVIEWERS)),
        authority=(*plain.protocol.authority, Grant("review", ("person",))),
    )
    return Policy(protocol, fleet, plain.roster)


def isolating(*rows: ApprovalRow, **more: object) -> Story:
    """An outage whose containment plan was made."""
    return outage(agreed_by(*rows, **more)).settle()  # type: ignore[arg-type]


def row(
    people: int, *, by: tuple[str, ...] = LEADS, reviewers: tuple[str, ...] = (), **more: object
) -> ApprovalRow:
    return ApprovalRow((), by, people, "somebody must look", reviewers, **more)  # type: ignore[arg-type]


def refusal(story: Story) -> str:
    assert story.refused is not None, "it was allowed"
    return story.refused.reasons[0].code


def state(story: Story, plan: str = "PLAN-1") -> str:
    return story.world.plans[plan].state.value


def asked(story: Story, about: str = "waits for your approval") -> list[str]:
    """Who was told, in order."""
    notes = story.world.incidents["INC-1"].notifications.values()
    return [one.to for one in notes if about in one.subject]


def approve(story: Story, who: Principal, *, review: bool = False) -> Story:
    return story.when(Approve("INC-1", "plan:PLAN-1", as_reviewer=review), who).settle()


def reviewed_by_ben(story: Story) -> Story:
    return story.when(AssignRole("INC-1", "security", "ben"))


# --- the table -----------------------------------------------------------------------------------


FACTS: dict[str, Scalar] = {
    "purpose": "remedy", "risk": 4, "protected": False, "stateful": True, "severity_rank": 1,
    "emergency": True,
}  # fmt: skip


@pytest.mark.parametrize(("changed", "people", "place"), [
    ({}, 1, 3), ({"risk": 6}, 2, 1), ({"purpose": "contain"}, 0, 2), ({"protected": True}, 2, 0),
    ({"protected": True, "stateful": False, "purpose": "contain"}, 1, 2),
])  # fmt: skip
def test_the_first_row_that_holds_decides(
    changed: dict[str, Scalar], people: int, place: int
) -> None:
    """Given a table, then its first row that holds says how many sign; what is protected always takes a
    person, whatever the row says."""
    both = (Condition("protected", "is", True), Condition("stateful", "is", True))
    rows = (
        ApprovalRow(both, LEADS, 2, "two hands"),
        ApprovalRow((Condition("risk", "at_least", 6),), LEADS, 2, "data"),
        ApprovalRow((Condition("purpose", "is", "contain"),), (), 0, "undone at once"),
        row(1),
    )
    need = need_for(agreed_by(*rows), {**FACTS, **changed})
    assert (need.people, need.row) == (people, place)


def test_without_a_row_somebody_who_may_approve_has_to() -> None:
    """Given an empty table, then a plan waits for one person the authority lets approve, who is asked."""
    story = isolating()
    assert story.world.plans["PLAN-1"].approve == "somebody who may approve"
    assert asked(story) == ["person:ada"]
    assert refusal(approve(story, BEN)) == "no-authority"
    assert state(approve(story, ADA)) == "running"


def test_the_risk_of_a_plan_is_the_highest_of_what_it_does() -> None:
    """Given risk levels by action, when a plan is made, then it has the highest, and the row that it meets
    asks for a person; a plan below needs nobody and starts by itself."""
    rows = (ApprovalRow((Condition("risk", "at_least", 5),), LEADS, 1, "risky"), row(0))
    assert state(isolating(*rows, risk={"isolate": 2})) == "running"
    story = isolating(*rows, risk={"isolate": 5})
    assert (story.world.plans["PLAN-1"].risk, state(story)) == (5, "proposed")
    assert state(approve(story, ADA)) == "running"


def test_what_is_protected_waits_for_a_person_whatever_the_table_says() -> None:
    story = isolating(row(0, by=()), protected=True)
    assert refusal(story.when(StartPlan("PLAN-1"))) == "not-approved"
    assert state(approve(story, ADA)) == "running"


# --- people --------------------------------------------------------------------------------------


def test_two_people_sign_and_nobody_counts_twice() -> None:
    """Given a plan that takes two, when one of them signs twice, then it still waits for another one."""
    story = isolating(row(2))
    assert asked(story) == ["person:ada"]  # eve has no channel, the console tells her
    approve(story, ADA)
    assert state(story) == "proposed"
    assert refusal(approve(story, ADA)) == "already-signed"
    assert refusal(story.when(StartPlan("PLAN-1"))) == "not-approved"
    assert story.refused is not None
    assert story.refused.reasons[0].text == "PLAN-1 waits for 1 more of commander, owner"
    assert state(approve(story, EVE)) == "running"
    assert [one.person for one in story.world.plans["PLAN-1"].signatures] == [
        "person:ada", "person:eve",
    ]  # fmt: skip


def test_who_holds_two_roles_signs_once() -> None:
    """Given two who must agree, when one person holds both roles, then their one signature is one."""
    story = isolating(row(2, by=("role:commander", "role:scribe")))
    story.when(AssignRole("INC-1", "scribe", "ada"))
    approve(story, ADA)
    assert state(story) == "proposed"
    assert refusal(approve(story, ADA)) == "already-signed"
    story.when(AssignRole("INC-1", "scribe", "ben"))
    assert state(approve(story, BEN)) == "running"


def test_only_whom_the_row_names_may_sign_and_only_people() -> None:
    story = isolating(row(1, by=("role:scribe", "person:eve")))
    assert refusal(approve(story, ADA)) == "no-authority"
    assert refusal(approve(story, BUILDER)) == "human-only"
    assert state(approve(story, EVE)) == "running"


def test_the_first_entry_that_means_somebody_is_asked() -> None:
    """Given nobody in the first role of a row, then the next one is asked, and no third."""
    story = isolating(row(1, by=("role:scribe", "role:communications", "role:commander")))
    assert asked(story) == ["person:ben"]


# --- reviewers -----------------------------------------------------------------------------------


def test_a_plan_waits_for_its_reviewers_as_well() -> None:
    """Given a plan that security reviews, when the commander has signed, then it waits for the review; a
    reviewer does not approve, and somebody without the role does not review."""
    story = reviewed_by_ben(isolating(row(1, reviewers=("security",))))
    assert story.world.plans["PLAN-1"].approve == "commander, owner; reviewed by security"
    approve(story, ADA)
    assert waits_for(story.world.plans["PLAN-1"]) == "review by security"
    assert refusal(approve(story, BEN)) == "no-authority"
    assert refusal(approve(story, EVE)) == "enough-signatures"
    assert refusal(approve(story, EVE, review=True)) == "no-reviewer"
    assert state(approve(story, BEN, review=True)) == "running"


def test_a_plan_that_only_reviewers_sign_off() -> None:
    story = reviewed_by_ben(isolating(row(0, reviewers=("security",))))
    assert refusal(approve(story, ADA)) == "enough-signatures"
    assert state(approve(story, BEN, review=True)) == "running"


def test_who_reviews_in_two_roles_signs_for_each() -> None:
    """Given one person in both reviewing roles, then they sign twice, and a third time is refused."""
    story = reviewed_by_ben(isolating(row(1, reviewers=REVIEWERS)))
    story.when(AssignRole("INC-1", "data", "ben"))
    approve(story, BEN, review=True)
    assert waits_for(story.world.plans["PLAN-1"]) == "commander, owner; review by data"
    approve(story, BEN, review=True)
    assert refusal(approve(story, BEN, review=True)) == "already-signed"
    assert state(approve(story, ADA)) == "running"


def test_a_reviewing_role_that_nobody_holds_is_said_to_the_commander() -> None:
    story = isolating(row(0, reviewers=("security",)))
    notes = story.world.incidents["INC-1"].notifications.values()
    (note,) = [one for one in notes if "waits for your approval" in one.subject]
    assert note.to == "person:ada"
    assert "Nobody is security yet" in note.text


def test_a_late_review_is_escalated_once() -> None:
    """Given reviewers with ten minutes, when they do not sign, then that is recorded once at that time,
    they are told again and the next of the chain with them; the plan still waits."""
    story = reviewed_by_ben(isolating(row(0, reviewers=("security",), within=Span(10 * MINUTE))))
    story.wait(9 * MINUTE)
    assert "review:PLAN-1" not in story.world.incidents["INC-1"].missed
    story.wait(60 * MINUTE)
    missed = [one for one in story.records if getattr(one.event, "deadline", "") == "review:PLAN-1"]
    assert [one.kind for one in missed] == ["deadline.missed"]
    assert missed[0].event.escalated_to == ("ben", "ada")
    assert missed[0].at == missed[0].event.due_at
    assert asked(story, "waits for its review by security") == ["person:ben", "person:ada"]
    assert state(story) == "proposed"
    assert state(approve(story, BEN, review=True)) == "running"


def test_a_review_in_time_is_never_late() -> None:
    story = reviewed_by_ben(isolating(row(0, reviewers=("security",), within=Span(10 * MINUTE))))
    approve(story, BEN, review=True).wait(60 * MINUTE)
    assert "review:PLAN-1" not in story.world.incidents["INC-1"].missed


# --- what is signed ------------------------------------------------------------------------------


def test_signatures_bind_to_the_steps() -> None:
    """Given a plan that was aborted half signed, when another is made, then it waits for both again."""
    story = isolating(row(2))
    approve(story, ADA).when(AbortPlan("PLAN-1", "not like this"))
    story.when(MakePlan("INC-1", "contain")).settle()
    assert not story.world.plans["PLAN-2"].signatures
    assert state(story, "PLAN-2") == "proposed"
    assert refusal(approve(story, EVE)) == "not-proposed"


def test_an_approved_plan_starts_by_itself() -> None:
    story = approve(isolating(row(1)), ADA)
    assert [one.ref for one in story.effects if one.purpose is Purpose.STEP] == ["isolate-payments"]


def test_a_plan_is_made_by_who_may() -> None:
    story = isolating(row(0))
    assert refusal(story.when(MakePlan("INC-1", "remedy"), BEN)) == "no-authority"
    assert refusal(story.when(MakePlan("INC-1", "remedy"), BUILDER)) == "no-authority"


def test_who_is_waited_for_in_words() -> None:
    """Given what is needed and who signed, then the words say exactly what is lacking."""
    need = Need(("role:commander", "office:head"), 3, ("security",))
    ada, ben = Signature("person:ada", "commander", False), Signature("person:ben", "head", False)
    assert need.words() == "3 of commander, office:head; reviewed by security"
    assert need.missing((ada, ben)) == "1 more of commander, office:head; review by security"
    assert need.missing((ada, ben), "person:ben").startswith("2 more of")
    own = Signature("person:ada", "security", True)
    assert "review by security" in need.missing((own,), "person:ada")
    assert Need(("owner",), 1).missing((replace(ada, role="owner"),)) == ""

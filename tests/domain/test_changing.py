"""Changes by hand: as many people as their risk takes, never whoever asked, and none made too early."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.incident.commands import Approve, AssignRole, DeclareIncident
from allstop.domain.incident.parts import Change
from allstop.domain.incident.work_commands import EndChange, ProposeChange
from allstop.domain.policy import ApprovalRow, Approvals, Condition, Grant, Policy, RoleRule, Span
from allstop.domain.principal import Kind, Principal
from tests.domain.builders import ADA, BEN, BUILDER, EVE, MINUTE, Story, outage, policy

LEVELS = {"1": "reads only", "3": "interrupts", "5": "changes access", "6": "changes data"}
RISK = {"restart": 3, "access": 5, "data": 6}


def rules(*rows: ApprovalRow, levels: dict[str, str] | None = None) -> Policy:
    """Small changes need nobody, the fifth level waits for the owner, the sixth for two."""
    plain = policy()
    table = rows or (
        ApprovalRow((Condition("protected", "is", True),), ("role:commander",), 1, "protected"),
        ApprovalRow((Condition("risk", "at_least", 6),), ("role:commander", "owner", "role:scribe"), 2, "data"),
        ApprovalRow((Condition("risk", "at_least", 5),), ("owner",), 1, "the human decides"),
        ApprovalRow((), (), 0, "undone at once"),
    )  # fmt: skip
    payments, gateway = plain.fleet.services
    fleet = replace(plain.fleet, services=(payments, replace(gateway, protected=True)))
    protocol = replace(
        plain.protocol,
        approvals=Approvals(table, RISK, LEVELS if levels is None else levels),
        roles=(*plain.protocol.roles, RoleRule("security", "security", False)),
        authority=(
            *plain.protocol.authority, Grant("change", ("person", "agent")), Grant("review", ("person",)),
        ),
    )  # fmt: skip
    return Policy(protocol, fleet, plain.roster)


def proposed(who: Principal = BEN, story: Story | None = None, **more: Any) -> Story:
    """A change somebody asks for."""
    asked: dict[str, Any] = {"title": "open the firewall", **more}
    return (story or outage(rules())).when(ProposeChange("INC-1", **asked), who)


def change(story: Story, id: str = "CHG-1") -> Change:
    return story.world.incidents["INC-1"].changes[id]


def sign(story: Story, who: Principal, *, review: bool = False) -> Story:
    return story.when(Approve("INC-1", "change:CHG-1", as_reviewer=review), who)


def end(story: Story, state: str, who: Principal = BEN, note: str = "so it was") -> Story:
    return story.when(EndChange("INC-1", "CHG-1", state, note), who)


def refusal(story: Story) -> tuple[str, str]:
    assert story.refused is not None, "it was allowed"
    return (story.refused.reasons[0].code, story.refused.reasons[0].text)


def code(story: Story) -> str:
    return refusal(story)[0]


def told(story: Story) -> list[tuple[str, str]]:
    notes = story.world.incidents["INC-1"].notifications.values()
    return [(one.to, one.subject) for one in notes if "CHG-1" in one.subject]


# --- proposed ------------------------------------------------------------------------------------


def test_a_small_change_is_approved_at_once() -> None:
    """Given a change that needs nobody, when it is proposed, then it may be made at once, and it is said
    which row that comes from."""
    story = proposed(action="restart", detail="kill -9 of the old worker")
    assert (change(story).state, change(story).risk, change(story).because) == (
        "approved", 3, "undone at once",
    )  # fmt: skip
    assert story.result["change"] == "CHG-1"
    assert change(end(story, "made", note="")).state == "made"


@pytest.mark.parametrize(("asked", "risk"), [
    ({"action": "access"}, 5), ({"risk": 6}, 6), ({"action": "access", "risk": 1}, 5),
    ({"action": "restart", "risk": 6}, 6),
])  # fmt: skip
def test_of_the_level_given_and_the_actions_the_higher_counts(
    asked: dict[str, Any], risk: int
) -> None:
    """Given the protocol's level for an action, when somebody gives a lower one, then nobody is talked out
    of an approval."""
    story = proposed(**asked)
    assert (change(story).risk, change(story).state) == (risk, "proposed")


def test_an_agent_may_ask_and_people_answer() -> None:
    """Given an agent that proposes a change of the fifth level, then it waits for the human (PT-10)."""
    story = proposed(BUILDER, action="access")
    assert change(story).requested_by == "agent:builder-1"
    assert code(end(story, "made", BUILDER)) == "not-approved"
    assert code(sign(story, BUILDER)) == "human-only"
    sign(story, EVE)
    assert change(end(story, "made", BUILDER)).state == "made"


@pytest.mark.parametrize(("asked", "who", "reason"), [
    ({"title": " "}, BEN, "empty"),
    ({"title": "x" * 201}, BEN, "too-long"),
    ({"action": "magic"}, BEN, "unknown-action"),
    ({"risk": 4}, BEN, "unknown-risk"),
    ({"risk": -1}, BEN, "unknown-risk"),
    ({}, BEN, "no-risk"),
    ({"risk": 1, "service": "paymnts"}, BEN, "unknown-service"),
    ({"risk": 1}, Principal("alerts", Kind.SOURCE), "no-authority"),
])  # fmt: skip
def test_what_is_no_change_is_refused(asked: dict[str, Any], who: Principal, reason: str) -> None:
    story = proposed(who, **asked)
    assert code(story) == reason


@pytest.mark.parametrize(("risk", "allowed"), [(0, True), (10, True), (11, False), (-1, False)])
def test_without_levels_any_from_nought_to_ten_will_do(risk: int, allowed: bool) -> None:
    story = proposed(story=outage(rules(levels={})), risk=risk)
    assert (story.refused is None) == allowed


def test_what_touches_a_protected_service_waits_for_a_person() -> None:
    """Given a protected service, when a change of the lowest level is about it, then somebody must agree."""
    assert change(proposed(risk=1, service="gateway")).state == "proposed"
    assert change(proposed(risk=1, service="payments")).state == "approved"


# --- agreed --------------------------------------------------------------------------------------


def test_those_who_may_agree_are_asked_and_whoever_asked_hears_of_it() -> None:
    """Given a change of the sixth level, then both who can be reached are asked, and never its requester;
    who asked for it is told when it is approved."""
    story = outage(rules()).when(AssignRole("INC-1", "scribe", "ben"))
    proposed(BEN, story, risk=6)
    assert told(story) == [("person:ada", "INC-1: CHG-1 waits for your approval")]
    sign(story, ADA)
    assert change(story).state == "proposed"
    sign(story, EVE)
    assert change(story).state == "approved"
    assert told(story)[-1] == ("person:ben", "INC-1: CHG-1 is approved")


def test_nobody_agrees_to_their_own_change() -> None:
    """Given the owner's own change that waits for the owner, then it waits for another one, or an override."""
    story = proposed(EVE, action="access")
    assert code(sign(story, EVE)) == "own-change"
    assert code(sign(story, ADA)) == "no-authority"
    assert change(story).state == "proposed"


def test_it_is_not_made_before_everybody_agreed() -> None:
    """Given a change that takes two, when one has signed, then making it is refused, and says for whom it
    waits."""
    story = sign(proposed(risk=6), ADA)
    assert refusal(end(story, "made")) == (
        "not-approved", "CHG-1 may not be made yet: it waits for 1 more of commander, owner, scribe",
    )  # fmt: skip
    assert code(sign(story, ADA)) == "already-signed"


def test_reviewers_sign_changes_too_and_are_late_as_well() -> None:
    """Given a change that security reviews within ten minutes, when nobody does, then that is escalated
    once; the review still counts."""
    table = ApprovalRow((), ("owner",), 1, "both", ("security",), Span(10 * MINUTE))
    story = outage(rules(table)).when(AssignRole("INC-1", "security", "ada"))
    proposed(BEN, story, risk=5)
    sign(story, EVE)
    assert change(story).state == "proposed"
    story.wait(30 * MINUTE)
    assert "review:CHG-1" in story.world.incidents["INC-1"].missed
    assert [one.kind for one in story.records].count("change.approved") == 0
    sign(story, ADA, review=True)
    assert change(story).state == "approved"


@pytest.mark.parametrize(("subject", "reason"), [
    ("change:CHG-9", "unknown-change"), ("change:", "unknown-subject"), ("change:CHG-1", "not-proposed"),
])  # fmt: skip
def test_only_what_waits_is_approved(subject: str, reason: str) -> None:
    story = proposed(action="restart")
    assert code(story.when(Approve("INC-1", subject), EVE)) == reason


# --- ended ---------------------------------------------------------------------------------------


def test_an_approver_refuses_and_says_why() -> None:
    """Given a change that waits, when somebody who could agree says no, then it is over, and whoever asked
    hears why; nobody else can do that."""
    story = proposed(risk=6)
    assert code(end(story, "refused", BEN)) == "no-authority"
    assert code(end(story, "refused", BUILDER)) == "human-only"
    assert code(end(story, "refused", ADA, " ")) == "empty"
    end(story, "refused", ADA, "not on a Friday")
    assert change(story).state == "refused"
    assert told(story)[-1] == ("person:ben", "INC-1: CHG-1 is refused")
    assert code(end(story, "made")) == "ended"
    assert code(sign(story, EVE)) == "not-proposed"


def test_it_is_withdrawn_by_whoever_asked_or_leads() -> None:
    story = proposed(risk=6)
    assert code(end(story, "withdrawn", BUILDER)) == "no-authority"
    assert change(end(story, "withdrawn", BEN)).state == "withdrawn"
    again = proposed(BUILDER, action="restart")
    assert change(end(again, "withdrawn", ADA)).state == "withdrawn"


def test_a_change_ends_in_one_of_three_ways() -> None:
    story = proposed(action="restart")
    assert code(end(story, "exploded")) == "unknown-state"
    assert code(story.when(EndChange("INC-1", "CHG-2", "made", ""), BEN)) == "unknown-change"


def test_a_change_that_names_no_service_is_judged_by_those_the_incident_is_about() -> None:
    """Given an incident about a protected service, when somebody asks for a change and leaves out what it
    touches, then it waits for a person all the same; elsewhere it does not."""
    about = Story(rules()).when(DeclareIncident("it fails", ("gateway",)), ADA)
    assert change(proposed(BUILDER, about, risk=1)).state == "proposed"
    assert change(about).because == "protected"
    assert change(proposed(BUILDER, risk=1)).state == "approved"

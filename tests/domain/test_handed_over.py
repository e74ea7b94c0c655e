"""Roles that change hands: whoever takes one over hears of every approval that waits for it."""

from __future__ import annotations

from dataclasses import replace

from allstop.domain.incident.commands import AcceptHandoff, Approve, AssignRole, OfferHandoff
from allstop.domain.incident.work_commands import ProposeChange
from allstop.domain.policy import Grant
from allstop.domain.principal import Principal
from tests.domain.builders import ADA, BEN, EVE, Story, outage
from tests.domain.test_signing import agreed_by, approve, asked, isolating, row

ABOUT = "your approval"


def handed(story: Story, role: str, to: Principal, who: Principal = ADA) -> Story:
    """Offered by its holder, and accepted. Only what is told on the way is kept."""
    before = len(asked(story, ABOUT))
    story.when(OfferHandoff("INC-1", role, to.id), who)
    assert story.refused is None, story.refused
    assert len(asked(story, ABOUT)) == before, "it is not theirs yet"
    story.when(AcceptHandoff("INC-1", role), to)
    assert story.refused is None, story.refused
    return story


def waiting(story: Story) -> list[tuple[str, str]]:
    """(who, subject) of what was said about approvals, the newest last."""
    notes = story.world.incidents["INC-1"].notifications.values()
    return [(one.to, one.subject) for one in notes if ABOUT in one.subject]


def newest(story: Story) -> str:
    notes = story.world.incidents["INC-1"].notifications.values()
    return [one.text for one in notes if ABOUT in one.subject][-1]


def test_a_new_commander_hears_of_the_plan_that_waits() -> None:
    """Given a plan that waits for the commander, when command is handed over, then the new one is told what
    the old one was asked, and may approve it."""
    story = handed(isolating(row(1)), "commander", BEN)
    assert waiting(story) == [
        ("person:ada", "INC-1: PLAN-1 waits for your approval"),
        ("person:ben", "INC-1: PLAN-1 waits for your approval"),
    ]
    assert "allstop approve PLAN-1" in newest(story)
    assert approve(story, BEN).refused is None


def test_one_who_is_assigned_hears_of_it_too() -> None:
    story = isolating(row(1)).when(AssignRole("INC-1", "commander", "ben"), ADA)
    assert asked(story)[-1] == "person:ben"


def test_many_approvals_are_one_message() -> None:
    """Given a plan and two changes, then the new commander gets one message that names all three."""
    rules = agreed_by(row(1))
    authority = (*rules.protocol.authority, Grant("change", ("person",)))
    story = outage(replace(rules, protocol=replace(rules.protocol, authority=authority))).settle()
    for title in ("open the firewall", "raise the limit"):
        story.when(ProposeChange("INC-1", title), EVE)
    handed(story, "commander", BEN)
    assert waiting(story)[-1] == ("person:ben", "INC-1: 3 things wait for your approval")
    assert [line.partition(":")[0] for line in newest(story).split("\n")] == [
        "PLAN-1", "CHG-1", "CHG-2",
    ]  # fmt: skip


def test_nobody_is_asked_to_agree_to_what_they_asked_for() -> None:
    rules = agreed_by(row(0))
    authority = (*rules.protocol.authority, Grant("change", ("person",)))
    story = outage(replace(rules, protocol=replace(rules.protocol, authority=authority)))
    story.policy = replace(
        story.policy,
        protocol=replace(story.policy.protocol, approvals=agreed_by(row(1)).protocol.approvals),
    )
    story.when(ProposeChange("INC-1", "open the firewall"), BEN)
    before = waiting(story)
    assert waiting(handed(story, "commander", BEN)) == before


def test_who_has_signed_already_is_not_asked_again() -> None:
    """Given two people who must agree, of whom one has, when that one takes command, then they are not asked
    for a second signature; they count once."""
    story = approve(isolating(row(2, by=("role:commander", "role:communications", "owner"))), BEN)
    before = waiting(story)
    assert waiting(handed(story, "commander", BEN)) == before


def test_a_reviewer_who_is_named_late_hears_of_the_review() -> None:
    """Given a plan that waits for a reviewer when nobody was one, when somebody becomes it, then they are told
    how to sign it off; another role brings them nothing."""
    story = isolating(row(0, reviewers=("security",)))
    assert asked(story) == ["person:ada"]
    story.when(AssignRole("INC-1", "scribe", "ben"))
    assert asked(story) == ["person:ada"]
    story.when(AssignRole("INC-1", "security", "ben"))
    assert asked(story) == ["person:ada", "person:ben"]
    assert "allstop approve PLAN-1 --review" in newest(story)


def test_who_must_sign_and_review_hears_of_both() -> None:
    """Given a plan that the commander signs and reviews in two roles, then one message names both."""
    story = isolating(row(1, reviewers=("commander",)))
    handed(story, "commander", BEN)
    assert "allstop approve PLAN-1, and allstop approve PLAN-1 --review" in newest(story)


def test_a_commander_hears_of_a_review_that_nobody_can_give_yet() -> None:
    """Given a review by a role that nobody holds, when command changes hands, then the new commander hears
    that somebody has to be named."""
    story = handed(isolating(row(0, reviewers=("security",))), "commander", BEN)
    assert asked(story)[-1] == "person:ben"
    assert "Nobody is security yet" in newest(story)


def test_what_everybody_agreed_to_waits_for_nobody() -> None:
    story = isolating(row(1))
    story.when(Approve("INC-1", "plan:PLAN-1")).settle()
    before = waiting(story)
    assert waiting(handed(story, "commander", BEN)) == before

"""Roles: filled, assigned, handed over when accepted."""

from allstop.domain.incident.commands import (
    AcceptHandoff,
    AcknowledgeIncident,
    AssignRole,
    OfferHandoff,
)
from tests.domain.builders import ADA, BEN, BUILDER, EVE, Story, outage


def refusal(story: Story) -> str:
    assert story.refused is not None, "it was allowed"
    return story.refused.reasons[0].code


def roles(story: Story) -> dict[str, str]:
    return dict(story.world.incidents["INC-1"].roles)


def test_the_roster_fills_the_roles_with_free_people_first() -> None:
    """Ada could do both; Ben takes communications because Ada commands."""
    assert roles(outage()) == {"commander": "ada", "communications": "ben"}


def test_the_commander_and_the_owner_assign_and_nobody_else() -> None:
    story = outage()
    assert refusal(story.when(AssignRole("INC-1", "scribe", "ben"), BEN)) == "no-authority"
    assert story.when(AssignRole("INC-1", "scribe", "ben"), ADA).refused is None
    assert refusal(story.when(AssignRole("INC-1", "scribe", "ben"))) == "already-assigned"
    assert refusal(story.when(AssignRole("INC-1", "piper", "ben"))) == "unknown-role"
    assert refusal(story.when(AssignRole("INC-1", "scribe", "bob"))) == "unknown-person"
    assert roles(story.when(AssignRole("INC-1", "scribe", "eve"), EVE))["scribe"] == "eve"


def test_an_offered_role_moves_only_when_it_is_accepted() -> None:
    story = outage().when(OfferHandoff("INC-1", "commander", "ben", "my shift ends"))
    assert roles(story)["commander"] == "ada"
    story.when(AcceptHandoff("INC-1", "commander"), BEN)
    assert roles(story)["commander"] == "ben"
    assert not story.world.incidents["INC-1"].offers


def test_only_the_person_it_was_offered_to_accepts() -> None:
    story = outage().when(OfferHandoff("INC-1", "commander", "ben"))
    assert refusal(story.when(AcceptHandoff("INC-1", "commander"), EVE)) == "not-yours"
    assert refusal(story.when(AcceptHandoff("INC-1", "commander"), BUILDER)) == "not-yours"
    assert refusal(story.when(AcceptHandoff("INC-1", "scribe"), BEN)) == "no-offer"


def test_whoever_neither_holds_a_role_nor_commands_cannot_offer_it() -> None:
    story = outage()
    assert refusal(story.when(OfferHandoff("INC-1", "commander", "ben"), BEN)) == "no-authority"
    assert story.when(OfferHandoff("INC-1", "communications", "ada"), BEN).refused is None


def test_with_the_role_goes_its_authority() -> None:
    story = outage().when(OfferHandoff("INC-1", "commander", "ben"))
    story.when(AcceptHandoff("INC-1", "commander"), BEN)
    assert refusal(story.when(AssignRole("INC-1", "scribe", "ada"), ADA)) == "no-authority"
    assert story.when(AssignRole("INC-1", "scribe", "ada"), BEN).refused is None


def test_an_incident_is_acknowledged_once_and_by_a_person() -> None:
    story = outage()
    assert refusal(story.when(AcknowledgeIncident("INC-1"), BUILDER)) == "no-authority"
    assert story.when(AcknowledgeIncident("INC-1"), BEN).refused is None
    assert refusal(story.when(AcknowledgeIncident("INC-1"), ADA)) == "already-acknowledged"
    assert story.world.incidents["INC-1"].acknowledged_by == "ben"

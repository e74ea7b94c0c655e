"""Roles: filled, assigned, handed over when accepted."""

from dataclasses import replace

from allstop.domain.incident.commands import (
    AcceptHandoff,
    AcknowledgeIncident,
    AssignRole,
    DeclareIncident,
    OfferHandoff,
    SetSeverity,
)
from allstop.domain.policy import Person, RoleRule
from tests.domain.builders import ADA, BEN, BUILDER, EVE, Story, outage, policy


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


def skilled(*people: Person) -> Story:
    """A commander must be senior at SEV1 and SEV2."""
    base = policy()
    commander = RoleRule(
        "commander", "incident commander", True, needs={"SEV1": ("senior",), "SEV2": ("senior",)}
    )
    protocol = replace(base.protocol, roles=(commander, *base.protocol.roles[1:]))
    roster = replace(base.roster, people=people or base.roster.people)
    return Story(replace(base, protocol=protocol, roster=roster))


def person(id: str, *roles: str, senior: bool = False, away: bool = False) -> Person:
    skills = ("senior",) if senior else ()
    owner = id == "eve"
    return Person(
        id, id.title(), id, roles or ("commander",), (), ("chat",), owner, skills=skills, away=away
    )


def notes(story: Story) -> list[str]:
    return [one.event.text for one in story.records if one.kind == "note.added"]


def told(story: Story, who: str) -> list[str]:
    asked = [one.event for one in story.records if one.kind == "notification.requested"]
    return [one.text for one in asked if one.to == f"person:{who}"]


def test_the_commander_is_chosen_by_what_the_severity_asks_for() -> None:
    """PI-03: senior where it is bad, whoever is first where it is not."""
    people = (person("ada"), person("ben", senior=True))
    assert roles(skilled(*people).when(DeclareIncident("x", severity="SEV1")))["commander"] == "ben"
    assert roles(skilled(*people).when(DeclareIncident("x", severity="SEV3")))["commander"] == "ada"


def test_skill_comes_before_being_free_and_being_free_before_preference() -> None:
    busy = person("ada", "communications", "commander", senior=True)
    story = skilled(busy, person("ben"))
    scribe_first = replace(story.policy.protocol, roles=story.policy.protocol.roles[::-1])
    story.policy = replace(story.policy, protocol=scribe_first)
    story.when(DeclareIncident("x", severity="SEV1"))
    assert roles(story) == {"communications": "ada", "commander": "ada"}


def test_whoever_is_away_is_not_chosen_and_the_gap_is_named() -> None:
    story = skilled(person("ada", away=True, senior=True), person("ben"))
    story.when(DeclareIncident("x", severity="SEV1"))
    assert roles(story)["commander"] == "ben"
    alone = skilled(person("ada", away=True)).when(DeclareIncident("x"))
    assert "nobody on the roster can be incident commander (Ada away)" in notes(alone)


def test_without_anybody_skilled_somebody_leads_and_the_record_says_what_is_missing() -> None:
    story = skilled(person("ada")).when(DeclareIncident("x", severity="SEV1"))
    assert roles(story)["commander"] == "ada"
    text = (
        "Ada is incident commander without what SEV1 asks for, senior: nobody who is there has it"
    )
    assert text in notes(story)


def test_when_it_gets_worse_a_commander_without_the_skill_stays_and_is_told() -> None:
    """And so is the owner, with the name of somebody who has it."""
    story = skilled(person("ada"), person("ben", senior=True), person("eve", "scribe"))
    story.when(DeclareIncident("x")).when(SetSeverity("INC-1", "SEV1", "it grew"), ADA)
    assert roles(story)["commander"] == "ada"
    text = (
        "incident commander ada lacks senior, which SEV1 asks for; "
        "ben has it: allstop assign commander ben"
    )
    assert text in notes(story)
    assert text in told(story, "ada")
    assert text in told(story, "eve")


def test_when_it_gets_milder_nobody_is_told_of_a_lack() -> None:
    story = skilled(person("ada"), person("eve", "scribe"))
    story.when(DeclareIncident("x", severity="SEV1"))
    before = len(notes(story))
    story.when(SetSeverity("INC-1", "SEV2", "half of it"), ADA)
    assert len(notes(story)) == before


def test_assigning_somebody_without_the_skill_warns_and_does_not_refuse() -> None:
    story = skilled(person("ada", senior=True), person("ben"), person("eve", "scribe"))
    story.when(DeclareIncident("x", severity="SEV1"))
    story.when(AssignRole("INC-1", "commander", "ben"), ADA)
    assert roles(story)["commander"] == "ben"
    assert story.result["warning"] == "ben lacks senior, which incident commander asks for at SEV1"
    assert "warning" not in story.when(AssignRole("INC-1", "commander", "ada"), BEN).result

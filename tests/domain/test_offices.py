"""Who may declare: offices, teams, kinds and own ground (PT-02), and who hears of it at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.authority import matches, may_declare, people_called, people_meant
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.policy import (
    Activation,
    ActivationRule,
    AgentEntry,
    Condition,
    EmergencyKind,
    Grant,
    Person,
    Policy,
    Roster,
    Team,
)
from allstop.domain.principal import MONITOR, Kind, Principal
from tests.domain.builders import ADA, Story, policy

HEAD = Principal("minerva", Kind.PERSON)
DEPUTY = Principal("filius", Kind.PERSON)
NOBODY = Principal("argus", Kind.PERSON)
GROUND = Principal("red-head", Kind.AGENT)
PREFECT = Principal("prefect-1", Kind.AGENT)
PUPIL = Principal("pupil-1", Kind.AGENT)
ALARM = Principal("alerts", Kind.SOURCE)

RULES = (
    ActivationRule("office:headmaster"),
    ActivationRule("office:deputy", kinds=("outage", "breach")),
    ActivationRule("office:head-of-house", own_domain=True),
    ActivationRule("office:prefect", tell=("office:headmaster", "owner")),
)


def houses(*rules: ActivationRule, **more: Any) -> Policy:
    """A headmaster, a deputy, a head of house and a prefect; payments is ground of the red house."""
    base = policy()
    people = (
        Person("minerva", "Minerva", "", (), (), ("chat",), owner=False, office="headmaster"),
        Person("filius", "Filius", "", ("commander",), (), ("chat",), owner=False, office="deputy"),
        Person("argus", "Argus", "", (), (), ("chat",), owner=False),
        Person("harry", "Harry", "", ("communications",), (), ("chat",), owner=True),
    )
    agents = (
        AgentEntry("red-head", "Red head", "red", "script", {}, office="head-of-house"),
        AgentEntry("prefect-1", "Prefect", "red", "script", {}, office="prefect"),
        AgentEntry("pupil-1", "Pupil", "red", "script", {}),
    )
    teams = (Team("red", "Red", ("money",)), Team("blue", "Blue", ("looks",)))
    payments, gateway = base.fleet.services
    services = (replace(payments, domain="money"), replace(gateway, domain="looks"))
    kinds = (
        EmergencyKind("outage", "Outage", (Condition("core_functions_down", "at_least", 1),)),
        EmergencyKind("breach", "Breach", (Condition("breach", "is", True),)),
        EmergencyKind("typo", "Typo"),
    )
    activation = Activation(who=rules or RULES, kinds=kinds, **more)
    return Policy(
        replace(base.protocol, activation=activation),
        replace(base.fleet, services=services),
        Roster(people, agents, teams, base.roster.channels),
    )


def declared(who: Principal, **more: Any) -> Story:
    return Story(houses()).when(DeclareIncident("it fails", **more), who)


def told(story: Story, person: str) -> list[str]:
    return [
        one.event.subject
        for one in story.records
        if one.kind == "notification.requested" and one.event.to == f"person:{person}"
    ]


@pytest.mark.parametrize(
    ("who", "more", "may"),
    [
        (HEAD, {}, True),
        (HEAD, {"kind": "typo"}, True),
        (DEPUTY, {}, False),
        (DEPUTY, {"kind": "typo"}, False),
        (DEPUTY, {"kind": "breach"}, True),
        (DEPUTY, {"impact": Impact(breach=True)}, True),
        (GROUND, {"services": ("payments",)}, True),
        (GROUND, {"services": ("gateway",)}, False),
        (GROUND, {"services": ("gateway", "payments")}, True),
        (GROUND, {"domain": "money"}, True),
        (GROUND, {"domain": "looks"}, False),
        (GROUND, {}, False),
        (PREFECT, {}, True),
        (PUPIL, {"services": ("payments",)}, False),
        (NOBODY, {}, False),
        (ALARM, {}, False),
        (MONITOR, {}, True),
    ],
)
def test_the_rules_of_activation_decide_who_declares(
    who: Principal, more: dict[str, Any], may: bool
) -> None:
    story = declared(who, **more)
    assert (story.refused is None) == may
    if story.refused is not None:
        assert [one.code for one in story.refused.reasons] == ["no-authority"]
        assert not story.records


def test_naming_a_domain_does_not_make_a_service_ones_own() -> None:
    """Given a service that belongs to another house, when a head of house names their own domain beside
    it, then the service decides."""
    story = declared(GROUND, services=("gateway",), domain="money")
    assert story.refused is not None


def test_a_refusal_says_why_not_and_who_may() -> None:
    story = declared(GROUND, services=("gateway",))
    assert story.refused is not None
    reason = story.refused.reasons[0]
    assert reason.text == (
        "agent:red-head may not declare an incident: office:head-of-house only in their own domain, "
        "and this hits looks"
    )
    assert reason.hint == (
        "who may: office:headmaster; office:deputy for outage, breach; "
        "office:head-of-house in their own domain; office:prefect"
    )
    other = declared(DEPUTY, kind="typo").refused
    assert other is not None
    assert "only for outage, breach, and this is typo" in other.reasons[0].text


def test_a_refusal_comes_with_every_other_reason() -> None:
    story = declared(NOBODY, services=("paymnts",), kind="brech")
    assert story.refused is not None
    codes = [one.code for one in story.refused.reasons]
    assert codes == ["no-authority", "unknown-service", "unknown-kind"]
    assert story.refused.reasons[2].hint == "did you mean breach?"


def test_a_human_always_may_where_the_rules_say_so() -> None:
    """Given a rule for persons, whoever is a recognised person may, and an agent still may not."""
    plan = houses(*RULES, ActivationRule("person"))
    assert Story(plan).when(DeclareIncident("it fails"), NOBODY).refused is None
    assert Story(plan).when(DeclareIncident("it fails"), PUPIL).refused is not None


def test_without_rules_of_activation_the_grants_decide() -> None:
    plan = houses()
    bare = replace(plan.protocol, activation=replace(plan.protocol.activation, who=()))
    others = tuple(one for one in bare.authority if one.action != "declare")
    some = replace(bare, authority=(*others, Grant("declare", ("person",))))
    story = Story(replace(plan, protocol=some))
    assert story.when(DeclareIncident("it fails"), PREFECT).refused is not None
    assert story.when(DeclareIncident("it fails"), NOBODY).refused is None


def test_with_rules_the_declare_grant_is_not_asked() -> None:
    plan = houses()
    others = tuple(one for one in plan.protocol.authority if one.action != "declare")
    story = Story(replace(plan, protocol=replace(plan.protocol, authority=others)))
    assert story.when(DeclareIncident("it fails"), HEAD).refused is None


def test_when_a_prefect_declares_the_headmaster_hears_of_it_at_once() -> None:
    """Called on the record, with who declared and why, in the same transaction."""
    story = declared(PREFECT)
    called = [one.event for one in story.records if one.kind == "responders.called"]
    assert [one.people for one in called] == [("minerva", "harry")]
    assert called[0].because == "declared by agent:prefect-1, office:prefect"
    assert told(story, "minerva") == ["INC-1: declared by agent:prefect-1"]
    assert story.world.incidents["INC-1"].called == ("minerva", "harry")


def test_nobody_is_called_because_of_their_own_declaration() -> None:
    story = Story(houses(ActivationRule("person", tell=("office:headmaster",))))
    story.when(DeclareIncident("it fails"), HEAD)
    assert "responders.called" not in story.kinds()
    notes = [one.event.text for one in story.records if one.kind == "note.added"]
    assert notes == ["person declared, and nobody is there to hear of it: office:headmaster"]


def test_the_first_rule_that_fits_decides_who_hears_of_it() -> None:
    first = ActivationRule("office:headmaster", kinds=("breach",), tell=("person:argus",))
    second = ActivationRule("person", tell=("person:harry",))
    story = Story(houses(first, second))
    story.when(DeclareIncident("it fails"), HEAD)
    story.when(DeclareIncident("they are in", kind="breach"), HEAD)
    called = [one.event.people for one in story.records if one.kind == "responders.called"]
    assert called == [("harry",), ("argus",)]


def test_of_several_people_of_one_office_whoever_is_away_is_not_called() -> None:
    """But when all of them are away they are called all the same: somebody has to be."""
    plan = houses()
    minerva, filius, *others = plan.roster.people

    def called(*people: Person) -> tuple[str, ...]:
        roster = replace(plan.roster, people=(*people, *others))
        return people_called(replace(plan, roster=roster), {}, ("office:headmaster", "owner"))

    both = replace(filius, office="headmaster")
    assert called(replace(minerva, away=True), both) == ("filius", "harry")
    assert called(replace(minerva, away=True), filius) == ("minerva", "harry")
    assert called(minerva, both) == ("minerva", "filius", "harry")


@pytest.mark.parametrize(
    "entry",
    [
        "person", "person:argus", "person:nobody", "person:", "office:deputy", "office:", "team:blue", "team:",
        "owner", "role:commander", "role:", "agent", "agent:red-head", "source", "self", "planet:earth",
    ],
)  # fmt: skip
def test_the_people_an_entry_means_are_those_it_matches(entry: str) -> None:
    """Two ways to ask the same, one of them for whole rosters."""
    plan = houses()
    people = (*plan.roster.people[:3], replace(plan.roster.people[3], team="blue"))
    plan = replace(plan, roster=replace(plan.roster, people=people))
    roles = {"commander": "filius"}
    wanted = [
        one.id for one in people if matches(entry, Principal(one.id, Kind.PERSON), plan, roles)
    ]
    bare = "agent", "source", "self"
    assert list(people_meant(plan, roles, entry)) == ([] if entry in bare else wanted)


def test_a_bare_word_means_the_role() -> None:
    assert people_meant(houses(), {"commander": "filius"}, "commander") == ("filius",)


def test_whoever_is_on_no_roster_is_refused_by_rules_for_offices() -> None:
    stranger = Principal("mallory", Kind.PERSON)
    assert not may_declare(houses(), stranger, "outage", ("money",)).allowed
    assert may_declare(policy(), ADA, "", ()).allowed

"""The points ledger: by rule at stand-down, by hand with a reason, suspended while it burns (PT-17)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.deciding.awarding import award
from allstop.domain.draft import Draft
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.incident.parts import Crew
from allstop.domain.incident.work_commands import AwardPoints
from allstop.domain.ledger import balances, responder_named
from allstop.domain.policy import AgentEntry, EmergencyMode, Grant, Ledger, LedgerRule, Person, Team
from allstop.domain.principal import TIMEKEEPER, Principal
from tests.domain.builders import ADA, BUILDER, EVE, Story, policy

RULES = Ledger(
    (
        LedgerRule("solved", "resolver", 10, "they brought it back"),
        LedgerRule("helped", "supporter", 5, "they helped"),
        LedgerRule("broke", "causer", -5, "it was theirs"),
    ),
    "healers",
)


def story(ledger: Ledger = RULES, **more: Any) -> Story:
    """Ada is red, Ben blue, Eve of no team; the agents are builders, and one more is red."""
    base = policy()
    ada, ben, eve = base.roster.people
    people = (replace(ada, team="red"), replace(ben, team="blue"), eve)
    agents = (*base.roster.agents, AgentEntry("healer-1", "Healer One", "red", "script", {}))
    roster = replace(base.roster, people=people, agents=agents, teams=(Team("red", "Red"), Team("blue", "Blue")))  # fmt: skip
    authority = (*base.protocol.authority, Grant("points", ("owner", "agent")))
    protocol = replace(base.protocol, ledger=ledger, authority=authority, **more)
    found = Story(replace(base, roster=roster, protocol=protocol))
    return found.when(DeclareIncident("down"), ADA)


def crewed(found: Story, caused_by: str = "", **crews: tuple[str, ...]) -> Story:
    """The crews as they were in the end, and who is said to have caused it."""
    incident = found.world.incidents["INC-1"]
    known = {name: Crew(name, "", members=members) for name, members in crews.items()}
    said = {"caused-by": caused_by} if caused_by else {}
    moved = replace(incident, crews=known, statements=said)
    found.world = replace(found.world, incidents={**found.world.incidents, "INC-1": moved})
    return found


def awarded(found: Story) -> list[tuple[str, int, str]]:
    """What standing down would give."""
    draft = Draft(found.world, found.book, found.now, ADA, "story")
    award(draft, "INC-1")
    found.world = draft.world
    found.records.extend(draft.records)
    events = [one.event for one in draft.records if one.kind == "points.awarded"]
    return [(one.team, one.points, one.rule) for one in events]


def codes(found: Story) -> list[str]:
    assert found.refused is not None, "it was allowed"
    return [reason.code for reason in found.refused.reasons]


def notes(found: Story) -> list[str]:
    return [one.event.text for one in found.records if one.kind == "note.added"]


def test_who_resolved_who_helped_and_who_caused_it() -> None:
    found = crewed(
        story(), "agent:builder-1", healers=("agent:healer-1", "person:ada"),
        shields=("person:ben", "person:ada"), scouts=("agent:builder-2", "person:eve"),
    )  # fmt: skip
    assert awarded(found) == [
        ("red", 10, "solved"), ("blue", 5, "helped"), ("builders", 5, "helped"), ("builders", -5, "broke"),
    ]  # fmt: skip
    assert balances(found.world) == {"blue": 5, "builders": 0, "red": 10}


def test_when_several_teams_resolved_it_each_gets_the_points() -> None:
    found = crewed(story(), healers=("person:ada", "person:ben"))
    assert awarded(found) == [("red", 10, "solved"), ("blue", 10, "solved")]


def test_a_team_gets_the_points_of_a_rule_once_however_often_it_ends() -> None:
    found = crewed(story(), healers=("person:ada",))
    assert awarded(found) == [("red", 10, "solved")]
    assert awarded(found) == []
    assert awarded(crewed(found, healers=("person:ada", "person:ben"))) == [("blue", 10, "solved")]


def test_nobody_is_charged_when_nobody_is_named() -> None:
    assert awarded(crewed(story(), healers=("person:ada",))) == [("red", 10, "solved")]


def test_points_that_go_to_nobody_are_noted() -> None:
    found = crewed(story(), "the moon", healers=("person:eve",))
    assert awarded(found) == []
    assert notes(found)[-2:] == [
        "no points for they brought it back: nobody of a team was in the crew healers",
        "no points for it was theirs: the moon is nobody who is in a team",
    ]


def test_a_rule_for_whom_nobody_knows_gives_nothing() -> None:
    odd = Ledger((LedgerRule("odd", "bystander", 3, "they looked on"),))
    assert awarded(crewed(story(odd), healers=("person:ada",))) == []


def test_a_protocol_without_a_ledger_gives_nothing() -> None:
    found = crewed(story(Ledger()), "agent:builder-1", healers=("person:ada",))
    before = len(found.records)
    assert awarded(found) == []
    assert len(found.records) == before


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("agent:builder-1", "agent:builder-1"),
        (" Builder-1 ", "agent:builder-1"),
        ("healer  one", "agent:healer-1"),
        ("Ada", "person:ada"),
        ("person:ben", "person:ben"),
        ("person:builder-1", None),
        ("", None),
    ],
)
def test_a_name_is_found_however_it_is_written(text: str, name: str | None) -> None:
    found = story()
    who = responder_named(found.world, found.policy, text)
    assert (str(who) if who else None) == name


def test_an_agent_that_registered_itself_has_the_team_it_named() -> None:
    """It stands on no roster, and is charged all the same."""
    found = crewed(story().register(), "agent:builder-1")
    found.policy = replace(found.policy, roster=replace(found.policy.roster, agents=()))
    assert awarded(found) == [("builders", -5, "broke")]


def test_points_by_hand_go_to_the_incident_or_to_the_ledger_outside_of_it() -> None:
    found = story().when(AwardPoints("red", 7, "kept calm", "INC-1"), EVE)
    found.when(AwardPoints("red", -2, "left the oven on"), EVE)
    streams = [one.stream for one in found.records if one.kind == "points.awarded"]
    assert streams == ["incident/INC-1", "ledger"]
    assert balances(found.world) == {"red": 5}
    assert found.world.ledger[0].by == "person:eve"


def test_points_are_given_after_the_end_too() -> None:
    found = story()
    over = replace(found.world.incidents["INC-1"], state="stood-down")
    found.world = replace(found.world, incidents={"INC-1": over})
    assert found.when(AwardPoints("red", 7, "kept calm", "INC-1"), EVE).refused is None


@pytest.mark.parametrize(
    ("command", "who", "code"),
    [
        (AwardPoints("red", 5, "nice"), ADA, "no-authority"),
        (AwardPoints("red", 5, "me"), BUILDER, "human-only"),
        (AwardPoints("red", 5, "me"), TIMEKEEPER, "human-only"),
        (AwardPoints("rad", 5, "nice"), EVE, "unknown-team"),
        (AwardPoints("red", 0, "nice"), EVE, "bad-points"),
        (AwardPoints("red", -1001, "nice"), EVE, "bad-points"),
        (AwardPoints("red", 5, " "), EVE, "empty"),
        (AwardPoints("red", 5, "nice", "INC-7"), EVE, "unknown-incident"),
    ],
)
def test_an_award_by_hand_has_its_rules(command: AwardPoints, who: Principal, code: str) -> None:
    found = story()
    before = len(found.records)
    assert codes(found.when(command, who)) == [code]
    assert len(found.records) == before


@pytest.mark.parametrize(("id", "held"), [("scoring", True), ("points", True), ("deploys", False)])
def test_while_scoring_is_suspended_nobody_gives_points_by_hand(id: str, *, held: bool) -> None:
    """PT-16: and the refusal names the incident. The points of its end are given all the same."""
    mode = EmergencyMode({id: "Something"}, {}, 0, ("SEV3",))
    found = crewed(story(mode=mode), healers=("person:ada",))
    found.when(AwardPoints("red", 5, "nice"), EVE)
    assert (found.refused is not None) == held
    if found.refused is not None:
        assert codes(found) == ["suspended"]
        assert "INC-1" in found.refused.reasons[0].text
    assert awarded(found) == [("red", 10, "solved")]


def test_a_team_of_people_only_is_known() -> None:
    found = story()
    people = (
        *found.policy.roster.people,
        Person("zoe", "Zoe", "", (), (), (), owner=False, team="green"),
    )
    found.policy = replace(found.policy, roster=replace(found.policy.roster, people=people))
    assert found.when(AwardPoints("green", 1, "welcome"), EVE).refused is None

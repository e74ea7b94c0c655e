"""Crews: proposed out of the roll call by ground and fitness, assigned by a person (PT-08)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.crews import candidates, crews_due
from allstop.domain.effects import done
from allstop.domain.halt.commands import AnswerRollCall, ReleaseHalt
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.incident.work_commands import AssignCrew, ProposeCrews
from allstop.domain.policy import AgentEntry, CrewRule, Grant, Person, Policy, Roster, Team
from allstop.domain.principal import MONITOR, TIMEKEEPER, Kind, Principal
from tests.domain.builders import ADA, BEN, MINUTE, Story, policy

SHIELDS = CrewRule(
    "shields", "Shield casters", "Keep it from spreading.", ("security",), ("infrastructure",)
)
HEALERS = CrewRule("healers", "Healers", "Bring it back.", hit_domain=True, size=2)
SCOUTS = CrewRule("scouts", "Scouts", "Find out why.", size=1)
AGENTS = ("keeper-1", "healer-1", "healer-2", "idler-1")


def plan(*rules: CrewRule, people: tuple[Person, ...] = ()) -> Policy:
    """payments is ground of the shop; healers are of the shop, the keeper of security."""
    base = policy()
    ada, ben, eve = base.roster.people
    zoe = Person("zoe", "Zoe", "", (), ("infrastructure",), ("chat",), owner=False)
    agents = (
        AgentEntry("keeper-1", "Keeper", "security", "script", {}),
        AgentEntry("healer-1", "Healer 1", "shop", "script", {}),
        AgentEntry("healer-2", "Healer 2", "shop", "script", {}, domains=("money",)),
        AgentEntry("idler-1", "Idler", "", "script", {}),
    )
    teams = (Team("shop", "Shop", ("payments-ground",)), Team("security", "Security"))
    payments, gateway = base.fleet.services
    fleet = replace(base.fleet, services=(replace(payments, domain="payments-ground"), gateway))
    authority = (*base.protocol.authority, Grant("crew", ("role:commander",)))
    protocol = replace(
        base.protocol, crews=rules or (SHIELDS, HEALERS, SCOUTS), authority=authority
    )
    everybody = people or (ada, ben, eve, zoe)
    return Policy(protocol, fleet, Roster(everybody, agents, teams, base.roster.channels))


def emergency(found: Policy | None = None, severity: str = "SEV1") -> Story:
    story = Story(found or plan()).register()
    return story.when(DeclareIncident("down", ("payments",), severity=severity), ADA)


def answer(story: Story, *agents: str, available: bool = True) -> Story:
    for name in agents:
        command = AnswerRollCall(name, "HALT-1", "stopped", available=available)
        story.when(command, Principal(name, Kind.AGENT))
    return story


def crews(story: Story) -> dict[str, tuple[str, ...]]:
    return {name: one.proposed for name, one in story.world.incidents["INC-1"].crews.items()}


def events(story: Story, kind: str) -> list[Any]:
    return [record.event for record in story.records if record.kind == kind]


def told(story: Story, person: str) -> list[str]:
    asked = events(story, "notification.requested")
    return [one.subject for one in asked if one.to == f"person:{person}"]


def codes(story: Story) -> list[str]:
    assert story.refused is not None, "it was allowed"
    return [reason.code for reason in story.refused.reasons]


# --- when ----------------------------------------------------------------------------------------


def test_crews_wait_for_the_roll_call_and_are_proposed_once_it_is_in() -> None:
    story = answer(emergency().settle(), *AGENTS[:-1]).settle()
    assert not crews(story)
    answer(story, AGENTS[-1]).settle()
    assert list(crews(story)) == ["shields", "healers", "scouts"]
    story.wait(MINUTE)
    assert len(events(story, "crew.proposed")) == 3


def test_whoever_stays_silent_does_not_keep_the_crews_from_being_formed() -> None:
    """At the deadline the roll call is closed, and the silent ones are in no crew."""
    story = answer(emergency(), "healer-1").wait(5 * MINUTE)
    members = {member for found in crews(story).values() for member in found}
    assert "agent:healer-1" in members
    assert not members & {"agent:healer-2", "agent:keeper-1", "agent:idler-1"}


def test_without_an_all_stop_they_are_proposed_at_once_out_of_people() -> None:
    """No roll call has said that any agent is available."""
    story = emergency(severity="SEV3").settle()
    assert crews(story)
    members = {member for found in crews(story).values() for member in found}
    assert all(member.startswith("person:") for member in members)


def test_a_halt_that_was_lifted_keeps_nobody_waiting() -> None:
    story = emergency().when(ReleaseHalt("HALT-1", "too wide"), ADA).settle()
    assert crews(story)


def test_a_protocol_without_crews_proposes_none() -> None:
    found = plan()
    story = emergency(replace(found, protocol=replace(found.protocol, crews=()))).wait(6 * MINUTE)
    assert "crew.proposed" not in story.kinds()


def test_a_proposal_that_comes_too_early_or_twice_writes_nothing() -> None:
    story = emergency()
    before = len(story.records)
    story.when(ProposeCrews("INC-1"), TIMEKEEPER)
    assert len(story.records) == before
    assert codes(story.when(ProposeCrews("INC-1"), ADA)) == ["internal"]
    story.wait(6 * MINUTE)
    before = len(story.records)
    story.when(ProposeCrews("INC-1"), TIMEKEEPER)
    assert len(story.records) == before


# --- who -----------------------------------------------------------------------------------------


def formed(*rules: CrewRule, people: tuple[Person, ...] = ()) -> Story:
    story = emergency(plan(*rules, people=people))
    return answer(story, *AGENTS).settle()


def test_crews_are_formed_by_team_by_ground_and_by_what_is_hit() -> None:
    story = formed()
    assert crews(story) == {
        "shields": ("person:zoe", "agent:keeper-1"),
        "healers": ("agent:healer-1", "agent:healer-2"),
        "scouts": ("person:eve",),
    }
    because = {one.crew: one.because for one in events(story, "crew.proposed")}
    assert because == {
        "shields": "2 available of team security; domain infrastructure",
        "healers": "2 available of what is hit: payments-ground",
        "scouts": "8 available of everybody",
    }
    objectives = [one.objective for one in events(story, "crew.proposed")]
    assert objectives == ["Keep it from spreading.", "Bring it back.", "Find out why."]


def test_the_commander_hears_whom_to_assign() -> None:
    assert told(formed(), "ada")[-1] == "INC-1: crews are proposed"


def test_at_most_as_many_as_the_size() -> None:
    story = formed(replace(SCOUTS, size=3), replace(HEALERS, size=1))
    assert [len(found) for found in crews(story).values()] == [3, 1]


def test_whoever_knows_more_of_it_comes_first() -> None:
    rule = CrewRule("m", "M", "", domains=("money", "payments-ground"), size=1)
    assert crews(formed(rule)) == {"m": ("agent:healer-2",)}


def test_whoever_holds_no_role_comes_before_whoever_does_and_people_before_agents() -> None:
    story = formed(replace(SCOUTS, size=8))
    assert crews(story)["scouts"] == (
        "person:eve", "person:zoe", "agent:keeper-1", "agent:healer-1", "agent:healer-2", "agent:idler-1",
        "person:ada", "person:ben",
    )  # fmt: skip


def test_nobody_is_in_two_crews_while_that_can_be_avoided() -> None:
    """Given a crew that could take anybody and one that only one agent fits, in this order, then that
    one is left for the second."""
    keen = CrewRule("keen", "Keen", "", teams=("security", "shop"), size=3)
    narrow = CrewRule("narrow", "Narrow", "", teams=("security",), size=3)
    assert crews(formed(keen, narrow)) == {
        "keen": ("agent:healer-1", "agent:healer-2"), "narrow": ("agent:keeper-1",),
    }  # fmt: skip


def test_whoever_came_first_moves_on_for_a_crew_that_has_no_choice() -> None:
    one = CrewRule("one", "One", "", domains=("money",), teams=("shop",), size=1)
    two = CrewRule("two", "Two", "", domains=("money",), size=1)
    assert crews(formed(one, two)) == {"one": ("agent:healer-1",), "two": ("agent:healer-2",)}


def test_rather_somebody_in_two_crews_than_a_crew_of_nobody() -> None:
    first = CrewRule("first", "First", "", teams=("security",), size=1)
    second = CrewRule("second", "Second", "", teams=("security",), size=1)
    assert crews(formed(first, second)) == {
        "first": ("agent:keeper-1",), "second": ("agent:keeper-1",),
    }  # fmt: skip


def test_a_crew_nobody_fits_is_proposed_as_empty_and_said_so() -> None:
    story = formed(CrewRule("divers", "Divers", "", domains=("sea",)))
    event = events(story, "crew.proposed")[0]
    assert (event.members, event.because) == ((), "nobody available of domain sea")


def test_who_is_away_unavailable_or_contradicted_is_not_proposed() -> None:
    base = plan(SCOUTS)
    people = tuple(replace(one, away=one.id != "eve") for one in base.roster.people)
    story = emergency(plan(replace(SCOUTS, size=9), people=people))
    answer(story, "keeper-1", "healer-1")
    answer(story, "idler-1", available=False)
    answer(story, "healer-2").settle()
    found = candidates(story.world, story.policy, story.world.incidents["INC-1"])
    assert [str(one.who) for one in found] == [
        "person:eve", "agent:keeper-1", "agent:healer-1", "agent:healer-2",
    ]  # fmt: skip


def test_the_same_roll_call_proposes_the_same_crews() -> None:
    assert crews(formed()) == crews(formed())


# --- assigning -----------------------------------------------------------------------------------


def test_taking_the_proposal_over() -> None:
    story = formed().when(AssignCrew("INC-1", "healers"), ADA)
    crew = story.world.incidents["INC-1"].crews["healers"]
    assert crew.members == crew.proposed == ("agent:healer-1", "agent:healer-2")
    assert crew.objective == "Bring it back."
    assert story.result["members"] == ["agent:healer-1", "agent:healer-2"]


def test_a_crew_is_changed_as_often_as_is_wanted_and_its_members_are_told() -> None:
    story = formed().when(AssignCrew("INC-1", "scouts", ("person:ben", "zoe", "healer-1")), ADA)
    crew = story.world.incidents["INC-1"].crews["scouts"]
    assert crew.members == ("person:ben", "person:zoe", "agent:healer-1")
    assert told(story, "ben")[-1] == "INC-1: you are in Scouts"
    story.when(AssignCrew("INC-1", "scouts", ("ben",), "Look at the logs."), ADA)
    crew = story.world.incidents["INC-1"].crews["scouts"]
    assert (crew.members, crew.objective) == (("person:ben",), "Look at the logs.")
    assert told(story, "zoe")[-1] == "INC-1: you are not in Scouts any more"
    assert told(story, "ben").count("INC-1: you are in Scouts") == 2
    story.when(AssignCrew("INC-1", "scouts", ("ben", "zoe")), ADA)
    assert story.world.incidents["INC-1"].crews["scouts"].objective == "Look at the logs."
    assert told(story, "ben").count("INC-1: you are in Scouts") == 2


def test_a_crew_may_be_assigned_before_anything_is_proposed() -> None:
    """And is then not proposed any more; its members are left where they are."""
    story = emergency().when(AssignCrew("INC-1", "scouts", ("zoe",)), ADA)
    answer(story, *AGENTS).settle()
    assert [one.crew for one in events(story, "crew.proposed")] == ["shields", "healers"]
    assert crews(story)["shields"] == ("agent:keeper-1",)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (AssignCrew("INC-1", "healerz"), "unknown-crew"),
        (AssignCrew("INC-1", "healers"), "nobody-proposed"),
        (AssignCrew("INC-1", "healers", ("healer-9",)), "unknown-member"),
        (AssignCrew("INC-1", "healers", ("person:healer-1",)), "unknown-member"),
        (AssignCrew("INC-1", "healers", ("zoe",), "x" * 501), "too-long"),
        (AssignCrew("INC-7", "healers"), "unknown-incident"),
    ],
)
def test_what_is_wrong_with_an_assignment_is_said(command: AssignCrew, code: str) -> None:
    assert codes(emergency().when(command, ADA)) == [code]


def test_an_unknown_member_is_answered_with_the_nearest_name() -> None:
    story = emergency().when(AssignCrew("INC-1", "healers", ("agent:heeler-1",)), ADA)
    assert story.refused is not None
    assert story.refused.reasons[0].hint == "did you mean agent:healer-1?"


def test_the_same_again_is_refused_and_so_is_whoever_may_not() -> None:
    story = formed().when(AssignCrew("INC-1", "healers"), ADA)
    assert codes(story.when(AssignCrew("INC-1", "healers"), ADA)) == ["already-assigned"]
    assert codes(story.when(AssignCrew("INC-1", "scouts"), BEN)) == ["no-authority"]


def test_an_id_that_is_a_persons_and_an_agents_must_be_told_apart() -> None:
    found = plan()
    double = AgentEntry("zoe", "Robot Zoe", "shop", "script", {})
    roster = replace(found.roster, agents=(*found.roster.agents, double))
    story = emergency(replace(found, roster=roster))
    assert codes(story.when(AssignCrew("INC-1", "scouts", ("zoe",)), ADA)) == ["ambiguous"]
    assert story.when(AssignCrew("INC-1", "scouts", ("agent:zoe",)), ADA).refused is None


def test_an_agent_that_registered_itself_belongs_to_the_ground_of_its_team() -> None:
    found = plan(HEALERS)
    bare = replace(found, roster=replace(found.roster, agents=()))
    story = Story(found).register()
    story.policy = bare
    story.when(
        DeclareIncident("down", ("payments",), impact=Impact(core_functions_down=("b",))), MONITOR
    )
    answer(story, *AGENTS).answer(done("seen"), only="confirm")
    assert crews_due(story.world, bare, story.world.incidents["INC-1"])
    assert crews(story.settle()) == {"healers": ("agent:healer-1", "agent:healer-2")}

"""Hours on duty, and the relief that is asked for (SC-12)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.duty import hours
from allstop.domain.incident.commands import AssignRole, DeclareIncident
from allstop.domain.incident.course_commands import AskRelief, TriageIncident
from allstop.domain.policy import Grant, Person, Relief
from allstop.domain.principal import TIMEKEEPER
from tests.domain.builders import ADA, EVE, MINUTE, Story, policy

HOUR = 60 * MINUTE
RULES = Relief(4 * HOUR, HOUR, 8 * HOUR)


def story(rules: Relief = RULES, team: tuple[str, ...] = ()) -> Story:
    """An incident that ada has declared. team: further people who may command it."""
    base = policy()
    more = tuple(Person(one, one, one, ("commander",), (), ("chat",), owner=False) for one in team)
    base = replace(base, roster=replace(base.roster, people=(*base.roster.people, *more)))
    authority = (*base.protocol.authority, Grant("triage", ("role:commander",)))
    protocol = replace(base.protocol, relief=rules, authority=authority)
    return Story(replace(base, protocol=protocol)).when(
        DeclareIncident("down", severity="SEV1"), ADA
    )


def let_pass(found: Story, *, minutes: int = 0) -> Story:
    return found.wait(minutes * MINUTE)


def asked(found: Story) -> list[Any]:
    return [record.event for record in found.records if record.kind == "relief.asked"]


def spent(found: Story, person: str, rules: Relief = RULES) -> tuple[int, int]:
    """Minutes on duty: all of them, and those since a rest."""
    told = hours(found.world.incidents["INC-1"].duty[person], rules, found.now.utc)
    return told.of_ms // MINUTE, told.since_rest_ms // MINUTE


def give(found: Story, role: str, person: str) -> Story:
    return found.when(AssignRole("INC-1", role, person), EVE)


def test_whoever_holds_a_role_is_on_duty_from_that_moment() -> None:
    found = story()
    held = set(found.world.incidents["INC-1"].roles.values())
    assert held, "roles are filled when it is declared"
    let_pass(found, minutes=90)
    assert {spent(found, one)[0] for one in held} == {90}
    assert set(found.world.incidents["INC-1"].duty) == held


def test_relief_is_asked_for_after_the_time_of_the_protocol_and_again_while_nobody_comes() -> None:
    found = let_pass(story(), minutes=239)
    assert asked(found) == []
    let_pass(found, minutes=2)
    first = asked(found)
    commander = found.world.incidents["INC-1"].roles["commander"]
    (event,) = [one for one in first if one.person == commander]
    assert "commander" in event.roles
    assert event.on_duty_ms == 4 * HOUR
    assert event.fresh["commander"] != commander
    let_pass(found, minutes=57)
    assert len(asked(found)) == len(first)
    let_pass(found, minutes=2)
    assert len(asked(found)) == 2 * len(first)


def test_once_is_enough_where_the_protocol_says_nothing_of_again() -> None:
    found = let_pass(story(Relief(4 * HOUR)), minutes=241)
    first = len(asked(found))
    assert first
    let_pass(found, minutes=600)
    assert len(asked(found)) == first


def test_without_a_time_nobody_is_asked() -> None:
    assert asked(let_pass(story(Relief()), minutes=24 * 60)) == []


def test_who_hands_over_is_off_duty_and_their_hours_stay() -> None:
    found = story()
    before = found.world.incidents["INC-1"].roles["commander"]
    other = next(one for one in ("ada", "ben", "eve") if one != before)
    let_pass(found, minutes=60)
    mine = [role for role, who in found.world.incidents["INC-1"].roles.items() if who == before]
    for role in mine:
        give(found, role, other)
    let_pass(found, minutes=60)
    assert spent(found, before) == (60, 60)
    assert not found.world.incidents["INC-1"].duty[before].is_on


@pytest.mark.parametrize(("away", "counted"), [(7 * 60, 120), (8 * 60, 60)])
def test_only_a_rest_that_is_long_enough_lets_the_hours_begin_anew(away: int, counted: int) -> None:
    found = story()
    before = found.world.incidents["INC-1"].roles["commander"]
    other = next(one for one in ("ada", "ben", "eve") if one != before)
    let_pass(found, minutes=60)
    mine = [role for role, who in found.world.incidents["INC-1"].roles.items() if who == before]
    for role in mine:
        give(found, role, other)
    let_pass(found, minutes=away)
    give(found, "commander", before)
    let_pass(found, minutes=60)
    assert spent(found, before) == (120, counted)


def test_a_rest_that_is_long_enough_counts_while_it_lasts() -> None:
    found = story()
    before = found.world.incidents["INC-1"].roles["commander"]
    other = next(one for one in ("ada", "ben", "eve") if one != before)
    let_pass(found, minutes=60)
    for role in [
        role for role, who in found.world.incidents["INC-1"].roles.items() if who == before
    ]:
        give(found, role, other)
    let_pass(found, minutes=8 * 60 - 1)
    assert spent(found, before) == (60, 60)
    let_pass(found, minutes=1)
    assert spent(found, before) == (60, 0)


def test_whoever_has_served_least_is_named_and_not_whoever_has_just_been_relieved() -> None:
    """Given two people who could take over, when the first on the roster has served until an hour ago and the
    other never, then the other is named."""
    found = story(team=("cy", "dan"))
    let_pass(found, minutes=180)
    give(found, "commander", "cy")
    let_pass(found, minutes=180)
    give(found, "commander", "ada")
    let_pass(found, minutes=61)
    (event,) = [one for one in asked(found) if one.person == "ada" and "commander" in one.roles]
    assert event.fresh["commander"] == "dan"


def test_a_second_role_is_no_second_duty() -> None:
    found = story()
    commander = found.world.incidents["INC-1"].roles["commander"]
    let_pass(found, minutes=30)
    give(found, "operations", commander)
    let_pass(found, minutes=30)
    assert spent(found, commander) == (60, 60)
    assert len(found.world.incidents["INC-1"].duty[commander].stints) == 1


def test_the_end_of_the_response_ends_all_duty() -> None:
    found = let_pass(story(), minutes=30)
    found.when(TriageIncident("INC-1", False, "a false alarm"), ADA)
    assert found.refused is None
    let_pass(found, minutes=600)
    duty = found.world.incidents["INC-1"].duty
    assert duty
    assert not any(one.is_on for one in duty.values())
    assert {spent(found, one)[0] for one in duty} == {30}
    assert asked(found) == []


def test_it_is_asked_for_when_it_is_due_and_not_before_whoever_says_so() -> None:
    found = story()
    commander = found.world.incidents["INC-1"].roles["commander"]
    found.when(AskRelief("INC-1", commander), TIMEKEEPER)
    assert asked(found) == []
    found.when(AskRelief("INC-1", "nobody"), TIMEKEEPER)
    assert asked(found) == []
    found.when(AskRelief("INC-1", commander), ADA)
    assert found.refused is not None

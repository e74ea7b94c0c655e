"""What lifting a halt takes: enough different people, enough different keys, and no way around either."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.effects import Purpose
from allstop.domain.halt.commands import OrderHalt, ReleaseHalt
from allstop.domain.incident.commands import DeclareIncident, Override, SetSeverity
from allstop.domain.incident.course_commands import MergeIncident, TriageIncident
from allstop.domain.policy import Grant, ReleaseRule
from allstop.domain.standing_orders import what_stands
from allstop.domain.world import World
from tests.domain.builders import ADA, BEN, EVE, Story, outage, policy
from tests.domain.halt.keys import ADA_KEY, EVE_KEY, statement
from tests.domain.test_kinship import whole


def codes(story: Story) -> list[str]:
    return [one.code for one in story.refused.reasons] if story.refused else []


def guarded(*rules: ReleaseRule) -> Story:
    """A SEV1 with its all-stop; Ada and Eve may release, by severity as the rules say."""
    rules_of = policy()
    stop = replace(rules_of.protocol.all_stop, release=rules)
    return outage(replace(rules_of, protocol=replace(rules_of.protocol, all_stop=stop)))


def stands(story: Story, halt: str = "HALT-1") -> bool:
    return story.world.halts[halt].stands


TWO = ReleaseRule("SEV1", persons=2)
KEYED = ReleaseRule("SEV1", persons=1, keys=2)


def test_where_the_protocol_asks_for_nothing_one_person_is_enough() -> None:
    story = guarded(ReleaseRule("SEV2", 2, 2)).when(ReleaseHalt("HALT-1", "it is over"), EVE)
    assert not stands(story)
    assert "release.asked" not in story.kinds()


def test_two_different_people_lift_a_halt_that_takes_two() -> None:
    story = guarded(TWO).when(ReleaseHalt("HALT-1", "the cause is gone"), EVE)
    assert story.result == {"halt": "HALT-1", "waits_for": "one more person"}
    assert stands(story)
    assert not [one for one in story.effects if one.purpose is Purpose.RESUME]
    story.world = with_commander(story)
    story.when(ReleaseHalt("HALT-1", "I saw it too"), ADA)
    assert story.refused is None
    assert not stands(story)
    assert story.world.halts["HALT-1"].asked_by == ("person:eve", "person:ada")


def with_commander(story: Story) -> World:
    """Ada commands, so that she may release."""
    incident = story.world.incidents["INC-1"]
    roles = {**incident.roles, "commander": "ada"}
    return replace(story.world, incidents={"INC-1": replace(incident, roles=roles)})


def test_the_same_person_twice_is_one_person() -> None:
    story = guarded(TWO).when(ReleaseHalt("HALT-1", "it is over"), EVE)
    assert codes(story.when(ReleaseHalt("HALT-1", "really"), EVE)) == ["asked-already"]
    assert stands(story)


def test_whoever_may_not_release_does_not_count() -> None:
    story = guarded(TWO).when(ReleaseHalt("HALT-1", "it is over"), EVE)
    assert codes(story.when(ReleaseHalt("HALT-1", "me too"), BEN)) == ["no-authority"]
    assert stands(story)


def test_keys_are_counted_by_name_and_statements_are_kept() -> None:
    story = guarded(KEYED)
    first, second = statement("HALT-1", ADA_KEY), statement("HALT-1", EVE_KEY)
    story.when(ReleaseHalt("HALT-1", "over", (first,), ("ada",)), EVE)
    assert story.result["waits_for"] == "release keys (1 of 2 have signed)"
    assert codes(story.when(ReleaseHalt("HALT-1", "over", (first,), ("ada",)), EVE)) == [
        "asked-already"
    ]
    story.when(ReleaseHalt("HALT-1", "over", (second,), ("ada", "eve")), EVE)
    assert not stands(story)
    (ended,) = what_stands(story.world, story.book).released
    assert ended.statements == (first, second)


def test_a_key_whose_statement_has_run_out_counts_no_more() -> None:
    """Given one signature of yesterday, when another one comes today, then only today's is counted."""
    story = guarded(KEYED)
    story.when(ReleaseHalt("HALT-1", "over", (statement("HALT-1", ADA_KEY),), ("ada",)), EVE)
    story.when(ReleaseHalt("HALT-1", "over", (statement("HALT-1", EVE_KEY),), ("eve",)), EVE)
    assert stands(story)
    assert story.result["waits_for"] == "release keys (1 of 2 have signed)"


def test_a_severity_that_is_lowered_makes_no_release_easier() -> None:
    story = guarded(TWO).when(SetSeverity("INC-1", "SEV3", "it is small"), EVE)
    assert story.refused is None
    story.when(ReleaseHalt("HALT-1", "it is over"), EVE)
    assert stands(story)


def test_a_severity_that_is_raised_asks_for_more() -> None:
    story = guarded(ReleaseRule("SEV2"), TWO)
    story.when(SetSeverity("INC-1", "SEV2", "small"), EVE)
    story.when(OrderHalt("agent:builder-1", "look", "INC-1"), EVE)
    assert story.world.halts["HALT-2"].persons == 1
    story.when(SetSeverity("INC-1", "SEV1", "not small"), EVE)
    story.when(ReleaseHalt("HALT-2", "it is over"), EVE)
    assert stands(story, "HALT-2")


def test_a_halt_of_no_incident_has_a_rule_of_its_own() -> None:
    story = guarded(ReleaseRule("", persons=2)).when(OrderHalt("all", "by hand"), ADA)
    story.when(ReleaseHalt("HALT-2", "it is over"), EVE)
    assert stands(story, "HALT-2")


# --- ways around -------------------------------------------------------------------------------


def test_a_false_alarm_ends_no_guarded_halt_by_the_way() -> None:
    rules = guarded(TWO).policy
    authority = (*rules.protocol.authority, Grant("triage", ("owner",)))
    story = guarded(TWO)
    story.policy = replace(rules, protocol=replace(rules.protocol, authority=authority))
    story.when(TriageIncident("INC-1", real=False, text="a test"), EVE)
    assert codes(story) == ["release-first"]
    assert stands(story)


def test_a_merge_ends_no_guarded_halt_by_the_way() -> None:
    rules = whole()
    stop = replace(rules.protocol.all_stop, release=(ReleaseRule("SEV1", 1, 1),))
    story = Story(replace(rules, protocol=replace(rules.protocol, all_stop=stop))).register()
    for title in ("one", "two"):
        story.when(_declared(title), ADA)
    story.when(MergeIncident("INC-1", "INC-2", "the same"), ADA)
    assert codes(story) == ["release-first"]


def _declared(title: str) -> DeclareIncident:
    return DeclareIncident(title, ("payments",), severity="SEV1")


def test_the_owners_override_lifts_it_and_is_called_an_override() -> None:
    story = guarded(TWO).when(Override("INC-1", "halt:HALT-1", "I answer for it"), EVE)
    assert story.refused is None
    assert not stands(story)
    assert "override.recorded" in story.kinds()


@pytest.mark.parametrize("rule", [TWO, KEYED])
def test_hosts_are_told_what_a_release_takes(rule: ReleaseRule) -> None:
    story = guarded(rule)
    (halt,) = what_stands(story.world, story.book).halts
    assert halt.keys == rule.keys

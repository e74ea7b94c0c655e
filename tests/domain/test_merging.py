"""Merging: only by people, and without a word about what is private."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.incident.commands import AssignRole, DeclareIncident
from allstop.domain.incident.course_commands import MergeIncident
from allstop.domain.kin import services_about
from allstop.domain.principal import TIMEKEEPER, Principal
from tests.domain.builders import ADA, BUILDER, Story
from tests.domain.promises import codes, events
from tests.domain.test_kinship import two, whole


def messages(story: Story, to: str) -> list[str]:
    asked = events(story, "notification.requested")
    return [f"{one.subject} {one.text}" for one in asked if one.to.startswith(to)]


@pytest.mark.parametrize("who", [BUILDER, TIMEKEEPER])
def test_only_a_person_ends_a_response_by_merging_it(who: Principal) -> None:
    """Given a protocol that lets agents link, then none of them can end an incident with it: standing down
    would take proofs, and a person."""
    story = two()
    authority = story.policy.protocol.authority
    wide = tuple(
        replace(one, to=("person", "agent")) if one.action == "link" else one for one in authority
    )
    story.policy = replace(story.policy, protocol=replace(story.policy.protocol, authority=wide))
    assert codes(story.when(MergeIncident("INC-2", "INC-1", "the same"), who)) == ["human-only"]
    assert story.world.incidents["INC-2"].is_open


def test_what_goes_on_in_a_private_incident_is_not_told_where() -> None:
    """Given an incident everybody knows of, when it goes on in a private one, then neither the audiences nor
    people who have no part in that one read its number, or the reason; the log has both."""
    story = Story(whole()).register()
    story.when(DeclareIncident("it is slow", ("gateway",), severity="SEV2"), ADA)
    story.when(DeclareIncident("they are in", ("payments",), severity="SEV2", private=True), ADA)
    story.when(AssignRole("INC-1", "communications", "ben"), ADA)
    story.when(AssignRole("INC-2", "communications", "ada"), ADA)
    before = len(events(story, "notification.requested"))
    story.when(MergeIncident("INC-1", "INC-2", "the breach slows it down"), ADA)
    assert story.refused is None
    told = events(story, "notification.requested")[before:]
    assert {one.to for one in told} >= {"audience:responders", "person:ada", "person:ben"}
    for one in told:
        text = f"{one.subject} {one.text}"
        knows = one.to == "person:ada"
        assert ("INC-2" in text) == knows, text
        assert ("breach" in text) == knows, text
    (merged,) = events(story, "incident.merged")
    assert (merged.into, merged.reason) == ("INC-2", "the breach slows it down")


def test_what_goes_on_in_a_public_one_is_told_with_its_number() -> None:
    story = two().when(MergeIncident("INC-2", "INC-1", "the same"), ADA)
    assert messages(story, "audience:")[-1] == "INC-2 goes on in INC-1 the same"


def test_what_a_merged_incident_was_about_is_what_the_other_one_is_about_now() -> None:
    """Given incidents that were merged one into the other and on into a third, then whoever asks what that one
    is about hears of the services of all of them."""
    story = two()
    story.when(DeclareIncident("all of it", severity="SEV2"), ADA)
    assert services_about(story.world, story.world.incidents["INC-1"]) == ("gateway",)
    story.when(MergeIncident("INC-2", "INC-1", "the same"), ADA)
    assert services_about(story.world, story.world.incidents["INC-1"]) == ("gateway", "payments")
    story.when(MergeIncident("INC-1", "INC-3", "the same"), ADA)
    assert story.refused is None
    assert services_about(story.world, story.world.incidents["INC-3"]) == ("gateway", "payments")

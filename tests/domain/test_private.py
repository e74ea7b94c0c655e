"""Private incidents: who may make one, and what reaches channels that others read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.policy import Channel, Policy
from allstop.domain.principal import Kind, Principal
from tests.domain.builders import ADA, BUILDER, Story, policy
from tests.domain.promises import codes, events

TITLE = "somebody reads our mail"


def reached(**channels: tuple[str, ...]) -> Policy:
    """People with these channels; the audience is told in `chat`."""
    plain = policy()
    people = tuple(
        replace(one, channels=channels.get(one.id, one.channels)) for one in plain.roster.people
    )
    names = {name for one in people for name in one.channels} | {"chat"}
    roster = replace(
        plain.roster,
        people=people,
        channels=tuple(Channel(one, "script", {}) for one in sorted(names)),
    )
    return replace(plain, roster=roster)


def declared(rules: Policy) -> Story:
    story = Story(rules).register()
    story.when(DeclareIncident(TITLE, ("payments",), severity="SEV2", private=True), ADA)
    assert story.refused is None, story.refused
    return story


def posted(story: Story, channel: str) -> list[tuple[str, str, str]]:
    asked = events(story, "notification.requested")
    return [(one.to, one.subject, one.text) for one in asked if one.channel == channel]


@pytest.mark.parametrize("who", [BUILDER, Principal("alertmanager", Kind.SOURCE)])
def test_only_a_person_declares_in_private(who: Principal) -> None:
    """Given an agent or an alert feed that may declare, then it cannot do so where nobody is told: what is
    private is kept from the audiences, and only people may decide that."""
    story = Story().register()
    assert codes(story.when(DeclareIncident(TITLE, private=True), who)) == ["human-only"]
    assert story.when(DeclareIncident(TITLE), who).refused is None


def test_a_channel_of_ones_own_gets_the_words() -> None:
    story = declared(reached(ada=("ada-phone",), ben=("ben-phone",)))
    (said,) = posted(story, "ada-phone")
    assert said == ("person:ada", "INC-1: you are incident commander", f"{TITLE}.")
    assert posted(story, "chat") == []


def test_a_channel_that_others_read_gets_no_word_of_it() -> None:
    """Given people who are reached where an audience is told as well, then what stands there is that something
    waits for them, and neither what it is nor their part in it."""
    story = declared(policy())
    assert [to for to, _, _ in posted(story, "chat")] == ["person:ada", "person:ben"]
    for _, subject, text in posted(story, "chat"):
        assert (subject, text) == ("INC-1 is private", "You have a part in it: allstop show INC-1")


def test_a_channel_that_two_people_share_is_read_by_both() -> None:
    story = declared(reached(ada=("desk",), ben=("desk", "ben-phone")))
    assert {subject for _, subject, _ in posted(story, "desk")} == {"INC-1 is private"}
    assert [subject for _, subject, _ in posted(story, "ben-phone")] == [
        "INC-1: you are communications lead"
    ]


def test_what_is_public_is_said_wherever_people_are_reached() -> None:
    story = Story().register().when(DeclareIncident(TITLE, ("payments",), severity="SEV2"), ADA)
    said = ("person:ada", "INC-1: you are incident commander", f"{TITLE}.")
    assert said in posted(story, "chat")

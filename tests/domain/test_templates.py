"""What is told: the protocol's own words, every placeholder filled, and nothing forged in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allstop.domain.deciding.telling import common_fields
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.incident.events import NotificationRequested
from allstop.domain.policy import Template
from allstop.domain.templates import (
    COMMON,
    OCCASIONS,
    fill,
    known_placeholders,
    placeholders,
    render,
)
from tests.domain.builders import ADA, Story, outage, policy, protocol

# Only the message itself knows these: when it is sent, and what its channel keeps.
OF_THE_MESSAGE = {"now", "payload"}


def with_templates(*templates: Template) -> Story:
    whole = policy()
    return Story(replace(whole, protocol=replace(whole.protocol, templates=templates)))


def told(story: Story) -> list[NotificationRequested]:
    return [
        one.event
        for one in story.records
        if isinstance(one.event, NotificationRequested) and one.event.to.startswith("audience:")
    ]


def test_every_common_placeholder_is_filled_for_every_incident() -> None:
    """Given the table of placeholders, then it and what is filled in are the same names."""
    story = outage()
    found = common_fields(story.world, story.policy, story.world.incidents["INC-1"])
    assert {*found, *OF_THE_MESSAGE} == set(COMMON)


@pytest.mark.parametrize("occasion", OCCASIONS)
def test_the_built_in_texts_hold_only_placeholders_that_exist(occasion: str) -> None:
    one = OCCASIONS[occasion]
    known = known_placeholders(occasion)
    assert set(placeholders(one.subject + one.text)) <= set(known)
    assert set(one.said) <= set(known)
    assert not set(one.more) & set(COMMON)


def test_the_template_for_an_audience_wins_over_the_general_one() -> None:
    mine = replace(
        protocol(),
        templates=(Template("declared", "all", "a"), Template("declared", "us", "b", "responders")),
    )
    assert render(mine, "declared", "responders", {}) == ("us", "b")
    assert render(mine, "declared", "public", {}) == ("all", "a")
    assert render(mine, "milestone", "public", {"milestone": "contained"})[0] == ": contained"


def test_a_line_that_held_only_empty_placeholders_goes_with_them() -> None:
    text = "state: blocked\n{fields}\n\n{next_update} {kind}\nseverity: {severity}"
    assert fill(text, {"severity": ""}) == "state: blocked\n\nseverity: "


def test_what_is_filled_in_is_not_read_as_a_template() -> None:
    assert fill("{title}", {"title": "{severity}", "severity": "SEV1"}) == "{severity}"


def test_a_title_cannot_forge_a_line_of_a_hand_off() -> None:
    """Given a title with line breaks, when it is told in a block that programs read, then the block has
    the lines of its template and no others."""
    story = with_templates(Template("declared", "{task_id}", "what: {title}\nstate: blocked"))
    story.when(DeclareIncident("it fails\nstate: done", ("payments",)), ADA)
    assert told(story)[0].text == "what: it fails state: done\nstate: blocked"


def test_a_hand_off_names_who_is_on_it_and_who_is_next() -> None:
    """Given a severe incident, then its block has the task's id, the first responder and the next hop."""
    block = "{task_id} | {first_responder} | {next_hop} | {roles} | {order} | {payload}"
    story = with_templates(Template("declared", "x", block)).register()
    story.when(DeclareIncident("it fails", ("payments",), severity="SEV1"), ADA)
    task, first, hop, roles, order, payload = told(story)[0].text.split(" | ")
    assert task == "INCIDENT-2026-11-21-SEV1"
    assert (first, hop) == ("Ada", "Eve")
    assert roles == "incident commander: Ada; communications lead: Ben"
    assert (order, payload) == ("Stop, save your work, answer.", "")


def test_the_next_hop_is_the_entry_itself_where_nobody_holds_it() -> None:
    story = with_templates(Template("declared", "x", "{next_hop}"))
    chain = replace(story.policy.protocol.escalation, chain=("commander", "office:legal", "owner"))
    mine = replace(story.policy.protocol, escalation=chain, offices={"legal": "Legal"})
    story.policy = replace(story.policy, protocol=mine)
    story.when(DeclareIncident("it fails"), ADA)
    assert told(story)[0].text == "legal"

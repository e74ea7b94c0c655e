"""Telling audiences: updates with what the protocol asks for, payloads, and nobody of what is private."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from allstop.domain.effects import Effect
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import (
    AddNote,
    DeclareIncident,
    MeasureImpact,
    PostUpdate,
    RecordStatement,
    SetSeverity,
)
from allstop.domain.incident.events import NotificationRequested, UpdatePosted
from allstop.domain.policy import (
    Audience,
    Channel,
    Closing,
    Condition,
    FormField,
    Policy,
    Span,
    Spans,
    Template,
    UpdateRules,
)
from tests.domain.builders import ADA, BEN, MINUTE, Story, outage, policy

FIELDS = (
    FormField("progress", "Progress"),
    FormField("expected", "Expected time", kind="time"),
    FormField("mood", "Mood", required=False, kind="choice", choices=("good", "bad")),
    FormField("blockers", "Blockers", required=False, kind="list"),
)
GIVEN = {"progress": "half of it", "expected": "2026-11-21T04:30Z"}


def changed(**more: object) -> Policy:
    whole = policy()
    return replace(whole, protocol=replace(whole.protocol, **more))  # type: ignore[arg-type]


def story(**more: object) -> Story:
    """A SEV2 under a changed protocol."""
    return Story(changed(**more)).when(DeclareIncident("it fails", severity="SEV2"), ADA)


def updating() -> Story:
    return story(updates=UpdateRules(2 * MINUTE, ("investigating", "fixing"), FIELDS))


def told(story: Story, audience: str = "responders") -> list[NotificationRequested]:
    return [
        one.event
        for one in story.records
        if isinstance(one.event, NotificationRequested) and one.event.to == f"audience:{audience}"
    ]


def posted(story: Story) -> UpdatePosted:
    event = next(one.event for one in reversed(story.records) if one.kind == "update.posted")
    assert isinstance(event, UpdatePosted)
    return event


def against(story: Story) -> list[tuple[str, str]]:
    assert story.refused is not None, "it was allowed"
    return [(one.code, one.hint) for one in story.refused.reasons]


def test_an_update_holds_what_the_protocol_asks_for_and_says_when_the_next_is_due() -> None:
    """PT-09, CH-11."""
    update = PostUpdate("INC-1", "fixing", "at it", {**GIVEN, "blockers": "no key\n\n no sleep"})
    one = updating().when(update)
    assert one.refused is None
    assert told(one)[-1].text.splitlines() == [
        "at it", "Progress: half of it", "Expected time: 2026-11-21 04:30 UTC", "Blockers:", "- no key",
        "- no sleep", "The next update is due in 15m, at 03:15 UTC.",
    ]  # fmt: skip
    assert posted(one).fields["expected"] == "2026-11-21T04:30:00Z"
    assert posted(one).expected_at == datetime(2026, 11, 21, 4, 30, tzinfo=UTC)


def test_a_template_that_forgets_the_next_update_says_it_all_the_same() -> None:
    one = story(templates=(Template("update", "s", "{text}"),))
    one.when(PostUpdate("INC-1", "fixing", "at it"))
    assert told(one)[-1].text == "at it\nThe next update is due in 15m, at 03:15 UTC."
    other = story(templates=(Template("update", "s", "{text} (then: {next_update})"),))
    other.when(PostUpdate("INC-1", "fixing", "at it"))
    assert told(other)[-1].text == "at it (then: 2026-11-21 03:15 UTC)"


def test_everything_that_is_wrong_with_an_update_is_said_at_once() -> None:
    one = updating()
    one.when(PostUpdate("INC-1", "fixin", "at it", {"progres": "half", "mood": "goo"}))
    assert against(one) == [
        ("unknown-field", "did you mean progress?"),
        ("missing-field", '--field progress="..."'),
        ("missing-field", '--field expected="..."'),
        ("bad-choice", "did you mean good?"),
        ("unknown-status", "did you mean fixing?"),
    ]
    one.when(PostUpdate("INC-1", "fixing", "at it", {"progress": "x" * 4001, "expected": "soon"}))
    assert [code for code, _ in against(one)] == ["too-long", "bad-time"]


def test_a_field_for_a_time_takes_any_zone_and_the_argument_of_the_command() -> None:
    one = updating()
    one.when(PostUpdate("INC-1", "fixing", "x", {**GIVEN, "expected": "2026-11-21T06:30+02:00"}))
    assert posted(one).fields["expected"] == "2026-11-21T04:30:00Z"
    at = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
    one.when(PostUpdate("INC-1", "fixing", "x", {"progress": "y"}, expected_at=at))
    assert (posted(one).fields["expected"], posted(one).expected_at) == ("2026-11-21T05:00:00Z", at)


def test_a_time_that_has_passed_starts_no_clock() -> None:
    """Given an expected time in the past, then it is on the record, and nothing is late for it."""
    one = updating().when(
        PostUpdate("INC-1", "fixing", "x", {**GIVEN, "expected": "2026-11-21T01:00Z"})
    )
    assert (posted(one).fields["expected"], posted(one).expected_at) == (
        "2026-11-21T01:00:00Z", None,
    )  # fmt: skip


def test_it_takes_longer_than_was_expected_and_people_hear_of_it() -> None:
    """PT-10."""
    one = updating().when(PostUpdate("INC-1", "fixing", "x", GIVEN)).wait(91 * MINUTE)
    late = [one.event for one in one.records if one.kind == "deadline.missed"]
    assert any(event.deadline.startswith("expected:") for event in late)


def test_of_a_private_incident_no_audience_is_ever_told() -> None:
    """Given a private incident, then people hear by name, and no audience of anything."""
    whole = changed(updates=UpdateRules(2 * MINUTE, ("fixing",)))
    one = Story(whole).when(DeclareIncident("a leak", severity="SEV1", private=True), ADA)
    one.when(PostUpdate("INC-1", "fixing", "x")).when(SetSeverity("INC-1", "SEV2", "smaller"))
    one.wait(60 * MINUTE)
    to = {one.event.to for one in one.records if one.kind == "notification.requested"}
    assert to == {"person:ada", "person:ben"}


def public(after: Spans, when: tuple[Condition, ...] = ()) -> Story:
    """A SEV2 whose public may be held back; SEV3 concerns nobody."""
    whole = policy()
    severities = tuple(
        replace(one, audiences=() if one.rank == 3 else ("responders", "public"))
        for one in whole.protocol.severities
    )
    audiences = (
        *whole.protocol.audiences,
        Audience("public", "The public", ("page",), when, after),
    )
    mine = replace(whole.protocol, severities=severities, audiences=audiences)
    return Story(replace(whole, protocol=mine)).when(DeclareIncident("slow", severity="SEV2"), ADA)


def test_who_has_heard_hears_how_it_ends_even_when_it_has_become_small() -> None:
    """Given a public that was told of a SEV2, when it is made a SEV3 that concerns nobody, then they
    hear that, and no more updates."""
    one = public(Spans())
    assert len(told(one, "public")) == 1
    one.when(SetSeverity("INC-1", "SEV3", "smaller than it looked"))
    assert told(one, "public")[-1].subject == "INC-1: severity SEV2 -> SEV3"
    one.when(PostUpdate("INC-1", "fixing", "x"))
    assert len(told(one, "public")) == 2


def test_an_audience_that_it_comes_to_concern_gets_a_notice_first() -> None:
    """Given a public that is told when customers are hit, when they are, then its first word is a notice
    and not an update that presumes the others."""
    hit = (Condition("users", "at_least", 1),)
    one = public(Spans(), hit).settle()
    one.when(PostUpdate("INC-1", "fixing", "x"))
    assert not told(one, "public")
    one.when(MeasureImpact("INC-1", Impact(users=3))).settle()
    assert [event.subject for event in told(one, "public")] == ["INC-1: slow"]
    one.when(PostUpdate("INC-1", "fixing", "x"))
    assert len(told(one, "public")) == 2


def test_two_audiences_on_one_channel_read_it_once() -> None:
    whole = policy()
    severities = tuple(
        replace(one, audiences=("responders", "board")) for one in whole.protocol.severities
    )
    audiences = (*whole.protocol.audiences, Audience("board", "Board", ("chat", "chat")))
    mine = replace(whole.protocol, severities=severities, audiences=audiences)
    one = Story(replace(whole, protocol=mine)).when(DeclareIncident("x", severity="SEV2"), ADA)
    one.settle().when(PostUpdate("INC-1", "fixing", "x"))
    assert not told(one, "board")
    assert "notice.issued" not in one.kinds()


def keeping(options: dict[str, object], after: Spans | None = None) -> Story:
    """A story whose chat keeps payloads where its options say so."""
    whole = policy()
    audiences = tuple(replace(one, after=after or Spans()) for one in whole.protocol.audiences)
    templates = (
        Template("declared", "s", "payload: {payload}"),
        Template("notice", "s", "{payload}"),
    )
    mine = replace(whole.protocol, audiences=audiences, templates=templates)
    roster = replace(whole.roster, channels=(Channel("chat", "script", options),))
    one = Story(replace(whole, protocol=mine, roster=roster)).register()
    return one.when(DeclareIncident("ünder", ("payments",), severity="SEV1"), ADA)


def attached(story: Story) -> list[Effect]:
    return [one for one in story.effects if "attachment" in one.options]


def test_the_incident_goes_along_where_the_channel_keeps_it() -> None:
    """OR-07: the message names the file, and the file holds the incident."""
    one = keeping({"path": "{incident}.md", "payloads": "out/{incident}/"})
    assert told(one)[0].text == "payload: out/inc-1/INC-1.json"
    (effect,) = attached(one)
    assert effect.options["attachment_name"] == "INC-1.json"
    assert effect.options["payloads"] == "out/inc-1/"
    body = json.loads(effect.options["attachment"])
    assert body["incident"] == "INC-1"
    assert body["task_id"] == "INCIDENT-2026-11-21-SEV1"
    assert (body["title"], body["severity"], body["status"]) == ("ünder", "SEV1", "investigating")
    assert (body["services"], body["next_hop"]) == (["payments"], "Eve")
    again = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert again == effect.options["attachment"]


def test_other_channels_and_other_messages_carry_nothing() -> None:
    plain = keeping({"path": "chat.md"})
    assert told(plain)[0].text == "payload: "
    assert not attached(plain)
    one = keeping({"payload": True}).when(PostUpdate("INC-1", "fixing", "x"))
    assert told(one)[0].text == "payload: INC-1.json"
    assert len(attached(one)) == 1
    assert all(effect.options["to"].startswith("audience:") for effect in attached(one))


def test_a_notice_brings_the_payload_as_the_declaration_would_have() -> None:
    one = keeping({"folder": "f"}, after=Spans(Span(MINUTE)))
    assert not attached(one)
    one.wait(MINUTE)
    assert [effect.options["text"] for effect in attached(one)] == ["f/INC-1.json"]


def test_a_statement_that_only_closing_asks_for_can_be_made_after_standing_down() -> None:
    """Given what the aftermath waits for, then it can be stated when the response has ended; what only a
    gate waited for cannot."""
    one = outage()
    mine = replace(one.policy.protocol, closing=Closing({"SEV1": ("statement:prevention",)}))
    one.policy = replace(one.policy, protocol=mine)
    ended = replace(one.world.incidents["INC-1"], state="stood-down")
    one.world = replace(one.world, incidents={"INC-1": ended})
    assert one.when(RecordStatement("INC-1", "prevention", "a second pair of eyes")).refused is None
    one.when(RecordStatement("INC-1", "resolved", "x"))
    assert against(one)[0][0] == "stood-down"
    assert one.when(AddNote("INC-1", "x"), BEN).refused is None

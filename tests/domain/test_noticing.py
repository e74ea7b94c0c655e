"""Audiences that hear later than the others: their first notice, once, and only if it lasts."""

from __future__ import annotations

from dataclasses import replace

from allstop.domain.due import due
from allstop.domain.incident.commands import (
    Approve,
    DeclareIncident,
    PostUpdate,
    RecordStatement,
    SetSeverity,
    StandDown,
)
from allstop.domain.incident.course_commands import IssueNotice, SetPrivacy
from allstop.domain.policy import Audience, Clock, Grant, Policy, Span, Spans
from allstop.domain.principal import TIMEKEEPER
from tests.domain.builders import ADA, EVE, MINUTE, Story, policy
from tests.domain.test_standing_down import repaired, resolved, tick


def held_back(whole: Policy, after: Spans) -> Policy:
    """CH-11: the public hears at once at SEV1, and of milder ones only if they last."""
    severities = tuple(
        replace(one, audiences=("responders", "public")) for one in whole.protocol.severities
    )
    audiences = (
        *whole.protocol.audiences,
        Audience("public", "The public", ("page",), after=after),
    )
    grants = (*whole.protocol.authority, Grant("privacy", ("owner",)))
    mine = replace(
        whole.protocol, severities=severities, audiences=audiences, authority=grants,
    )  # fmt: skip
    return replace(whole, protocol=mine)


def story(severity: str = "SEV2", after: Spans | None = None, *, private: bool = False) -> Story:
    by = {"SEV2": Span(30 * MINUTE), "SEV3": Span(60 * MINUTE)}
    mine = held_back(policy(), after or Spans(by=by))
    return Story(mine).when(DeclareIncident("slow", severity=severity, private=private), ADA)


def told(story: Story) -> list[str]:
    events = [one.event for one in story.records if one.kind == "notification.requested"]
    return [event.subject for event in events if event.to == "audience:public"]


def noticed(story: Story) -> int:
    return story.kinds().count("notice.issued")


def test_a_severity_that_holds_nobody_back_is_told_at_once() -> None:
    one = story("SEV1")
    assert told(one) == ["INC-1 declared: slow"]
    assert noticed(one.wait(120 * MINUTE)) == 0


def test_the_notice_comes_at_its_time_and_once_and_updates_follow() -> None:
    one = story().wait(30 * MINUTE - 1).when(PostUpdate("INC-1", "fixing", "x"))
    assert told(one) == []
    one.wait(1).wait(60 * MINUTE)
    assert told(one) == ["INC-1: slow"]
    assert noticed(one) == 1
    one.when(PostUpdate("INC-1", "fixing", "x"))
    assert told(one)[-1] == "INC-1 update 2: fixing"


def test_a_raised_severity_makes_it_due_at_once() -> None:
    """Given a public that is held back for half an hour, when it turns out to be as bad as can be, then
    their first word is a notice, now."""
    one = story().wait(MINUTE).when(SetSeverity("INC-1", "SEV1", "it grew")).settle()
    assert told(one) == ["INC-1: slow"]


def test_a_lowered_severity_holds_back_longer() -> None:
    one = story().wait(MINUTE).when(SetSeverity("INC-1", "SEV3", "smaller")).wait(58 * MINUTE)
    assert told(one) == []
    assert told(one.wait(MINUTE)) == ["INC-1: slow"]


def test_it_counts_in_business_time_where_the_protocol_says_so() -> None:
    """Given a Saturday night, when half an hour of business time must pass, then it is Monday."""
    one = story(after=Spans(Span(30 * MINUTE, Clock.BUSINESS_HOURS))).wait(48 * 60 * MINUTE)
    assert told(one) == []
    assert told(one.wait(8 * 60 * MINUTE)) == ["INC-1: slow"]


def test_who_was_never_told_is_not_told_how_it_ended() -> None:
    """Given an incident that is over before the public is due, then they hear nothing at all."""
    one = closed_under(Spans(Span(24 * 60 * MINUTE)))
    one.wait(48 * 60 * MINUTE)
    assert told(one) == []
    assert noticed(one) == 0


def test_what_is_resolved_before_its_time_did_not_last() -> None:
    one = resolved()
    one.policy = held_back(one.policy, Spans(Span(20 * MINUTE)))
    one.wait(60 * MINUTE)
    assert "resolved" in one.world.incidents["INC-1"].milestones
    assert noticed(one) == 0


def test_who_had_a_notice_hears_how_it_ended() -> None:
    one = closed_under(Spans(Span(MINUTE)))
    assert told(one)[0] == "INC-1: buying fails"
    assert told(one)[-1] == "INC-1 stood down"


def closed_under(after: Spans) -> Story:
    """A whole emergency, of whose protocol the public is a part since its first minute."""
    one = repaired()
    one.policy = held_back(one.policy, after)
    tick(one, 16 * 60)
    for subject in ("resolved", "root-cause"):
        one.when(RecordStatement("INC-1", subject, "a bad deployment"))
    one.when(Approve("INC-1", "stand-down")).when(StandDown("INC-1", "it works again."))
    assert one.refused is None
    return one


def test_a_private_incident_notices_nobody_until_it_is_made_public() -> None:
    """Given a private incident, then nothing is due; when it is made public, whoever it concerns hears
    of it for the first time."""
    one = story(private=True).wait(90 * MINUTE)
    assert told(one) == []
    one.when(SetPrivacy("INC-1", private=False, reason="it is known by now"), EVE).settle()
    assert told(one) == ["INC-1: slow"]
    responders = [
        event.event.subject for event in one.records
        if event.kind == "notification.requested" and event.event.to == "audience:responders"
    ]  # fmt: skip
    assert responders == ["INC-1: slow"]


def test_a_notice_that_is_not_due_or_was_issued_writes_nothing() -> None:
    one = story().when(IssueNotice("INC-1", "public"), TIMEKEEPER)
    assert one.refused is None
    assert noticed(one) == 0
    one.wait(30 * MINUTE).when(IssueNotice("INC-1", "public"), TIMEKEEPER)
    assert noticed(one) == 1
    assert one.when(IssueNotice("INC-1", "public"), ADA).refused is not None


def test_it_is_due_and_then_at_rest() -> None:
    one = story().settle()
    found = due(one.world, one.book, one.now)
    assert not found.commands
    assert found.next_at is not None

"""Opened again: what was said, measured and promised in the first response is none of the second one's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.decide import Decided, decide
from allstop.domain.effects import Purpose, done
from allstop.domain.incident.commands import (
    DeclareIncident,
    PostUpdate,
    RecordStatement,
    StandDown,
)
from allstop.domain.incident.course_commands import (
    BeginPreflight,
    ReopenIncident,
    TriageIncident,
)
from allstop.domain.incident.state import Incident
from allstop.domain.incident.work_commands import EndChange, ProposeChange
from allstop.domain.policy import (
    ApprovalRow,
    Approvals,
    Criterion,
    CriterionKind,
    DeadlineRule,
    Grant,
    Phase,
    Policy,
    PolicyBook,
    Preflight,
    Span,
    Spans,
)
from allstop.domain.principal import MONITOR
from tests.domain.builders import severity as severity_rule
from tests.domain.promises import (
    ADA,
    HOUR,
    MINUTE,
    Story,
    codes,
    declared,
    events,
    jumped,
    missed,
    quick,
)

LOOKED = TriageIncident("INC-1", real=True, text="the graphs agree")


def rules(**more: Any) -> Policy:
    """A protocol that can be ended in one step, with people who may do all of this."""
    plain = quick(**more)
    people = ("reopen", "triage", "preflight", "change", "form")
    grants = tuple(Grant(one, ("person",)) for one in people)
    authority = (*plain.protocol.authority, *grants)
    return replace(plain, protocol=replace(plain.protocol, authority=authority))


def again(story: Story, reason: str = "it is back") -> Story:
    story.when(ReopenIncident("INC-1", reason), ADA)
    assert story.refused is None, story.refused
    return story.settle()


def down(story: Story) -> Story:
    story.when(StandDown("INC-1", "it works again"), ADA)
    assert story.refused is None, story.refused
    return story.settle()


def incident(story: Story) -> Incident:
    return story.world.incidents["INC-1"]


def within(span: int, *until: str) -> tuple[DeadlineRule, ...]:
    return (DeadlineRule("look", "somebody looks", Spans(Span(span)), until),)


# --- what has to be done again -------------------------------------------------------------------


def test_a_triage_of_the_first_time_says_nothing_about_the_second() -> None:
    """Given an incident that was triaged and has come back, when nobody looks at it again, then the
    deadline for that is missed; and looking again is no second triage of the same response."""
    story = declared(rules(deadlines=within(10 * MINUTE, "triaged"))).when(LOOKED)
    again(down(story.wait(MINUTE)).wait(HOUR)).wait(11 * MINUTE)
    assert "rule:look@2" in missed(story)
    assert incident(story).triaged_at is None
    assert story.when(LOOKED).refused is None
    assert incident(story).triaged_at == story.now.utc
    assert codes(story.when(LOOKED)) == ["already-triaged"]


def test_a_triage_counts_for_its_response_whatever_the_clock_on_the_wall_says() -> None:
    """Given a clock that is set back while an incident is closed, when it comes back before the instant of
    its first triage, then it can be triaged all the same."""
    story = declared(rules()).wait(HOUR).when(LOOKED)
    again(jumped(down(story), -2 * HOUR))
    assert story.when(LOOKED).refused is None


def test_an_update_of_the_first_time_is_none_of_the_second() -> None:
    story = declared(rules(deadlines=within(10 * MINUTE, "updated")))
    story.when(PostUpdate("INC-1", "investigating", "we look"))
    again(down(story.wait(MINUTE)).wait(HOUR)).wait(9 * MINUTE)
    assert "rule:look@2" not in missed(story)
    assert "rule:look@2" in missed(story.wait(2 * MINUTE))
    again(down(story))
    story.when(PostUpdate("INC-1", "investigating", "we look again")).wait(11 * MINUTE)
    assert "rule:look@3" not in missed(story)


# --- preflight -----------------------------------------------------------------------------------


def checked() -> Policy:
    return rules(preflight=Preflight(("documents",), required=True))


def test_checks_are_numbered_on() -> None:
    """Given a preflight before an incident was opened again, then the next one is the second."""
    story = declared(checked()).when(BeginPreflight("INC-1"))
    story.answer(done("looked", {"documents": "ok: all load"}), only="preflight")
    again(down(story)).when(BeginPreflight("INC-1"))
    assert story.result == {"preflight": 2}
    assert [one.number for one in events(story, "preflight.begun")] == [1, 2]


def test_what_the_checks_of_the_first_time_find_late_is_no_result_of_the_second() -> None:
    """Given checks under way when an incident ends, when they end while those of the next response run,
    then they say nothing about it."""
    story = declared(checked()).when(BeginPreflight("INC-1"))
    late = [one for one in story.effects if one.purpose is Purpose.PREFLIGHT]
    story.effects.clear()
    again(down(story)).when(BeginPreflight("INC-1"))
    story.effects = late
    story.answer(done("looked", {"documents": "ok: all load"}))
    assert incident(story).preflights[-1].results is None


# --- changes by hand -----------------------------------------------------------------------------


def changing(people: int) -> Policy:
    return rules(approvals=Approvals((ApprovalRow((), ("owner",), people, "by the table"),)))


@pytest.mark.parametrize("people", [0, 1])
def test_a_change_nobody_has_made_has_to_be_asked_for_again(people: int) -> None:
    """Given a change that was asked for (or even approved) and not made, when the incident comes back, then
    what people agreed to in the first emergency may not be made in the second."""
    story = declared(changing(people)).when(ProposeChange("INC-1", "open the firewall"))
    before = incident(story).changes["CHG-1"].state
    assert before == ("proposed" if people else "approved")
    again(down(story))
    assert incident(story).changes["CHG-1"].state == "withdrawn"
    assert codes(story.when(EndChange("INC-1", "CHG-1", "made", ""))) == ["ended"]


def test_what_became_of_a_change_stays_as_it_was_said() -> None:
    story = declared(changing(0)).when(ProposeChange("INC-1", "open the firewall"))
    story.when(EndChange("INC-1", "CHG-1", "made", ""))
    assert incident(again(down(story))).changes["CHG-1"].state == "made"


# --- how long it took ----------------------------------------------------------------------------


def test_the_end_of_a_second_response_says_how_long_that_one_took() -> None:
    """Given an incident that rested for a day in between, then nobody is told that it lasted a day."""
    story = declared(rules()).wait(MINUTE)
    again(down(story).wait(24 * HOUR)).wait(5 * MINUTE)
    texts = [
        one.text
        for one in events(down(story), "notification.requested")
        if one.subject.endswith("stood down")
    ]
    assert texts[0].startswith("it works again. It lasted 1m.")
    assert "It lasted 5m since it was opened again, 1d in all." in texts[-1]


# --- deadlines of phases -------------------------------------------------------------------------


def test_a_phase_of_the_first_response_starts_no_clock_in_the_second_though_clocks_step() -> None:
    """Given a deadline that begins with the second phase, when an incident comes back on a clock that was
    set back before that phase was ever entered, then nobody is late for it while the first phase lasts."""
    ready = Criterion("ready", CriterionKind.STATEMENT, "ready", subject="ready")
    phases = (Phase("work", "Work", True, (ready,)), Phase("watch", "Watch", True, ()))
    rule = DeadlineRule(
        "watched", "it is watched", Spans(Span(MINUTE)), ("triaged",), "phase:watch"
    )
    story = declared(rules(phases=phases, deadlines=(rule,))).wait(HOUR)
    story.when(RecordStatement("INC-1", "ready", "yes")).settle()
    again(jumped(down(story), -2 * HOUR)).wait(4 * HOUR)
    assert "rule:watched@2" not in missed(story)
    story.when(RecordStatement("INC-1", "ready", "yes")).settle().wait(2 * MINUTE)
    assert "rule:watched@2" in missed(story)


# --- documents that changed meanwhile ------------------------------------------------------------


def test_a_severity_its_own_protocol_does_not_have_does_not_stop_an_incident_from_coming_back() -> (
    None
):
    """Given an incident that is pinned to rules without a severity of today's, when its outage comes back
    with that severity, then it is opened again at the one it had."""
    story = declared(rules(reopen_within_ms=HOUR), dedup="monitor:payments")
    down(story)
    today = rules(
        reopen_within_ms=HOUR,
        severities=(severity_rule("RED", 1, all_stop=False), *story.policy.protocol.severities),
    )
    book = PolicyBook("p2", {"p1": story.policy, "p2": today})
    command = DeclareIncident("it fails", dedup="monitor:payments", severity="RED")
    found = decide(command, story.world, book, story.now, MONITOR)
    assert isinstance(found, Decided), found
    back = found.world.incidents["INC-1"]
    assert (back.state, back.severity) == ("open", story.world.incidents["INC-1"].severity)
    notes = [one.event.text for one in found.records if one.kind == "note.added"]
    assert notes == ["declared again as RED, which the protocol of INC-1 does not know"]

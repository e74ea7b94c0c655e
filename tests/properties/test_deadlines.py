"""Whatever the clock does, and however often the coordinator dies: each deadline is raised once, and none is lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from allstop.domain.clocks import running, unset, was_warned
from allstop.domain.due import due
from allstop.domain.incident import commands as c
from allstop.domain.incident.course_commands import CloseIncident
from allstop.domain.incident.work_commands import AddAction, ChangeAction, MeetObligation
from allstop.domain.policy import (
    Calendar,
    Clock,
    Criterion,
    CriterionKind,
    DeadlineRule,
    Escalation,
    Objective,
    Obligation,
    Phase,
    Policy,
    Span,
    Spans,
)
from tests.domain.builders import ADA, BEN, EVE, MINUTE, Story
from tests.domain.promises import (
    DAY,
    HOUR,
    TIMEKEEPER,
    crashed,
    events,
    jumped,
    missed,
    quick,
    reopened,
)

# Vienna sets its clocks an hour ahead in the night after this evening, and back on 25 October 2026.
SPRING, AUTUMN = datetime(2026, 3, 28, 17, 30), datetime(2026, 10, 24, 17, 30)  # noqa: DTZ001 (times of a wall)


def rules() -> Policy:
    """Every kind of deadline there is, some of them in the business time of Vienna."""
    timer = Criterion("waited", CriterionKind.TIMER, "waited", window_ms=20 * MINUTE)
    end = Criterion("done", CriterionKind.STATEMENT, "done", "done")
    policy = quick(
        phases=(Phase("work", "Work", True, (timer, end)),),
        escalation=Escalation(("commander", "communications", "owner"), 10 * MINUTE),
        calendar=Calendar("Europe/Vienna"),
        deadlines=(
            DeadlineRule("muster", "All hands", Spans(Span(5 * MINUTE)), ("role:scribe", "acknowledged")),
            DeadlineRule("look", "Look", Spans(Span(2 * HOUR, Clock.BUSINESS_HOURS)), ("updated",), "severity"),
            DeadlineRule("done", "Be done", Spans(Span(HOUR)), ("resolved",), "phase:work"),
        ),
        objectives=(Objective("core", Spans(Span(40 * MINUTE), {"SEV3": Span(1, Clock.BUSINESS_DAYS)})),),
        obligations=(
            Obligation("tell", "Tell the regulator", "scribe", Span(3 * DAY), "declared", remind=Span(DAY)),
            Obligation("board", "Tell the board", "owner", Span(2 * HOUR), "declared", severities=("SEV1",)),
            Obligation("report", "Write the report", "commander", Span(1, Clock.BUSINESS_DAYS), met_by="report", remind=Span(HOUR)),
        ),
    )  # fmt: skip
    services = tuple(replace(one, service_class="core") for one in policy.fleet.services)
    people = tuple(replace(one, channels=("chat",)) for one in policy.roster.people)
    return replace(
        policy,
        fleet=replace(policy.fleet, services=services),
        roster=replace(policy.roster, people=people),
    )


RULES = rules()
SEVERITIES = st.sampled_from(("SEV1", "SEV2", "SEV3"))
PEOPLE = st.sampled_from((ADA, BEN, EVE))


def begun(severity: str, start: datetime | None = None) -> Story:
    story = Story(policy=RULES)
    if start is not None:
        story.now = replace(story.now, utc=start.replace(tzinfo=story.now.utc.tzinfo))
    story.when(c.DeclareIncident("it broke", ("payments",), severity=severity), ADA)
    assert story.refused is None
    return story.settle()


class Promises(RuleBasedStateMachine):
    """An incident through everything that can happen to time, and some of what people do meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.asleep = False

    @initialize(severity=SEVERITIES, start=st.sampled_from((None, SPRING, AUTUMN)))
    def begin(self, severity: str, start: datetime | None) -> None:
        self.story = begun(severity, start)

    def ask(self, command: Any, who: Any = ADA) -> None:
        """Somebody asks, allowed or not; what falls due waits until somebody looks."""
        self.story.when(command, who)

    @rule(minutes=st.sampled_from((1, 4, 5, 9, 30, 60, 61, 600, 1440, 5000)))
    def time_passes(self, minutes: int) -> None:
        self.story.wait(minutes * MINUTE)

    @rule(minutes=st.sampled_from((-1440, -61, -60, -1, 1, 60, 180, 1440, 20_000)))
    def the_clock_jumps(self, minutes: int) -> None:
        """Forward: nobody was there, or the machine slept; back: it was set right."""
        jumped(self.story, minutes * MINUTE)

    @rule(minutes=st.sampled_from((-60, 0, 7, 60, 3000)))
    def the_coordinator_dies(self, minutes: int) -> None:
        crashed(self.story)
        jumped(self.story, minutes * MINUTE)

    @rule(steps=st.integers(1, 3))
    def it_dies_while_it_catches_up(self, steps: int) -> None:
        """Some of what is due was recorded, the rest was not."""
        now = self.story.now
        self.story.now = replace(now, utc=now.utc + timedelta(hours=3))
        for _ in range(steps):
            for command in due(self.story.world, self.story.book, self.story.now).commands[:1]:
                self.ask(command, TIMEKEEPER)
        crashed(self.story).settle()

    @rule(severity=SEVERITIES)
    def the_severity_changes(self, severity: str) -> None:
        self.ask(c.SetSeverity("INC-1", severity, "so it seems"))

    @rule(who=PEOPLE)
    def somebody_acknowledges(self, who: Any) -> None:
        self.ask(c.AcknowledgeIncident("INC-1"), who)

    @rule(minutes=st.none() | st.integers(1, 300))
    def an_update_is_posted(self, minutes: int | None) -> None:
        expected = None if minutes is None else self.story.now.utc + timedelta(minutes=minutes)
        self.ask(c.PostUpdate("INC-1", "fixing", "we are at it", {}, expected))

    @rule()
    def a_role_is_filled(self) -> None:
        self.ask(c.AssignRole("INC-1", "scribe", "ben"))

    @rule()
    def it_ends(self) -> None:
        self.ask(c.RecordStatement("INC-1", "done", "so it is"))
        self.story.settle()
        self.ask(c.StandDown("INC-1", "it works again"))

    @rule()
    def it_comes_back(self) -> None:
        if self.story.world.incidents["INC-1"].state in ("stood-down", "closed"):
            reopened(self.story)

    @rule()
    def it_is_closed(self) -> None:
        self.ask(CloseIncident("INC-1"))

    @rule(hours=st.integers(-1, 50))
    def work_is_promised(self, hours: int) -> None:
        late = self.story.now.utc + timedelta(hours=hours)
        self.ask(AddAction("INC-1", "Fix the alert", "communications", late))

    @rule(hours=st.none() | st.integers(-1, 50), state=st.sampled_from(("", "done", "open")))
    def work_moves_on(self, hours: int | None, state: str) -> None:
        late = None if hours is None else self.story.now.utc + timedelta(hours=hours)
        self.ask(ChangeAction("INC-1", "ACT-1", state, due_at=late))

    @rule(id=st.sampled_from(("tell", "board", "report")))
    def a_promise_is_kept(self, id: str) -> None:
        self.ask(MeetObligation("INC-1", id, "done"), EVE)

    @rule()
    def the_report_is_written(self) -> None:
        self.ask(c.RecordReport("INC-1", "r.md", "0" * 64))

    @invariant()
    def everything_is_raised_once_and_nothing_is_lost(self) -> None:
        if "INC-1" in self.story.world.incidents:
            looked_at(self.story.settle())


def looked_at(story: Story) -> Story:
    """What must hold whenever somebody has looked at the clock."""
    incident = story.world.incidents["INC-1"]
    late = Counter(missed(story))
    assert all(count == 1 for count in late.values()), late
    warned = Counter(one.deadline for one in events(story, "deadline.warned"))
    assert all(count == 1 for count in warned.values()), warned
    once_per_escalation(story)
    set_before_missed(story)
    assert unset(story.world, story.policy, incident) == ()
    for clock in running(story.world, story.policy, incident):
        over = clock.deadline in incident.missed
        assert over or clock.at > story.now.utc, f"{clock.deadline} was lost"
        early = clock.warn_at is not None and clock.warn_at <= story.now.utc
        assert over or not early or was_warned(incident, clock), f"{clock.deadline}: no warning"
    found = due(story.world, story.book, story.now)
    assert found.commands == []
    assert found.next_at is None or found.next_at > story.now.utc
    return story


def once_per_escalation(story: Story) -> None:
    """Everybody it was escalated to was told of it exactly once."""
    for event in events(story, "deadline.missed"):
        subject = f"INC-1: {event.what}"
        asked = Counter(
            one.to for one in events(story, "notification.requested") if one.subject == subject
        )
        alike = [one for one in events(story, "deadline.missed") if one.what == event.what]
        wanted = Counter(f"person:{name}" for one in alike for name in one.escalated_to)
        assert asked == wanted, (event, asked)
        assert event.escalated_to, "somebody hears of everything"


def set_before_missed(story: Story) -> None:
    """A deadline is missed at the instant it was last set for, not before it, and never set again."""
    last: dict[str, datetime] = {}
    gone: set[str] = set()
    for record in story.records:
        if record.kind == "deadline.set":
            assert record.event.deadline not in gone, "it was missed, and is set again"
            last[record.event.deadline] = record.event.at
        if record.kind == "deadline.missed":
            assert record.event.due_at == last[record.event.deadline]
            assert record.at >= record.event.due_at
            gone.add(record.event.deadline)


Promises.TestCase.settings = settings(stateful_step_count=20)
TestPromises = Promises.TestCase


@given(
    jumps=st.lists(st.integers(-3 * 60, 5 * 60), min_size=1, max_size=12),
    dies=st.lists(st.booleans(), min_size=12, max_size=12),
    start=st.sampled_from((None, SPRING, AUTUMN)),
)
def test_each_deadline_is_raised_exactly_once_however_the_clock_jumps(
    jumps: list[int], dies: list[bool], start: datetime | None
) -> None:
    """Given jumps and crashes, and then quiet weeks, then the same deadlines were missed as without."""
    quiet, rough = begun("SEV1", start), begun("SEV1", start)
    for jump, dead in zip(jumps, dies, strict=False):
        looked_at(jumped(crashed(rough) if dead else rough, jump * MINUTE))
    # The calls go on for a while after the first: whoever is called has the whole time to answer.
    looked_at(jumped(rough, 40 * DAY).wait(HOUR))
    assert sorted(missed(rough)) == sorted(missed(quiet.wait(40 * DAY)))

"""Bugs to plant about what only people may do, what stays private, and what is said once and in time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from allstop.domain import aftercare
from allstop.domain.approvals import Need
from allstop.domain.decide import RULES
from allstop.domain.deciding import (
    advancing,
    all_stop,
    declaring,
    keeping_time,
    kinship,
    signing,
    triaging,
)
from allstop.domain.falling_due.found import Due
from allstop.domain.halt import commands as halt
from allstop.domain.halt import events as halt_events
from allstop.domain.impact import Impact
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e
from allstop.domain.incident import work_commands as wc
from allstop.domain.incident import work_events as we
from allstop.domain.plan import events as p
from allstop.domain.policy import EmergencyMode, Grant, Watch
from allstop.domain.principal import MONITOR, TIMEKEEPER, Principal
from allstop.domain.record import halt_stream, plan_stream
from allstop.domain.samples import GateProgress, Standing
from allstop.domain.severity import Classification
from allstop.domain.verdict import Verdict
from allstop.testing.invariants import check
from allstop.testing.traces import Trace, Turn, Violation
from tests.domain import builders
from tests.domain.builders import ADA, BUILDER, MINUTE, Story, outage
from tests.properties.planted import Patch, Plant, judged


def turned(story: Story, *commands: tuple[Any, Principal]) -> tuple[Violation, ...]:
    """What is found in a story that goes on with these commands, known by the command."""
    turns = []
    for command, who in commands:
        before = len(story.records)
        story.when(command, who)
        turns.append(Turn(command, who, tuple(story.records[before:])))
    return check(Trace(tuple(story.records), story.book, turns=tuple(turns), gaps=()))


def agent_judges(patch: Patch) -> Iterable[Violation]:
    patch.setattr(triaging, "may", lambda *_: Verdict.yes())
    return judged(outage().when(cc.TriageIncident("INC-1", real=True, text="fine"), BUILDER))


def agent_hides(patch: Patch) -> Iterable[Violation]:
    patch.setattr(kinship, "may", lambda *_: Verdict.yes())
    return judged(outage().when(cc.SetPrivacy("INC-1", private=True, reason="no"), BUILDER))


def protected() -> Story:
    rules = builders.policy()
    services = tuple(replace(one, protected=True) for one in rules.fleet.services)
    grants = (*rules.protocol.authority, Grant("change", ("person",)))
    protocol = replace(rules.protocol, authority=grants)
    return outage(replace(rules, fleet=replace(rules.fleet, services=services), protocol=protocol))


def nobody_asked(patch: Patch) -> Iterable[Violation]:
    patch.setattr(signing, "need_for", lambda *_: Need())
    return judged(protected().settle())


def change_unasked(patch: Patch) -> Iterable[Violation]:
    def propose(draft: Any, one: wc.ProposeChange) -> None:
        event = we.ChangeProposed("CHG-1", "x", 3, "payments", "", (), 0, (), "")
        draft.on_incident(one.incident, event)
        draft.on_incident(one.incident, we.ChangeApproved("CHG-1"))

    patch.setitem(RULES, wc.ProposeChange, propose)
    return judged(protected().when(wc.ProposeChange("INC-1", "x"), ADA))


def told_to_all(patch: Patch) -> Iterable[Violation]:
    def announce(draft: Any, incident: str, *_: Any) -> None:
        event = e.NotificationRequested("N99", "audience:responders", "chat", "hear", "hear")
        draft.on_incident(incident, event)

    patch.setattr(declaring, "announce", announce)
    return judged(outage(private=True))


def goes_on_by_itself(patch: Patch) -> Iterable[Violation]:
    def release(draft: Any, held: Any, reason: str) -> None:
        draft.emit(halt_stream(held.id), halt_events.HaltReleased(reason, ()))
        draft.emit(plan_stream("PLAN-1"), p.PlanStarted())

    patch.setattr(all_stop, "_release", release)
    story = outage().settle()
    return turned(story, (halt.ReleaseHalt("HALT-1", "over"), ADA))


def late() -> Story:
    """Nobody has acknowledged in time."""
    story = outage()
    now = story.now
    story.now = replace(now, utc=story.world.incidents["INC-1"].clocks["acknowledge"].at)
    return story


def told_twice(patch: Patch) -> Iterable[Violation]:
    tell = keeping_time._tell

    def twice(*given: Any) -> None:
        tell(*given)
        tell(*given)

    patch.setattr(keeping_time, "_tell", twice)
    return turned(late(), (c.MissDeadline("INC-1", "acknowledge"), TIMEKEEPER))


def told_nobody(patch: Patch) -> Iterable[Violation]:
    patch.setattr(keeping_time, "reachable", lambda *_: ())
    return turned(late(), (c.MissDeadline("INC-1", "acknowledge"), TIMEKEEPER))


def overslept(patch: Patch) -> Iterable[Violation]:
    """The wake-up is never set, so a deadline is found when something else happens."""

    def at(due: Due, instant: Any, now: Any, command: Any) -> None:
        if instant <= now.utc:
            due.commands.append(command)

    patch.setattr(Due, "at", at)
    story = outage().wait(30 * MINUTE)
    return check(Trace(tuple(story.records), story.book, gaps=()))


def other_row(patch: Patch) -> Iterable[Violation]:
    patch.setattr(declaring, "classify", lambda *_: Classification("SEV1", 1, "it seems so"))
    return judged(outage())


def never_let_go(patch: Patch) -> Iterable[Violation]:
    patch.setattr(advancing, "stand_down_verdict", lambda *_: Verdict.yes())
    patch.setattr(advancing, "release_halts_of", lambda *_: None)
    return judged(outage().when(c.StandDown("INC-1", "home"), ADA))


def mode_for_ever(patch: Patch) -> Iterable[Violation]:
    patch.setattr(advancing, "stand_down_verdict", lambda *_: Verdict.yes())
    patch.setattr(advancing, "end_mode", lambda *_: None)
    rules = builders.policy()
    protocol = replace(rules.protocol, mode=EmergencyMode(severities=("SEV1",)))
    story = outage(replace(rules, protocol=protocol))
    assert any(isinstance(one.event, ce.ModeBegun) for one in story.records)
    return judged(story.when(c.StandDown("INC-1", "home"), ADA))


def stable_of_air(patch: Patch) -> Iterable[Violation]:
    """Every gate believes itself, and so does whoever asks it."""
    patch.setattr(advancing, "stand_down_verdict", lambda *_: Verdict.yes())
    patch.setattr(GateProgress, "standing", lambda _: Standing.PASS)
    return judged(outage().sample().when(c.StandDown("INC-1", "home"), ADA))


def watched_by_nobody(patch: Patch) -> Iterable[Violation]:
    """Every watch calls itself clean; nobody has looked."""
    patch.setattr(advancing, "stand_down_verdict", lambda *_: Verdict.yes())
    patch.setattr(aftercare, "verdict_of", lambda _: "clean")
    policy = builders.policy()
    watches = (Watch("hour", "Health", 60 * MINUTE, 10 * MINUTE),)
    story = outage(replace(policy, protocol=replace(policy.protocol, aftercare=watches)))
    return judged(story.when(c.StandDown("INC-1", "home"), ADA).wait(62 * MINUTE))


def alert_is_a_person(patch: Patch) -> Iterable[Violation]:
    def change(draft: Any, one: c.MeasureImpact) -> None:
        draft.on_incident(one.incident, e.SeverityClassified("SEV3", "calm", -1, by_person=True))

    patch.setitem(RULES, c.MeasureImpact, change)
    return judged(outage().when(c.MeasureImpact("INC-1", Impact()), MONITOR))


PLANTS_PEOPLE: tuple[Plant, ...] = (
    Plant("an agent says that it is real", "people_only", agent_judges),
    Plant("an agent makes it private", "people_only", agent_hides),
    Plant("a machine's word is a person's", "people_only", alert_is_a_person),
    Plant("what is protected needs nobody", "protected_by_people", nobody_asked),
    Plant("a change of what is protected needs nobody", "protected_by_people", change_unasked),
    Plant("what is private is announced", "private_kept", told_to_all),
    Plant("a release starts a plan", "release_starts_nothing", goes_on_by_itself),
    Plant("it is escalated twice", "escalated_once", told_twice),
    Plant("it is escalated to nobody", "escalated_once", told_nobody),
    Plant("the timekeeper oversleeps", "prompt", overslept),
    Plant("another row decides", "decided_by_table", other_row),
    Plant("a halt outlives its incident", "ended_whole", never_let_go),
    Plant("emergency mode outlives its incident", "ended_whole", mode_for_ever),
    Plant("a gate believes itself", "truly_stable", stable_of_air),
    Plant("a watch that nobody kept ends clean", "truly_watched", watched_by_nobody),
)

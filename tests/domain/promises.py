"""Stories about promises: a protocol that can be ended in one step, and what happens after it ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from allstop.domain.draft import Draft
from allstop.domain.incident.commands import DeclareIncident, StandDown
from allstop.domain.incident.course_events import IncidentReopened
from allstop.domain.incident.events import PhaseEntered
from allstop.domain.policy import Grant, Phase, Policy
from allstop.domain.principal import TIMEKEEPER
from allstop.domain.world import World, evolve
from tests.domain.builders import ADA, MINUTE, START, Story, policy

HOUR = 60 * MINUTE
DAY = 24 * HOUR
GRANTS = (
    Grant("close", ("role:commander", "owner")),
    Grant("obligation", ("owner",)),
    Grant("action-item", ("person",)),
)


def quick(**changes: Any) -> Policy:
    """One phase without a gate, nothing that standing down waits for, and the given changes."""
    whole = policy()
    given = {
        "phases": (Phase("work", "Work", True, ()),),
        "stand_down": (),
        "authority": (*whole.protocol.authority, *GRANTS),
    } | changes
    return replace(whole, protocol=replace(whole.protocol, **given))


def declared(rules: Policy | None = None, **more: Any) -> Story:
    story = Story(policy=rules or quick())
    story.when(DeclareIncident("it broke", **more), ADA)
    assert story.refused is None, story.refused
    return story.settle()


def over(rules: Policy | None = None, **more: Any) -> Story:
    """Declared and stood down a minute later."""
    story = declared(rules, **more).wait(MINUTE).when(StandDown("INC-1", "it works again"), ADA)
    assert story.refused is None, story.refused
    return story.settle()


def reopened(story: Story) -> Story:
    """It came back: what the record says about it, whoever decided so."""
    draft = Draft(story.world, story.book, story.now, ADA, "story")
    draft.on_incident("INC-1", IncidentReopened("it is back", "work"))
    draft.on_incident("INC-1", PhaseEntered("work"))
    story.records.extend(draft.records)
    story.world = draft.world
    return story.settle()


def jumped(story: Story, milliseconds: int) -> Story:
    """The clock on the wall jumps, forward or back, while nobody looks; then everything due happens."""
    story.now = replace(story.now, utc=story.now.utc + timedelta(milliseconds=milliseconds))
    return story.settle()


def crashed(story: Story) -> Story:
    """The coordinator dies and starts again: everything it knows is on the record."""
    world = World()
    for record in story.records:
        world = evolve(world, record)
    story.world = world
    story.now = replace(story.now, boot=f"{story.now.boot}+", monotonic_ms=0)
    return story


def events(story: Story, kind: str) -> list[Any]:
    return [record.event for record in story.records if record.kind == kind]


def missed(story: Story) -> list[str]:
    return [event.deadline for event in events(story, "deadline.missed")]


def told(story: Story, person: str) -> list[str]:
    """The subjects of what a person was told, in order."""
    asked = events(story, "notification.requested")
    return [event.subject for event in asked if event.to == f"person:{person}"]


def codes(story: Story) -> list[str]:
    assert story.refused is not None, "it was allowed"
    return [reason.code for reason in story.refused.reasons]


def at(text: str) -> datetime:
    """A time in UTC, such as `2026-11-23 15:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


__all__ = [
    "ADA", "DAY", "HOUR", "MINUTE", "START", "TIMEKEEPER", "Story", "at", "codes", "crashed", "declared",
    "events", "jumped", "missed", "over", "quick", "reopened", "told",
]  # fmt: skip

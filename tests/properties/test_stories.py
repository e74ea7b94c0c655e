"""Random stories over every pack: whatever anybody asks for, the promises hold. `python -m tests.properties` tells more."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from allstop.domain import draft, due, react
from allstop.domain.decide import INTERNAL, RULES
from allstop.domain.falling_due.promises import promises_due
from allstop.domain.incident import commands as c
from allstop.domain.incident.aftercare_commands import RecordAftercare
from allstop.domain.incident.course_commands import RecordPreflight
from allstop.domain.incident.events import IncidentAcknowledged, NotificationRequested
from allstop.domain.plan.commands import ParkEffect, RecordOutcome
from allstop.domain.world import evolve
from allstop.testing.invariants import CHECKS
from allstop.testing.invariants_people import PEOPLE
from allstop.testing.traces import Violation
from tests.properties.stories.looking import Broken
from tests.properties.stories.stage import SECOND, Ask, Pass, Stage
from tests.properties.stories.steering import OWNER
from tests.properties.stories.telling import PACKS, Told, policy_of, shortest, tell
from tests.properties.stories.wishes import WISHES

# What reports on an effect or on the probes is told by the stage, as the coordinator's parts do.
STAGED = {RecordOutcome, ParkEffect, c.RecordSamples, RecordAftercare, RecordPreflight}
STORIES, AT_ONCE = 40, 5


@cache
def told(pack: str, seed: int) -> tuple[tuple[Violation, ...], frozenset[str], int, int]:
    """What was found, what happened, how much was asked for and how much of it was accepted."""
    story = tell(pack, seed)
    return (story.violations, story.kinds, story.stage.asked, story.stage.accepted)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, STORIES, AT_ONCE))
@pytest.mark.parametrize("pack", PACKS)
def test_random_stories_keep_every_promise(pack: str, first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        again = f"python -m tests.properties --stories 1 --pack {pack} --seed {seed}"
        assert told(pack, seed)[0] == (), again


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("pack", PACKS)
def test_random_stories_come_far(pack: str) -> None:
    """Stories that get nowhere would prove nothing."""
    stories = [told(pack, seed) for seed in range(STORIES)]
    reached = Counter(kind for _, kinds, _, _ in stories for kind in kinds)
    share = sum(one[3] for one in stories) / sum(one[2] for one in stories)
    assert 0.35 < share < 0.8
    deep = (
        "incident.stood_down", "incident.reopened", "plan.done", "deadline.missed", "halt.released",
    )  # fmt: skip
    assert all(reached[kind] for kind in deep), reached


def test_every_command_of_the_core_can_be_wished_for() -> None:
    """A command that is added has to be added here, or no story would ever ask for it."""
    assert set(WISHES) | STAGED == set(RULES)
    assert not set(WISHES) & STAGED
    assert STAGED <= INTERNAL


def test_what_the_stories_judge_by_is_among_the_checks() -> None:
    assert set(PEOPLE) <= set(CHECKS)


def test_the_same_seed_tells_the_same_story() -> None:
    one, other = (tell("standard", 7, 15) for _ in range(2))
    assert one.deeds == other.deeds
    assert one.stage.records == other.stage.records


# --- a story can fail -------------------------------------------------------------------------------


def broken(commands: int = 12, seeds: int = 8, longer: int = 0) -> Told:
    """The first story of these, with more deeds than `longer`, in which something is found."""
    for seed in range(seeds):
        told = tell("standard", seed, commands)
        if told.violations and len(told.deeds) > longer:
            return told
    raise AssertionError("nothing was found")


def test_a_rule_that_does_nothing_makes_due_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RULES, c.RequestUpdate, lambda *_: None)
    assert "due: it spins" in broken().violations[0].what


def test_a_rule_that_raises_is_found_and_the_story_made_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("a bug")

    monkeypatch.setitem(RULES, c.AdvancePhase, fail)
    told = broken(30, longer=8)
    assert told.violations[0].what.startswith("raised: KeyError")
    assert len(shortest(told)) <= len(told.deeds) // 2


def test_a_forgotten_deadline_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "PARTS", tuple(one for one in due.PARTS if one is not promises_due))
    assert broken().violations[0].what.startswith("deadlines: ")


def test_an_instant_that_is_not_named_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given promises that do not say when to look again, then whoever sleeps until told misses them."""

    def hushed(found: Any, *rest: Any) -> None:
        named = found.next_at
        promises_due(found, *rest)
        found.next_at = named

    parts = tuple(hushed if one is promises_due else one for one in due.PARTS)
    monkeypatch.setattr(due, "PARTS", parts)
    assert broken().violations[0].what.startswith(("deadlines: ", "due: "))


def test_what_a_delivery_makes_due_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a part that goes by deliveries, which wake nobody, then a look in between finds it."""

    def hasty(found: Any, _: Any, __: Any, incident: Any, now: Any) -> None:
        told = [one for one in incident.notifications.values() if one.state == "delivered"]
        found.at(incident.declared_at + timedelta(days=1, seconds=len(told)), now, None)

    monkeypatch.setattr(due, "PARTS", (hasty,))
    monkeypatch.setattr(due, "halt_due", lambda *_: None)
    stage = Stage(policy_of("standard"), "deliveries")
    stage.perform(Ask(c.DeclareIncident("it fails", ("payments",), "manual"), OWNER))
    assert stage.accepted == 1

    def minutes() -> None:
        for _ in range(60):
            stage.perform(Pass(SECOND))

    with pytest.raises(Broken, match="before the instant that was named"):
        minutes()


def test_a_fold_that_is_not_the_records_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(world: Any, record: Any) -> Any:
        after = evolve(world, record)
        forgets = isinstance(record.event, IncidentAcknowledged)
        return replace(after, incidents=world.incidents) if forgets else after

    monkeypatch.setattr(draft, "evolve", forgetful)
    assert "replay" in broken(seeds=20).violations[0].what


def test_two_effects_of_one_name_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    notify = react.REACTIONS[NotificationRequested]

    def same(*given: Any) -> Any:
        return tuple(replace(one, id="same") for one in notify(*given))

    monkeypatch.setitem(react.REACTIONS, NotificationRequested, same)
    assert "effects: two are called same" in broken().violations[0].what

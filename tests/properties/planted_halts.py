"""Bugs planted into what ends a halt, and into how far hosts have come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from allstop.domain.decide import RULES
from allstop.domain.deciding import all_stop, release_stages
from allstop.domain.halt import host_commands as c
from allstop.domain.halt import host_events as he
from allstop.domain.halt.commands import OrderHalt, ReleaseHalt
from allstop.domain.policy import Grant, ReleaseRule, ReleaseStage
from allstop.domain.principal import HOSTS
from allstop.domain.record import HOSTS_STREAM
from allstop.testing.traces import Violation
from tests.domain.builders import ADA, EVE, Story, outage, policy
from tests.properties.planted import Plant, judged

Patch = pytest.MonkeyPatch


def _guarded() -> Story:
    """A SEV1 whose all-stop takes two people and a key."""
    rules = policy()
    stop = replace(rules.protocol.all_stop, release=(ReleaseRule("SEV1", 2, 1),))
    authority = (*rules.protocol.authority, Grant("administer", ("owner",)))
    protocol = replace(rules.protocol, all_stop=stop, authority=authority)
    return outage(replace(rules, protocol=protocol))


def one_is_enough(patch: Patch) -> Iterable[Violation]:
    patch.setattr(all_stop, "missing", lambda *_: "")
    return judged(_guarded().when(ReleaseHalt("HALT-1", "I am sure"), EVE))


def falls_back(patch: Patch) -> Iterable[Violation]:
    def record(draft: Any, command: c.RecordReached) -> None:
        for one in command.reached:
            draft.emit(HOSTS_STREAM, he.HostReached(one.seq, (one.host,)))

    patch.setitem(RULES, c.RecordReached, record)
    story = _guarded().when(c.EnrolHost("web-1"), EVE)
    for seq in (9, 4):
        story.when(c.RecordReached((c.Reach("web-1", seq),)), HOSTS)
    return judged(story)


def wakes_whom_another_holds(patch: Patch) -> Iterable[Violation]:
    patch.setattr(release_stages, "_agents", lambda _, halt, __: tuple(halt.roll))
    rules = policy()
    stop = replace(rules.protocol.all_stop, stages=(ReleaseStage("canary", 0),))
    story = outage(replace(rules, protocol=replace(rules.protocol, all_stop=stop)))
    story.when(OrderHalt("agent:builder-1", "that one too"), ADA)
    return judged(story.when(ReleaseHalt("HALT-1", "let us see"), EVE))


PLANTS_HALTS: tuple[Plant, ...] = (
    Plant("one person lifts what takes two", "released_by_enough", one_is_enough),
    Plant("a stage wakes whom another halt holds", "staged_by_people", wakes_whom_another_holds),
    Plant("a host falls back", "hosts_come_further", falls_back),
)

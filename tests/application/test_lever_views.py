"""Levers and circuits as faces show them: what is pulled first, what is late, and nothing of what is hidden."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

from allstop.application.lever_views import circuit_lines, lever_lines, overdue_levers
from allstop.application.privacy import Reader
from allstop.application.timeline_levers import LEVER_SENTENCES
from allstop.domain.plan.lever_commands import ExtendLever, ForceCircuit, NoteCircuit
from allstop.domain.policy import FleetBreaker
from allstop.domain.principal import RUNNER
from tests.domain.builders import EVE
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.test_levers import HOUR, MINUTE, pulled, shop, until


@dataclass
class Eyes:
    """Somebody from whom some incidents are hidden."""

    hidden: frozenset[str] = frozenset()

    def sees(self, incident: str) -> bool:
        return incident not in self.hidden


def lines(here: Ground, eyes: Eyes | None = None) -> dict[str, Any]:
    reader = cast("Reader", eyes or Eyes())
    found = lever_lines(here.world, here.fleet, reader, here.now.utc)
    return {one.name: one for one in found}


def told(here: Ground) -> list[str]:
    """The sentences of the timeline about levers and circuits."""
    found = [(one.event, LEVER_SENTENCES.get(type(one.event))) for one in here.records]
    return [say(event) for event, say in found if say is not None]


def test_what_is_pulled_stands_first_with_its_times_and_its_plan() -> None:
    here = pulled()
    found = lines(here)
    assert list(found) == ["search:cached", "mail:later"]
    one = found["search:cached"]
    assert (one.pulled, one.overdue, one.kept, one.plan, one.incident) == (
        True, False, False, "PLAN-1", "INC-1",
    )  # fmt: skip
    assert (one.level, one.limit) == ("minor", "60 %")
    assert not found["mail:later"].pulled


def test_what_is_overdue_says_why() -> None:
    here = until(pulled(shop(protected=True)), 125 * MINUTE)
    one = lines(here)["search:cached"]
    assert (one.overdue, one.blocked, one.taker) == (True, "protected", "")
    assert told(here)[-1] == (
        "The time of search:cached is over, and it STAYS PULLED: its service is protected, so a person takes it back"
    )


def test_of_what_is_pulled_only_what_is_beyond_its_time_is_overdue() -> None:
    """Given a lever that stays pulled, then it is overdue from its end on, and says no more than it may."""
    here = pulled(shop(protected=True))
    hidden = cast("Reader", Eyes(frozenset({"INC-1"})))
    now, late = here.now.utc, here.now.utc + timedelta(milliseconds=125 * MINUTE)
    assert overdue_levers(here.world, here.fleet, hidden, now) == ()
    (one,) = overdue_levers(here.world, here.fleet, hidden, late)
    assert (one.name, one.overdue, one.incident) == ("search:cached", True, "")


def test_of_a_hidden_incident_only_the_lever_is_shown() -> None:
    one = lines(pulled(), Eyes(frozenset({"INC-1"})))["search:cached"]
    assert one.pulled
    assert (one.plan, one.incident, one.taker) == ("", "", "")


def test_the_timeline_tells_what_became_of_a_lever() -> None:
    here = until(pulled(), 100 * MINUTE)
    here.do(ExtendLever("cached", 3 * HOUR, "the index is rebuilt"), EVE)
    until(here, 4 * HOUR)
    assert told(here) == [
        "search:cached ends at 05:00:00 UTC unless somebody extends it; asked: ada",
        "search:cached stays until 2026-11-21 07:40 UTC: the index is rebuilt",
        "search:cached ends at 07:40:00 UTC unless somebody extends it; asked: ada",
        "The time of search:cached is over, PLAN-2 takes it back",
    ]


def test_circuits_of_calls_and_breakers_are_told_apart_and_what_is_open_comes_first() -> None:
    fleet = replace(shop(), breakers=(FleetBreaker("web", "search", "less"),))
    here = Ground(fleet).declared()
    here.do(
        NoteCircuit("mail", "script", "open", 5, "no answer", 300_000, "incident/INC-1"), RUNNER
    )
    here.do(ForceCircuit("search@script", "off", "it is wrong"), EVE)
    found = circuit_lines(here.world, fleet)
    assert [(one.name, one.kind, one.state) for one in found] == [
        ("mail@script", "calls", "open"), ("search@script", "calls", "disabled"),
        ("web:search", "breaker", "closed"),
    ]  # fmt: skip
    assert (found[0].failures, found[0].because, found[0].by) == (5, "no answer", "system:runner")
    assert (found[2].fallback, found[2].since, found[2].by) == ("less", None, "")
    assert told(here) == [
        "Circuit mail@script OPEN, no calls are made, tried again at 03:05:00 UTC: no answer",
        "Circuit search@script is off by hand: it is wrong",
    ]

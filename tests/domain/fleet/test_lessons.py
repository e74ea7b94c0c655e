"""What similar incidents taught: which count, in which order, and what is told of each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from allstop.domain.incident.events import RemedyDecided
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import AbortPlan, RetryStep
from allstop.domain.planning.lessons import lessons, similar
from allstop.domain.world import World
from tests.domain.builders import ADA, MINUTE, START
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.playing import SHOP, isolate, phase, play, with_books

DAY = timedelta(days=1)
NOW = START + 400 * DAY
ME = "INC-99"
_KNOWN = Ground(SHOP).declared().world.incidents["INC-1"]


def incident(id: str, days_ago: float = 30, **more: Any) -> Incident:
    """One of the kind `outage` about the web, so many days ago."""
    at = NOW - days_ago * DAY
    kept = {"kind": "outage", "services": ("web",), **more}
    return replace(_KNOWN, id=id, declared_at=at, **kept)


def told(*others: Incident, **mine: Any) -> tuple[str, ...]:
    me = incident(ME, 0, **mine)
    world = World(incidents={one.id: one for one in (*others, me)})
    return lessons(world, me, NOW)


def test_without_a_history_it_says_so() -> None:
    assert told() == ("no similar incident in the last twelve months",)
    assert told(incident("INC-1", kind="breach", services=("mail",))) == told()


def test_the_same_kind_or_a_shared_service_makes_two_alike() -> None:
    kind = incident("INC-1", services=("mail",))
    shared = incident("INC-2", kind="", services=("web", "mail"))
    found = told(kind, shared)
    assert found[0] == "2 similar incidents in the last twelve months"
    assert found[1].startswith("INC-2 of "), "the newest first"
    assert "(web)" in found[1]
    assert "(outage)" in found[2]


def test_no_kind_is_no_likeness() -> None:
    assert told(incident("INC-1", kind="", services=()), kind="", services=()) == told()


def test_what_is_too_old_private_or_was_none_does_not_count() -> None:
    others = (
        incident("INC-1", 366), incident("INC-2", private=True), incident("INC-3", state="dismissed"),
        incident("INC-4", state="merged"),
    )  # fmt: skip
    assert told(*others) == told()
    me = incident(ME, 0)
    old = incident("INC-5", 364)
    world = World(incidents={one.id: one for one in (old, me)})
    assert similar(world, me, NOW) == (old,)


def test_of_many_the_newest_are_told() -> None:
    found = told(*(incident(f"INC-{at}", 100 - at) for at in range(1, 9)))
    assert found[0] == "8 similar incidents in the last twelve months, the newest 5"
    assert [line.split()[0] for line in found[1:]] == ["INC-8", "INC-7", "INC-6", "INC-5", "INC-4"]


def test_remedy_and_times_are_told() -> None:
    begun = incident("INC-1").declared_at
    over = incident(
        "INC-1", remedy=RemedyDecided("rollback", "it was deployed", 0, {}, (), "web"),
        milestones={"contained": after(begun, 2 * MINUTE), "resolved": after(begun, 40 * MINUTE)},
        stood_down_at=after(begun, 55 * MINUTE),
    )  # fmt: skip
    assert told(over)[1] == (
        f"INC-1 of {begun:%Y-%m-%d} (outage; web): remedy rollback (web); contained after 2m, "
        "resolved after 40m, over after 55m"
    )
    assert told(incident("INC-1"))[1].endswith("no remedy was decided; still going on")


def test_steps_that_failed_or_were_tried_again_are_told() -> None:
    """Given a plan of which one step failed and one needed two attempts, then both are named, and the rest is
    not."""
    ground, _ = play(phase("first", 0, 2, isolate("cut", "web", "mail", "db")))
    clean = ground.world
    ground = Ground(SHOP, faults={"web/isolate": "refuse", "mail/isolate": "refuse"})
    ground.book = replace(ground.book, bodies={"p1": with_books()})
    ground.declared()
    ground.drawn(Asked("contain", ("web", "mail", "db")))
    ground.run("PLAN-1")
    ground.faults.clear()
    ground.do(RetryStep("PLAN-1", "isolate-mail"), ADA)
    ground.go_on("PLAN-1")
    ground.do(AbortPlan("PLAN-1", "enough"), ADA)
    me = replace(_KNOWN, id=ME, services=("web",))

    def line(world: World) -> str:
        past = replace(world.incidents["INC-1"], services=("web",))
        known = replace(world, incidents={"INC-1": past, ME: me})
        return lessons(known, me, START + DAY)[1]

    assert "trouble" not in line(clean)
    said = line(ground.world).partition("trouble with ")[2]
    assert "isolate-web (failed) of PLAN-1" in said
    assert "isolate-mail (done, 2 attempts) of PLAN-1" in said
    assert "isolate-db" not in said

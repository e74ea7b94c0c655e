"""Plans on the command line: asked for, read at a glance, run, followed until they end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from allstop.application.plan_shapes import PlanView
from allstop.application.plan_shaping import plan_view, preview
from allstop.domain.deciding.plan_drawing import draw, need_of_drawn
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.commands import StartPlan
from allstop.domain.planning.drawn import Setting
from allstop.domain.policy import Fleet
from tests.domain.builders import EVE
from tests.domain.fleet import returned
from tests.domain.fleet.fleets import HARD, random_fleet, service, stateful
from tests.domain.fleet.ground import Ground
from tests.faces.cli import recorded
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.coordinator import Recorded, problem

SHOP = Fleet(
    (service("web", {"payments": HARD}), service("payments", {"db": HARD}, protected=True), stateful("db"))
)  # fmt: skip
MAKE = "/incidents/current/plans"
ASKED: list[tuple[list[str], str, dict[str, Any]]] = [
    (
        ["stop", "web", "zone:b", "--with-dependents", "--orphan", "wiki", "--deadline", "1m30s"], MAKE,
        {"purpose": "stop", "targets": ["web", "zone:b"], "dependents": True, "orphans": ["wiki"], "deadline_ms": 90_000},
    ),
    (["isolate", "web"], MAKE, {"purpose": "contain", "targets": ["web"]}),
    (["degrade"], MAKE, {"purpose": "degrade", "targets": [], "level": ""}),
    (["degrade", "--level", "minor"], MAKE, {"purpose": "degrade", "targets": [], "level": "minor"}),
    (["recover", "web", "--with-needs"], MAKE, {"purpose": "recover", "targets": ["web"], "dependents": True}),
    (["undo", "PLAN-1", "--to", "stop-web"], MAKE, {"purpose": "undo", "plan": "PLAN-1", "to": "stop-web"}),
    (["rollback", "web", "--release", "3f2a91"], MAKE, {"purpose": "rollback", "targets": ["web"], "release": "3f2a91"}),
    (["fix", "web"], MAKE, {"purpose": "fix", "targets": ["web"]}),
    (["snapshot", "db", "web"], MAKE, {"purpose": "snapshot", "targets": ["db", "web"]}),
    (["restore", "db", "--until", "2026-11-21T02:55:00Z"], MAKE, {"purpose": "restore", "targets": ["db"], "until": "2026-11-21T02:55:00Z"}),
    (["restore", "db"], MAKE, {"purpose": "restore", "targets": ["db"], "until": ""}),
    (["run", "PLAN-1"], "/plans/PLAN-1/run", {}),
    (["pause", "PLAN-1", "--because", "b"], "/plans/PLAN-1/pause", {"because": "b"}),
    (["resume", "PLAN-1"], "/plans/PLAN-1/resume", {}),
    (["abort", "PLAN-1", "--because", "b"], "/plans/PLAN-1/abort", {"because": "b"}),
    (["waive", "PLAN-1", "snapshot-db", "--because", "b"], "/plans/PLAN-1/waive", {"step": "snapshot-db", "because": "b"}),
]  # fmt: skip


def made(found: Ground, plan: str = "PLAN-1") -> PlanView:
    world = found.world
    return plan_view(world.plans[plan], world, found.book.latest, world.incidents["INC-1"])


def stop_of_all(fleet: Fleet = SHOP, **more: Any) -> Ground:
    found = Ground(fleet, **more).declared()
    found.drawn(Asked("stop", ("all",)))
    return found


@pytest.fixture
def planned(book: Recorded) -> Recorded:
    """A coordinator that makes PLAN-1."""
    book.answer("GET /plans/PLAN-1", made(stop_of_all()))
    book.answer(f"POST {MAKE}", {"plan": "PLAN-1"}, 201)
    return book


@pytest.mark.parametrize(("words", "path", "body"), ASKED, ids=lambda one: str(one)[:40])
def test_what_a_command_asks(
    allstop: Run, planned: Recorded, words: list[str], path: str, body: dict[str, Any]
) -> None:
    planned.answers.setdefault(f"POST {path}", (200, {}))
    ran = allstop("plan", *words)
    assert ran.code == 0, ran.err
    asked = next(one for one in planned.asked if one.method == "POST")
    assert (asked.path, asked.body) == (path, body)
    assert "next: allstop " in ran.out


def test_a_plan_at_a_glance(allstop: Run, planned: Recorded) -> None:
    """Given a stop of three, then order, time, rules it runs against and what is missing stand there."""
    ran = allstop("plan", "stop", "all")
    lines = ran.out.splitlines()
    assert lines[0] == "PLAN-1 (stop): stop web, payments, db"
    assert any("longest path" in line and "web -> payments -> db" in line for line in lines)
    assert "protected      payments  it is protected, and chosen along with others," in ran.out
    order = [line.split()[1] for line in lines if line.strip()[:1].isdigit()]
    assert order == ["web:", "payments:", "db:"]
    assert max(len(line) for line in lines) <= 110


def test_a_plan_of_hundreds_is_counted_and_listed_on_request(
    allstop: Run, planned: Recorded
) -> None:
    planned.answer("GET /plans/PLAN-1", made(stop_of_all(random_fleet(3, 300))))
    short, whole = allstop("plan", "stop", "all"), allstop("plan", "stop", "all", "--all")
    assert len(short.out.splitlines()) < 45
    assert "300 nodes" in short.out
    assert all(f" s{at}:" in whole.out for at in range(300))


def test_what_is_lost_by_a_restore_stands_in_its_preview(allstop: Run, planned: Recorded) -> None:
    """Given a restore that was drawn, then what is lost for good and the copy it begins with are said before it runs."""
    found = returned.here(
        facts={"db/snapshot": {"copy": "monday"}, "db/verify-snapshot": {"copy": "monday"}}
    )
    returned.run(found, Asked("snapshot", ("db",)))
    found.let_pass(3_600_000)
    plan = found.drawn(Asked("restore", ("db",)))
    planned.answer("GET /plans/PLAN-1", made(found, plan.id))
    ran = allstop("plan", "restore", "db")
    said = " ".join(ran.out.split())
    assert "To know before it runs lost for good: whatever db was told in the last 1h" in said
    assert "the copy monday of 2026-11-21 03:00:" in said
    assert "restore, start, gate, unfence*, unquiesce*" in said
    assert "* no probe proves it" in said


@pytest.mark.parametrize("words", [["approve", "PLAN-2", "--yes"], ["plan", "show", "PLAN-2"]])
def test_whoever_agrees_is_shown_what_is_lost_and_what_is_done(
    allstop: Run, planned: Recorded, words: list[str]
) -> None:
    """Given a restore that waits for approval, then what is lost and its order are shown before anybody signs."""
    found = returned.here(
        facts={"db/snapshot": {"copy": "monday"}, "db/verify-snapshot": {"copy": "monday"}}
    )
    returned.run(found, Asked("snapshot", ("db",)))
    found.let_pass(3_600_000)
    plan = found.drawn(Asked("restore", ("db",)))
    assert plan.id == "PLAN-2"
    planned.answer("GET /plans/PLAN-2", made(found, plan.id))
    planned.answer("POST /incidents/INC-1/approvals", {"waits_for": ""})
    ran = allstop(*words)
    assert ran.code == 0, ran.err
    said = " ".join(ran.out.split())
    assert "lost for good: whatever db was told in the last 1h" in said
    assert "restore, start, gate, unfence*, unquiesce*" in said
    assert "expected time" in said
    assert plan.hash in said


def test_once_everybody_agrees_the_next_command_starts_it(allstop: Run, planned: Recorded) -> None:
    """Given a plan somebody asked for, when the last one signs, then how it is started is the next command."""
    planned.answer("POST /incidents/INC-1/approvals", {"waits_for": ""})
    assert allstop("approve", "PLAN-1", "--yes").out.endswith(
        "approved: PLAN-1\nnext: allstop plan run PLAN-1 --follow\n"
    )
    planned.answer("POST /incidents/INC-1/approvals", {"waits_for": "1 more of owner"})
    assert allstop("approve", "PLAN-1", "--yes").out.endswith(
        "it still waits for 1 more of owner\nnext: allstop show INC-1\n"
    )


def test_one_node_is_not_called_nodes(allstop: Run, book: Recorded) -> None:
    one = made(stop_of_all(Fleet((service("web"),))))
    book.answer("GET /incidents/current", replace(recorded.VIEW, plans=(one,)))
    assert ", 1 node: 1 waiting" in allstop("plans").out


def test_a_dry_run_records_nothing(allstop: Run, planned: Recorded) -> None:
    found = Ground(SHOP).declared()
    asked = Asked("stop", ("web",))
    setting = Setting(
        found.world, found.book.latest, found.world.incidents["INC-1"], asked, found.now.utc
    )
    drawn = draw(setting)
    need = need_of_drawn(setting, drawn)
    planned.answer(f"POST {MAKE}/preview", preview(drawn, "stop", need))
    ran = allstop("plan", "stop", "web", "--dry-run")
    assert ran.out.startswith("not made yet (stop): stop web")
    assert [one.path for one in planned.asked] == [f"{MAKE}/preview"]


def test_a_typo_is_refused_with_every_reason(allstop: Run, planned: Recorded) -> None:
    reasons = [
        {"code": "unknown-target", "text": f"there is no service {name}", "hint": "did you mean web?", "pointer": ""}
        for name in ("wbe", "wev")
    ]  # fmt: skip
    planned.answers[f"POST {MAKE}"] = problem(409, "refused", "no", reasons=reasons)
    ran = allstop("plan", "stop", "wbe", "wev")
    assert ran.code == 3
    assert ran.err.count("there is no service") == 2


@pytest.mark.parametrize("given", ["soon", "0s", "-5m", ""])
def test_a_deadline_that_is_none_is_refused(allstop: Run, planned: Recorded, given: str) -> None:
    ran = allstop("plan", "stop", "web", "--deadline", given)
    assert ran.code == 2
    assert "is no duration; say 90s, 10m or 1h30m" in ran.err
    assert planned.asked == []


def test_following_says_each_change_once_and_ends_with_the_plan(
    allstop: Run, planned: Recorded, doors: Doors
) -> None:
    """Given a plan that moves between two looks, then a line tells of each node, and 0 that all went well."""
    found = stop_of_all()
    found.do(StartPlan("PLAN-1"), EVE)
    planned.answer("GET /plans/PLAN-1", made(found))

    def later() -> None:
        found.go_on("PLAN-1")
        planned.answer("GET /plans/PLAN-1", made(found))

    doors.meanwhile = later
    ran = allstop("plan", "follow", "PLAN-1")
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == ["web", "running"]
    assert [line.split()[:2] for line in ran.out.splitlines()[1:4]] == [
        ["web", "reached"],
        ["payments", "reached"],
        ["db", "reached"],
    ]
    assert ran.out.splitlines()[-1].startswith(
        "PLAN-1 done  [##############################] 3 of 3"
    )


def test_following_a_held_plan_says_what_to_do_and_does_not_end_well(
    allstop: Run, planned: Recorded
) -> None:
    found = stop_of_all(faults={"db/snapshot": "refuse"})
    found.run("PLAN-1")
    planned.answer("GET /plans/PLAN-1", made(found))
    ran = allstop("plan", "follow", "PLAN-1")
    assert ran.code == 1
    assert "db  held  it refuses" in ran.out
    assert "next: allstop plan retry PLAN-1 snapshot-db" in ran.out


@pytest.mark.parametrize(
    ("state", "told", "command"),
    [
        ("proposed", "it waits for approval by commander", "allstop approve PLAN-1"),
        ("approved", "everybody has agreed, and nobody has started it", "allstop plan run PLAN-1"),
        ("paused", "somebody paused it", "allstop plan resume PLAN-1"),
    ],
)
def test_following_what_waits_for_a_person_says_for_what(
    allstop: Run, planned: Recorded, state: str, told: str, command: str
) -> None:
    """Given a plan that does not go on by itself, then its follower hears why, and what would move it."""
    view = replace(made(stop_of_all()), state=state, approve="commander", waits_for="commander")
    planned.answer("GET /plans/PLAN-1", view)
    ran = allstop("plan", "follow", "PLAN-1")
    assert ran.code == 1
    assert told in ran.out
    assert ran.out.endswith(f"next: {command}\n")


def test_following_as_json_is_one_value_a_line(allstop: Run, planned: Recorded) -> None:
    found = stop_of_all()
    found.run("PLAN-1")
    planned.answer("GET /plans/PLAN-1", made(found))
    ran = allstop("plan", "follow", "PLAN-1", "--json")
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert {one["id"]: one["state"] for one in told[:-1]} == {"web": "reached", "payments": "reached", "db": "reached"}  # fmt: skip
    assert told[-1] == {"plan": "PLAN-1", "state": "done", "because": ""}


def test_the_way_back_is_offered_only_where_something_was_done(
    allstop: Run, planned: Recorded
) -> None:
    """Given a plan that never began, when it is aborted, then no undo of nothing is the next command."""
    planned.answer("POST /plans/PLAN-1/abort", {})
    ran = allstop("plan", "abort", "PLAN-1", "--because", "b")
    assert ran.out == "PLAN-1 is aborted\nnext: allstop plans\n"
    found = stop_of_all()
    found.run("PLAN-1")
    planned.answer("GET /plans/PLAN-1", made(found))
    assert allstop("plan", "abort", "PLAN-1", "--because", "b").out.endswith(
        "next: allstop plan undo PLAN-1 --dry-run\n"
    )


def test_a_plan_that_ran_shows_how_each_node_ended(allstop: Run, planned: Recorded) -> None:
    found = stop_of_all(replace(SHOP), faults={"web/stop": "hang", "db/fence": "refuse"})
    found.run("PLAN-1")
    planned.answer("GET /plans/PLAN-1", made(found))
    ran = allstop("plan", "show", "PLAN-1")
    assert "web       forced" in ran.out
    assert "db        held" in ran.out
    assert "fence-db" in ran.out.partition("Steps of what is under way or held")[2]
    assert "allstop plan retry PLAN-1 fence-db" in ran.out

"""Playbooks on the command line: which there are, what one does, its plan with phases, tasks to be settled."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from allstop.application.plan_shapes import PlanView
from allstop.application.plan_shaping import plan_view, preview
from allstop.application.playbook_views import playbook_views
from allstop.domain.deciding.plan_drawing import draw, need_of_drawn
from allstop.domain.plan.asked import Asked
from allstop.domain.planning.drawn import Setting
from allstop.domain.policy import PlaySort
from allstop.protocol.problems import Place, problem
from tests.domain.builders import MINUTE
from tests.domain.fleet.ground import Ground
from tests.domain.fleet.playing import (
    book,
    isolate,
    miss,
    owe,
    phase,
    recover,
    settle,
    stage,
    step,
    task,
    with_books,
)
from tests.faces.cli import recorded
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.coordinator import Recorded

PLANS = "/incidents/current/plans"
NIGHT = book(
    phase("shut", 0, 2, isolate("cut", "front"), task("look", title="Look behind it", role="scribe"), owe("law")),
    phase("open", 2, 60, recover("back", "front", after=()), step("well", PlaySort.GATE, "all"), recovery=True),
    name="night", kinds=("outage",), services={"front": ("web",), "spare": ()}, extends=("trading",),
)  # fmt: skip


def night() -> Ground:
    return stage(with_books(NIGHT, kinds=("outage",)))


def made(ground: Ground) -> PlanView:
    world = ground.world
    return plan_view(world.plans["PLAN-1"], world, ground.book.latest, world.incidents["INC-1"])


def begun() -> Ground:
    ground = night()
    ground.drawn(Asked("playbook", playbook="night"))
    ground.run("PLAN-1")
    return ground


@pytest.fixture
def shelf(book: Recorded) -> Recorded:
    """A coordinator with one playbook, which makes PLAN-1."""
    ground = night()
    book.answer("GET /playbooks", playbook_views(ground.book.latest))
    ground.drawn(Asked("playbook", playbook="night"))
    book.answer("GET /plans/PLAN-1", made(ground))
    book.answer(f"POST {PLANS}", {"plan": "PLAN-1"}, 201)
    return book


@pytest.mark.parametrize(
    ("words", "body"),
    [
        (["plan", "playbook", "night"], {"purpose": "playbook", "playbook": "night"}),
        (["plan", "playbook"], {"purpose": "playbook", "playbook": ""}),
        (
            ["plan", "recover", "--playbook", "night"],
            {"purpose": "recover", "targets": [], "dependents": False, "playbook": "night"},
        ),
    ],
)
def test_what_a_command_asks(
    allstop: Run, shelf: Recorded, words: list[str], body: dict[str, object]
) -> None:
    ran = allstop(*words)
    assert ran.code == 0, ran.err
    asked = next(one for one in shelf.asked if one.method == "POST")
    assert (asked.path, asked.body) == (PLANS, body)


def test_the_preview_tells_the_phases_what_is_lacking_and_what_was_learned(
    allstop: Run, shelf: Recorded
) -> None:
    ground = night()
    asked = Asked("playbook", playbook="night")
    setting = Setting(
        ground.world, ground.book.latest, ground.world.incidents["INC-1"], asked, ground.now.utc
    )
    drawn = draw(setting)
    shelf.answer(f"POST {PLANS}/preview", preview(drawn, "playbook", need_of_drawn(setting, drawn)))
    out = allstop("plan", "playbook", "--dry-run").out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "not made yet (playbook): Night"
    assert "Shut 0s to 2m" in lines
    assert "Open 2m to 1h" in lines
    assert "no similar incident in the last twelve months" in lines
    assert "well: the fleet has no probe, so a person does it" in lines
    assert any("look: Look behind it phase:shut" in line for line in lines), lines
    assert any("web@cut: isolate phase:shut" in line for line in lines)


def test_a_running_plan_shows_its_phases_and_the_command_of_an_open_task(
    allstop: Run, shelf: Recorded
) -> None:
    ground = begun()
    shelf.answer("GET /plans/PLAN-1", made(ground))
    out = allstop("plan", "show", "PLAN-1").out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "Shut 0s to 2m running until 03:02:00, 1 of 4 open" in lines
    assert any(line.startswith("Open 2m to 1h waiting until 04:00:00") for line in lines)
    assert "look running - Look behind it; asked of scribe" in lines
    assert lines[-1] == (
        'next: allstop plan settle PLAN-1 look --happened --evidence "what you saw"'
    )


def test_a_long_playbook_is_counted_by_what_its_steps_are(allstop: Run, shelf: Recorded) -> None:
    """Given more nodes than are listed, then tasks are counted as tasks, whatever each of them is called."""
    tasks = [task(f"look-{at}" if at % 2 else f"ask-{at}", title="Look") for at in range(21)]
    ground = stage(with_books(book(phase("shut", 0, 60, *tasks), name="night")))
    ground.drawn(Asked("playbook", playbook="night"))
    shelf.answer("GET /plans/PLAN-1", made(ground))
    lines = [" ".join(one.split()) for one in allstop("plan", "playbook", "night").out.splitlines()]
    assert "21 task" in lines
    assert not any(line.endswith((" look", " ask")) for line in lines)


def test_following_ends_where_only_a_person_can_go_on(
    allstop: Run, shelf: Recorded, doors: Doors
) -> None:
    """Given a plan of which nothing moves but a task, then its follower is told whose it is, and does not wait."""
    ground = begun()
    doors.patience = 5
    shelf.answer("GET /plans/PLAN-1", made(ground))
    ran = allstop("plan", "follow", "PLAN-1")
    assert ran.code == 1, ran.err
    assert "asks scribe: Look behind it (look)" in ran.out
    assert ran.out.endswith(
        'next: allstop plan settle PLAN-1 look --happened --evidence "what you saw"\n'
    )


def test_a_late_phase_and_one_that_is_over_are_told_apart(allstop: Run, shelf: Recorded) -> None:
    ground = begun()
    ground.let_pass(3 * MINUTE)
    miss(ground, "shut")
    shelf.answer("GET /plans/PLAN-1", made(ground))
    assert "late" in next(line for line in allstop("plan", "show", "PLAN-1").out.splitlines() if "Shut" in line)  # fmt: skip
    settle(ground, "look")
    shelf.answer("GET /plans/PLAN-1", made(ground))
    line = next(line for line in allstop("plan", "show", "PLAN-1").out.splitlines() if "Shut" in line)  # fmt: skip
    assert "over, took 3m" in line
    assert "late" in line


def test_the_incident_names_the_playbook_that_is_for_it_and_the_tasks_that_wait(
    allstop: Run, shelf: Recorded
) -> None:
    """Somebody who is woken at night need not know that there is one."""
    view = replace(recorded.VIEW, playbooks=("night",), plans=(made(begun()),))
    shelf.answer("GET /incidents/current", view)
    lines = [" ".join(line.split()) for line in allstop("show").out.splitlines()]
    assert "playbook night is for this: allstop plan playbook night" in lines
    assert "asks scribe: Look behind it (look)" in lines


def test_the_list_names_what_could_be_adopted_as_well(allstop: Run, shelf: Recorded) -> None:
    out = allstop("playbook", "list").out
    assert "night" in out
    assert "outage" in out
    assert "Built in: patient-data." in out, "trading is extended already"
    assert allstop("playbook", "list", "-q").out == "night\n"
    assert json.loads(allstop("playbook", "list", "--json").out)[0]["name"] == "night"
    shelf.answer("GET /playbooks", ())
    out = allstop("playbook", "list").out
    assert "This project has no playbook." in out
    assert "Built in: patient-data, trading." in out


def test_one_playbook_with_its_steps(allstop: Run, shelf: Recorded) -> None:
    out = allstop("playbook", "show", "night").out
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "night: Night"
    assert "front web front" in lines
    assert "spare not used spare" in lines
    assert "Shut, 0s to 2m" in lines
    assert "cut plan isolate on front -" in lines
    assert "look task Look behind it, by scribe -" in lines
    assert "Open, 2m to 1h, the way back" in lines
    ran = allstop("playbook", "show", "nite")
    assert ran.code != 0
    assert "there is no playbook nite" in ran.err


def test_one_that_is_not_adopted_is_shown_as_it_comes(allstop: Run, shelf: Recorded) -> None:
    out = allstop("playbook", "show", "patient-data").out
    assert out.startswith("# Patient data")
    assert "extends: patient-data" in out
    found = json.loads(allstop("playbook", "show", "patient-data", "--json").out)
    assert (found["name"], found["adopted"]) == ("patient-data", False)


def test_problems_of_one_playbook(
    allstop: Run, doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a project with problems everywhere, when one playbook is asked for, then its own come, and those of
    what is built in; and `fleet check` has what it wants of the fleet."""
    folder = tmp_path / "ops" / "playbooks"
    folder.mkdir(parents=True)
    (folder / "night.yaml").write_text("")
    doors.problems = tuple(
        problem(code, Place(file, 1, 1), f"about {file}")
        for code, file in (
            ("AP003", "protocol.yaml"), ("AP182", "playbooks/night.yaml"), ("AP046", "playbooks/day.yaml"),
            ("AP042", "built-in/trading.yaml"), ("AP091", "fleet.yaml"),
        )
    )  # fmt: skip
    out = allstop("protocol", "check", str(folder / "night.yaml")).out
    assert [line.split(":")[0] for line in out.splitlines()[:-1]] == [
        "playbooks/night.yaml",
        "built-in/trading.yaml",
    ]
    out = allstop("fleet", "check").out
    assert [line.split(":")[0] for line in out.splitlines()[:-1]] == [
        "playbooks/day.yaml",
        "fleet.yaml",
    ]

"""`allstop run`: who is told of an agent before it starts, and what the person sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from allstop.application.shapes import AgentLine
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.coordinator import Recorded, problem


@pytest.fixture
def ready(book: Recorded) -> Recorded:
    book.answer("POST /agents", {"agent": "claude-work"}, 201)
    book.answer("GET /agents", (AgentLine("claude-work", "claude-work", "agents", "running", ()),))
    return book


def test_the_coordinator_knows_how_to_reach_it_before_it_starts(
    allstop: Run, ready: Recorded, doors: Doors
) -> None:
    ran = allstop("run", "--agent", "claude-work", "claude", "-p", "mend it", "--json")
    assert ran.code == 0, ran.err
    assert ran.out == ""  # what is printed there is the agent's
    assert "claude-work (agents) is registered" in ran.err
    ((asked, held),) = doors.agents
    # its own options are its own, wherever they stand
    assert asked.command == ("claude", "-p", "mend it", "--json")
    assert not held
    said = next(one.body for one in ready.asked if one.method == "POST")
    assert said["adapter"] == "agent-process"
    assert said["options"] == {"halt_file": "/somewhere/halt"}


def test_one_that_its_host_reaches_is_told_so(allstop: Run, ready: Recorded, doors: Doors) -> None:
    doors.hosted = "build-7"
    assert allstop("run", "--", "claude").code == 0
    said = next(one.body for one in ready.asked if one.method == "POST")
    assert (said["adapter"], said["host"]) == ("host", "build-7")


def test_one_nobody_named_is_named_after_program_and_folder(
    allstop: Run, ready: Recorded, doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    assert allstop("run", "--", "claude").code == 0
    assert doors.agents[0][0].agent == "claude-shop"


def test_a_halt_that_stands_is_told_to_whoever_starts_it(
    allstop: Run, ready: Recorded, doors: Doors
) -> None:
    ready.answer("GET /agents", (AgentLine("tick", "tick", "agents", "told", ("HALT-3",)),))
    ran = allstop("run", "--agent", "tick", "--", "claude")
    assert "held by HALT-3" in ran.err
    assert doors.agents[0][1] is True


def test_its_exit_code_is_ours(allstop: Run, ready: Recorded, doors: Doors) -> None:
    doors.exit_code = 137
    assert allstop("run", "--", "claude").code == 137


def test_without_a_coordinator_it_does_not_start_unless_told_to(
    allstop: Run, home: Path, doors: Doors
) -> None:
    ran = allstop("run", "--", "claude")
    assert ran.code != 0
    assert "was not started" in ran.err
    assert "--unregistered" in ran.err
    assert doors.agents == []
    assert allstop("run", "--unregistered", "--", "claude").code == 0
    assert len(doors.agents) == 1


def test_a_refusal_starts_nothing(allstop: Run, ready: Recorded, doors: Doors) -> None:
    status, body = problem(403, "not-allowed", "you may not register agents")
    ready.answer("POST /agents", body, status)
    assert allstop("run", "--", "claude").code != 0
    assert doors.agents == []


def test_a_machine_without_control_groups_says_what_that_means(
    allstop: Run, ready: Recorded, doors: Doors
) -> None:
    doors.group_because = "read-only file system"
    ran = allstop("run", "--", "claude")
    assert "no control group (read-only file system)" in ran.err
    assert "escape" in ran.err
    assert allstop("run", "-q", "--", "claude").err == ""


def test_the_work_tree_around_the_folder_is_the_one_that_is_saved(
    allstop: Run, ready: Recorded, doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree" / ".git").mkdir(parents=True)
    (tmp_path / "tree" / "src").mkdir()
    monkeypatch.chdir(tmp_path / "tree" / "src")
    allstop("run", "--", "claude")
    assert doors.agents[0][0].worktree == str(tmp_path / "tree")
    allstop("run", "--worktree", str(tmp_path), "--", "claude")
    assert doors.agents[1][0].worktree == str(tmp_path)


def test_nothing_to_run_is_a_wrong_use(allstop: Run, ready: Recorded) -> None:
    ran = allstop("run")
    assert ran.code == 2

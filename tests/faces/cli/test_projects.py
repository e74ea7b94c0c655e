"""Making a project, starting and stopping, looking for trouble."""

import json
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from allstop.protocol.problems import Place, problem
from allstop.settings import read_settings
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.coordinator import Recorded


def test_init_makes_documents_and_overwrites_nothing(allstop: Run, tmp_path: Path) -> None:
    folder = tmp_path / "ops"
    ran = allstop("init", str(folder))
    assert ran.code == 0
    assert ran.out.endswith(f"next: cd {folder} && allstop up --detach\n")
    assert sorted(file.name for file in folder.iterdir()) == [
        "allstop.toml",
        "fleet.yaml",
        "protocol.yaml",
        "roster.yaml",
    ]
    read_settings(folder, {})
    (folder / "roster.yaml").write_text("mine")
    (folder / "fleet.yaml").unlink()
    ran = allstop("init", str(folder))
    assert ran.code == 3
    assert "nothing is overwritten" in ran.err
    assert (folder / "roster.yaml").read_text() == "mine"
    assert not (folder / "fleet.yaml").exists()


def test_outside_of_a_project_it_says_how_to_begin(
    tmp_path: Path, doors: Doors, capsys: pytest.CaptureFixture[str]
) -> None:
    from allstop.faces.cli.entry import run  # noqa: PLC0415 - the fixture has a project

    assert run(doors.launch(tmp_path), {}, []) == 0
    assert capsys.readouterr().out == "There is no Allstop project here.\nnext: allstop init\n"
    assert run(doors.launch(tmp_path), {}, ["status"]) == 4


def test_a_project_that_is_down_says_how_to_start_it(allstop: Run, home: Path) -> None:
    ran = allstop()
    assert ran.code == 5
    assert ran.out == f"Allstop is not running in {home}.\nnext: allstop up --detach\n"


def test_up_stays_in_the_foreground(allstop: Run, doors: Doors, home: Path) -> None:
    ran = allstop("up")
    assert ran.code == 0
    assert doors.homes == [home]
    assert ran.out.startswith("Allstop is up; Ctrl-C ends it. Console: http://127.0.0.1:7411")


def test_up_ends_as_the_coordinator_ends(allstop: Run, doors: Doors) -> None:
    doors.exit_code = 4
    assert allstop("up").code == 4


def test_up_twice_starts_nothing(allstop: Run, doors: Doors, book: Recorded) -> None:
    assert allstop("up", "--detach").out.startswith("Allstop is up already")
    assert doors.homes == []


def test_a_crash_at_start_shows_the_last_lines(
    allstop: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_settings(home, {}).state.mkdir()
    crash = "import sys; print('disk \\x1b[31mfull'); sys.exit(5)"
    real = subprocess.Popen
    monkeypatch.setattr(
        "allstop.faces.cli.lifecycle.subprocess.Popen",
        lambda command, **kwargs: real([sys.executable, "-c", crash], **kwargs),
    )
    ran = allstop("up", "--detach", "--wait", "3600")
    assert ran.code == 5
    assert "error: the coordinator ended at its start (exit code 5)" in ran.err
    assert "  disk \\x1b[31mfull" in ran.err


def test_down_is_done_when_nothing_runs(allstop: Run) -> None:
    ran = allstop("down")
    assert (ran.code, ran.out) == (0, "Allstop is not running.\n")
    assert json.loads(allstop("down", "--json").out) == {"stopping": False}


def test_down_ends_a_coordinator_that_does_not_answer(allstop: Run, home: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        settings = read_settings(home, {})
        settings.state.mkdir()
        noted = {"pid": process.pid, "create_time": psutil.Process(process.pid).create_time()}
        settings.run_file.write_text(json.dumps(noted))
        ran = allstop("down", "--wait", "0")
        assert "was told to end (SIGTERM)" in ran.err
        assert process.wait(10) == -15
    finally:
        process.kill()
        process.wait()


def test_down_leaves_a_process_alone_that_got_the_same_number(allstop: Run, home: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        settings = read_settings(home, {})
        settings.state.mkdir()
        settings.run_file.write_text(json.dumps({"pid": process.pid, "create_time": 1.0}))
        assert allstop("down").out == "Allstop is not running.\n"
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_protocol_check_prints_every_problem(allstop: Run, doors: Doors, home: Path) -> None:
    doors.problems = (
        problem(
            "AP003",
            Place("protocol.yaml", 12, 7),
            'unknown key "severites"',
            "did you mean severities?",
        ),
        problem("AP070", Place("roster.yaml", 1, 1), "nobody is on the roster"),
    )
    doors.starts = False
    ran = allstop("protocol", "check")
    assert ran.code == 2
    assert (
        ran.out.splitlines()[0]
        == 'protocol.yaml:12:7: AP003 unknown key "severites" (did you mean severities?)'
    )
    found = json.loads(allstop("protocol", "check", "--json").out)
    assert [one["code"] for one in found["problems"]] == ["AP003", "AP070"]
    (home / "roster.yaml").touch()
    assert "AP003" not in allstop("protocol", "check", str(home / "roster.yaml")).out


def test_audit_reads_the_database_itself_when_nobody_runs(
    allstop: Run, doors: Doors, home: Path
) -> None:
    assert allstop("audit", "verify").code == 5
    settings = read_settings(home, {})
    settings.state.mkdir()
    settings.database.touch()
    doors.audit = {"ok": True, "entries": 12, "problems": []}
    ran = allstop("audit", "verify")
    assert (ran.code, ran.out.splitlines()[0]) == (
        0,
        "The record is intact (from the database file, the coordinator is down).",
    )
    doors.audit = {
        "ok": False,
        "entries": 12,
        "problems": [{"kind": "edited", "position": 7, "text": "not what its hash says"}],
    }
    ran = allstop("audit", "verify")
    assert ran.code == 1
    assert "THE RECORD IS NOT INTACT" in ran.out
    assert "edited at 7: not what its hash says" in ran.out


def test_doctor_says_what_to_do(allstop: Run, book: Recorded, home: Path) -> None:
    book.answer("GET /adapters", ({"name": "ssh", "unavailable": "asyncssh is missing"},))
    book.answer("GET /effects", ())
    ran = allstop("doctor")
    states = {line.split()[1]: line.split()[0] for line in ran.out.splitlines()}
    assert states == {
        "documents": "ok", "state": "ok", "disk": states["disk"], "coordinator": "ok", "you": "ok", "clock": "ok",
        "policy": "ok", "adapters": "warn", "agents": "warn", "effects": "ok",
    }  # fmt: skip
    assert "ssh cannot be used: asyncssh is missing -> allstop adapters" in ran.out
    assert "out of reach: builder-2 unaccounted -> allstop rollcall" in ran.out


def test_doctor_fails_when_nothing_runs(allstop: Run) -> None:
    ran = allstop("doctor")
    assert ran.code == 1
    assert re.search(r"^fail  coordinator .*-> allstop up --detach$", ran.out, re.MULTILINE)
    found = json.loads(allstop("doctor", "--json").out)
    assert {one["check"]: one["state"] for one in found}["coordinator"] == "fail"


def test_the_coordinators_own_log_is_there_when_it_is_not(allstop: Run, home: Path) -> None:
    settings = read_settings(home, {})
    assert allstop("log", "--coordinator").code == 5
    settings.state.mkdir()
    settings.log_file.write_text("one\ntwo\x1b[2J\nthree\n")
    assert allstop("log", "--coordinator", "--last", "2").out == "two\\x1b[2J\nthree\n"

"""A halt while the coordinator is silent: what this machine can do is done, and what was not reached is said."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from allstop.errors import Unavailable
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.coordinator import Recorded
from tests.faces.cli.test_host import AGENT, QUIET

LOCAL = "LOCAL-build-7-1"
STANDS = {"id": LOCAL, "incident": "-", "severity": "-", "classes": ["default"], "scope": "all"}


class Machine:
    """A host process: halts that were ordered stand, unless it loses them."""

    def __init__(self, doors: Doors, *, loses: bool = False, at: str = "") -> None:
        self.done: list[dict[str, Any]] = []
        self._loses = loses
        self._at = at
        doors.host.call = self._call  # type: ignore[method-assign]

    def _call(self, folder: Path, request: dict[str, Any]) -> dict[str, Any]:
        if self._at and str(folder) != self._at:
            raise Unavailable(f"no host process answers at {folder}", "Start it: allstop host run")
        if "do" in request:
            self.done.append(request)
            return {"ok": True, "halt": LOCAL}
        stands = [STANDS] if self.done and not self._loses else []
        return QUIET | {"ok": True, "halts": stands, "agents": [AGENT]}


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, says: str) -> list[str]:
    """Somebody who gives one answer, and what they were asked."""
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return says

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.termui.visible_prompt_func", answer)
    return asked


def test_here_is_halted_and_what_was_not_reached_is_named(allstop: Run, doors: Doors) -> None:
    machine = Machine(doors)
    ran = allstop("halt", "w", "--scope", "team:builders", "--tools", "write,exec", "--here")
    assert ran.code == 0, ran.err
    assert machine.done == [{"do": "halt", "scope": "team:builders", "classes": ["write", "exec"]}]
    assert ran.out == f"{LOCAL} stands on build-7: team:builders\nnext: allstop host\n"
    assert "reached:     the gates on build-7" in ran.err
    assert "tick" in ran.err
    assert "NOT reached: the coordinator, and every other machine" in ran.err


def test_programs_are_told_the_same(allstop: Run, doors: Doors) -> None:
    Machine(doors)
    found = json.loads(allstop("halt", "w", "--here", "--json").out)
    assert (found["halt"], found["reached"]) == (LOCAL, ["host:build-7"])
    assert found["not_reached"]["coordinator"]
    assert allstop("halt", "w", "--here", "-q").out == f"{LOCAL}\n"


def test_without_anybody_to_ask_nothing_is_guessed(allstop: Run, doors: Doors) -> None:
    machine = Machine(doors)
    ran = allstop("halt", "w")
    assert ran.code == 5
    assert "nobody was stopped" in ran.err
    assert "--here" in ran.err
    assert machine.done == []


@pytest.mark.parametrize(("says", "done", "code"), [("y", 1, 0), ("n", 0, 1)])
def test_a_person_is_asked(
    allstop: Run, doors: Doors, monkeypatch: pytest.MonkeyPatch, says: str, done: int, code: int
) -> None:
    machine = Machine(doors)
    asked = at_a_terminal(monkeypatch, says)
    ran = allstop("halt", "w")
    assert (len(machine.done), ran.code == 0) == (done, code == 0), ran.err
    assert "Halt all on this machine (build-7) instead?" in ran.err + "".join(asked)


def test_a_coordinator_that_answers_is_the_one_that_halts(
    allstop: Run, doors: Doors, book: Recorded
) -> None:
    machine = Machine(doors)
    book.answer("POST /halts", {"halt": "HALT-2"}, 201)
    assert allstop("halt", "w", "--here", "-q").out == "HALT-2\n"
    assert machine.done == []


@pytest.mark.parametrize(("status", "code", "done"), [(503, 0, 1), (403, 3, 0), (409, 3, 0)])
def test_a_refusal_is_no_silence(
    allstop: Run, doors: Doors, book: Recorded, status: int, code: int, done: int
) -> None:
    machine = Machine(doors)
    book.answer("POST /halts", {"title": "no", "detail": "no", "status": status}, status)
    ran = allstop("halt", "w", "--here")
    assert (ran.code, len(machine.done)) == (code, done), ran.err


@pytest.mark.parametrize(("settings", "code"), [(None, 4), ("port = ", 2)])
def test_where_there_is_no_project_the_machine_is_halted_all_the_same(
    allstop: Run, doors: Doors, home: Path, settings: str | None, code: int
) -> None:
    (home / "allstop.toml").unlink()
    if settings is not None:
        (home / "allstop.toml").write_text(settings)
    assert allstop("halt", "w", "--here").code == code
    machine = Machine(doors)
    assert allstop("halt", "w", "--here").code == 0
    assert len(machine.done) == 1


def test_nobody_at_all_is_said_as_such(allstop: Run) -> None:
    ran = allstop("halt", "w", "--here")
    assert ran.code == 5
    assert "nobody was stopped, for no host process answers on this machine either" in ran.err


def test_the_process_of_the_whole_machine_is_found_too(allstop: Run, doors: Doors) -> None:
    doors.host.place = Path("/home/ada/.local/state/allstop/host")
    machine = Machine(doors, at="/var/lib/allstop/host")
    assert allstop("halt", "w", "--here").code == 0
    assert len(machine.done) == 1
    named = Machine(doors, at="/srv/h")
    assert allstop("halt", "w", "--here").code == 5
    assert allstop("halt", "w", "--here", "--host-folder", "/srv/h").code == 0
    assert len(named.done) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--except", "builder-2"], "cannot leave out builder-2"),
        (["--scope", "host:web-9"], "this machine is build-7"),
    ],
)
def test_what_this_machine_cannot_do_as_it_was_meant_is_not_done(
    allstop: Run, doors: Doors, words: list[str], told: str
) -> None:
    machine = Machine(doors)
    ran = allstop("halt", "w", "--here", *words)
    assert ran.code == 5
    assert told in ran.err
    assert machine.done == []


def test_this_machine_by_its_name_is_this_machine(allstop: Run, doors: Doors) -> None:
    machine = Machine(doors)
    assert allstop("halt", "w", "--here", "--scope", "host:build-7").code == 0
    assert machine.done[0]["scope"] == "host:build-7"


def test_a_halt_that_does_not_stand_is_not_claimed(allstop: Run, doors: Doors) -> None:
    Machine(doors, loses=True)
    ran = allstop("halt", "w", "--here")
    assert ran.code == 5
    assert "does not stand there" in ran.err
    assert "stands on" not in ran.out

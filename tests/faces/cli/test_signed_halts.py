"""A halt that is signed here and carried to a machine: nothing is asked of a coordinator, and nothing but the file is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.signing import PinnedKeys
from allstop.domain.halt.order_text import Carried, Statement, read_carried
from allstop.errors import Refused
from allstop.faces.cli.keys import GOOD_FOR
from tests.faces.cli.conftest import Doors, Run
from tests.faces.cli.recorded import NOW
from tests.host.hosts import Machine


@pytest.fixture
def key(allstop: Run, home: Path) -> Path:
    assert allstop("key", "new", "ada", "--folder", str(home), "-q").code == 0
    return home / "ada.key"


@pytest.mark.parametrize(
    ("words", "scope", "classes"),
    [
        ((), "all", ("default",)),
        (("--hard", "--scope", "team:builders"), "team:builders", ("hard",)),
        (("--tools", "exec,write"), "all", ("write", "exec")),
    ],
)
def test_it_is_signed_where_the_key_is_and_nobody_is_asked(
    allstop: Run,
    doors: Doors,
    key: Path,
    words: tuple[str, ...],
    scope: str,
    classes: tuple[str, ...],
) -> None:
    ran = allstop("halt", "no coordinator", *words, "--sign", str(key))
    assert ran.code == 0, ran.err
    assert "nobody is stopped yet" in ran.err
    assert doors.host.asked == []
    found = json.loads(ran.out)
    meant = Carried(scope, classes, "no coordinator", "fleet", NOW, NOW + GOOD_FOR)
    assert read_carried(found["text"]) == meant
    pinned = PinnedKeys(Path(f"{key}.pub"))
    assert pinned.check(found["key"], found["text"].encode(), found["signature"]) is True


@pytest.mark.parametrize(
    "words", [["--except", "builder-2"], ["--incident", "INC-1"], ["--tools", "everything"]]
)
def test_what_no_machine_could_follow_is_not_signed(
    allstop: Run, key: Path, words: list[str]
) -> None:
    ran = allstop("halt", "w", *words, "--sign", str(key))
    assert (ran.code, ran.out) == (2, "")


def test_without_its_key_nothing_is_signed(allstop: Run, home: Path) -> None:
    ran = allstop("halt", "w", "--sign", str(home / "nobody.key"))
    assert ran.code != 0
    assert ran.out == ""


def test_the_machine_is_given_what_was_signed(
    allstop: Run, doors: Doors, key: Path, home: Path
) -> None:
    file = home / "halt.json"
    file.write_text(allstop("halt", "w", "--sign", str(key), "-q").out)
    doors.host.answers = {"ok": True, "halt": "LOCAL-build-7-1"}
    ran = allstop("host", "halt", "--signed", str(file))
    assert "LOCAL-build-7-1 stands on this machine, as it was signed" in ran.out
    asked: dict[str, Any] = doors.host.asked[-1]
    assert asked["signed"] == json.loads(file.read_text())
    assert "scope" not in asked


def test_a_halt_of_a_machine_is_lifted_by_what_was_signed_for_it(
    allstop: Run, key: Path, tmp_path: Path
) -> None:
    """Given a machine that has pinned a key, when its release is signed elsewhere, then it lifts that halt, there, and no other."""
    machine = Machine(tmp_path / "h", now=NOW)
    with (machine.folder / "host.keys").open("a") as pinned:
        pinned.write(f"release {Path(f'{key}.pub').read_text().splitlines()[-1]}\n")
    keeper = machine.keeper()
    halt = keeper.order_here("all", (), "uid 1000")
    for words in (("HALT-9", "--host", "build-7"), (halt, "--host", "web-9")):
        made = json.loads(allstop("key", "sign", *words, "--with", str(key)).out)
        with pytest.raises(Refused):
            keeper.lift_here(halt, as_root=False, statements=(Statement(**made),))
    made = json.loads(allstop("key", "sign", halt, "--host", "build-7", "--with", str(key)).out)
    keeper.lift_here(halt, as_root=False, statements=(Statement(**made),))
    assert machine.lines() == []


@pytest.mark.parametrize("words", [["--hard"], ["--tools", "write"], ["--scope", "team:x"]])
def test_a_signed_halt_is_not_bent(
    allstop: Run, doors: Doors, home: Path, words: list[str]
) -> None:
    file = home / "halt.json"
    file.write_text("{}")
    assert allstop("host", "halt", "--signed", str(file), *words).code == 2
    file.write_text("{")
    assert "no signed statement" in allstop("host", "halt", "--signed", str(file)).err
    assert doors.host.asked == []

"""Denying Claude Code its tools, and letting it go again: the disk is as it was, and nobody else's file is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from allstop.gate.state_file import State, render
from allstop.runtimes.denying import FILE, TOOLS, plan_deny, plan_lift
from allstop.runtimes.installed_files import Place
from allstop.runtimes.installing import carry_out, known, plan_install, plan_uninstall
from allstop.runtimes.settings_places import MANAGED

AT = "2026-11-21T22:00:00+00:00"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A disk on which a host process has run."""
    root = tmp_path / "disk"
    (root / "var/lib/allstop/host").mkdir(parents=True)
    (root / "var/lib/allstop/host/state").write_text(render(State(7, "boot")))
    return Place(MANAGED, Path("/home/ada"), {}, Path("/var/lib/allstop/host"), root)


def everything(place: Place) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(place.root)): path.read_bytes() if path.is_file() else None
        for path in sorted(place.root.rglob("*"))
    }


def denied(place: Place) -> list[str]:
    found: list[str] = json.loads(place.on_disk(FILE).read_bytes())["permissions"]["deny"]
    return found


def test_what_changes_something_is_denied_and_reading_stays_open(place: Place) -> None:
    carry_out(plan_deny(place, AT, everything=False))
    assert denied(place) == list(TOOLS)
    assert {"Bash", "Write", "Edit", "WebFetch", "Task"} <= set(TOOLS)
    assert not {"Read", "Grep", "Glob"} & set(TOOLS)
    carry_out(plan_deny(place, AT, everything=True))
    assert denied(place) == ["*"]


@pytest.mark.parametrize("over_an_installation", [False, True])
def test_lifted_there_is_nothing_left_of_it(place: Place, *, over_an_installation: bool) -> None:
    if over_an_installation:
        carry_out(plan_install(known("claude"), place, AT))
    before = everything(place)
    carry_out(plan_deny(place, AT, everything=False))
    assert plan_deny(place, AT, everything=False).nothing, "twice is once"
    carry_out(plan_deny(place, AT, everything=True))
    carry_out(plan_lift(place))
    after = everything(place)
    record = "usr/local/lib/allstop/installed.json"
    assert {name: body for name, body in after.items() if name != record} == {
        name: body for name, body in before.items() if name != record
    }
    assert plan_lift(place).nothing


def test_taking_the_gate_out_lifts_nothing_and_the_other_way_round(place: Place) -> None:
    carry_out(plan_install(known("claude"), place, AT))
    carry_out(plan_deny(place, AT, everything=False))
    carry_out(plan_uninstall(known("claude"), place))
    assert denied(place) == list(TOOLS)
    carry_out(plan_lift(place))
    assert not (place.root / "etc").exists()
    assert not (place.root / "usr").exists()


def test_a_file_nobody_of_us_wrote_stays(place: Place) -> None:
    disk = place.on_disk(FILE)
    disk.parent.mkdir(parents=True)
    disk.write_text('{"permissions": {"deny": ["Bash"]}}')
    plan = plan_lift(place)
    assert plan.nothing
    assert "none that Allstop wrote" in plan.notes[0]


def test_what_somebody_added_since_stays(place: Place) -> None:
    carry_out(plan_deny(place, AT, everything=False))
    disk = place.on_disk(FILE)
    disk.write_text(json.dumps({**json.loads(disk.read_text()), "model": "opus"}))
    carry_out(plan_lift(place))
    assert json.loads(disk.read_text()) == {"model": "opus"}


def test_without_a_record_our_own_file_is_known(place: Place) -> None:
    carry_out(plan_deny(place, AT, everything=True))
    place.on_disk(place.record).unlink()
    carry_out(plan_lift(place))
    assert not place.on_disk(FILE).exists()


def test_where_no_session_looks_yet_it_is_said(place: Place) -> None:
    assert "sessions that run already" in plan_deny(place, AT, everything=False).notes[0]
    place.on_disk(FILE).parent.mkdir(parents=True)
    assert plan_deny(place, AT, everything=False).notes == ()

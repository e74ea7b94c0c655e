"""`allstop agents kit`: a folder with what agents are given, never over what somebody else has put there."""

from __future__ import annotations

import json
from pathlib import Path

from allstop.gate import gate_path
from allstop.gate.state_file import State, render
from tests.faces.cli.conftest import Doors, Run


def test_the_kit_is_written_for_this_machine(allstop: Run, doors: Doors, tmp_path: Path) -> None:
    doors.host.place = tmp_path / "host"
    doors.host.place.mkdir()
    (doors.host.place / "state").write_text(render(State(1, "boot")))
    ran = allstop("agents", "kit", str(tmp_path / "kit"))
    assert (ran.code, ran.err) == (0, ""), ran.err
    assert "Only managed settings enforce" in ran.out
    gate = tmp_path / "kit/claude/allstop/bin/allstop-gate"
    assert gate.read_bytes() == gate_path().read_bytes()
    assert gate.stat().st_mode & 0o777 == 0o755
    assert str(doors.host.place) in (tmp_path / "kit/codex/allstop/hooks/hooks.json").read_text()


def test_a_machine_without_a_state_file_is_said_to_refuse_everything(
    allstop: Run, doors: Doors, tmp_path: Path
) -> None:
    ran = allstop("agents", "kit", str(tmp_path / "kit"), "--state", str(tmp_path / "none"))
    assert ran.code == 0, ran.err
    assert f"There is no state file in {tmp_path / 'none'} here" in ran.err
    ran = allstop(
        "agents", "kit", str(tmp_path / "kit"), "--state", str(tmp_path / "none"), "--json"
    )
    told = json.loads(ran.out)
    assert told["state_there"] is False
    assert all((tmp_path / "kit" / one).is_file() for one in told["files"])


def test_writing_it_again_changes_nothing_and_what_differs_is_kept(
    allstop: Run, tmp_path: Path
) -> None:
    kit = tmp_path / "kit"
    assert allstop("agents", "kit", str(kit), "-q").out == f"{kit}\n"
    assert allstop("agents", "kit", str(kit)).code == 0
    own = kit / "AGENTS.md"
    own.write_text("our own words\n")
    refused = allstop("agents", "kit", str(kit))
    assert refused.code == 3
    assert "has AGENTS.md already, and nothing is written over" in refused.err
    assert own.read_text() == "our own words\n"
    assert allstop("agents", "kit", str(kit), "--force").code == 0
    assert own.read_text() != "our own words\n"


def test_a_folder_that_cannot_be_is_said_in_a_sentence(allstop: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ran = allstop("agents", "kit", str(tmp_path / "file" / "kit"))
    assert ran.code == 1
    assert "Not a directory" in ran.err
    assert "choose a folder you may write to" in ran.err


def test_a_state_folder_that_is_not_absolute_is_refused(allstop: Run, tmp_path: Path) -> None:
    ran = allstop("agents", "kit", str(tmp_path / "kit"), "--state", "state")
    assert ran.code == 2
    assert "--state 'state' is no absolute folder" in ran.err
    assert not (tmp_path / "kit").exists()

"""`allstop host`: what stands on this machine; asking is not halting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faces.cli.conftest import Doors, Run

QUIET: dict[str, Any] = {
    "ok": True, "host": "build-7", "coordinator": "http://127.0.0.1:7411", "connected": True, "fault": "", "seq": 17,
    "folder": "/var/lib/allstop/host", "halts": [], "passes": 0, "lease": {"policy": "open", "seconds_left": None},
    "agents": [], "frozen": [], "refused": [], "garbled_receipts": 0,
}  # fmt: skip
HALT = {
    "id": "HALT-3", "incident": "INC-7", "severity": "SEV1", "classes": ["default"], "scope": "all", "refused_calls": 4,
}  # fmt: skip
AGENT = {
    "agent": "tick",
    "team": "builders",
    "worktree": "",
    "group": "/sys/fs/cgroup/allstop/tick",
}


@pytest.mark.parametrize("words", [["host"], ["host", "status"]])
def test_a_quiet_machine(allstop: Run, doors: Doors, words: list[str]) -> None:
    doors.host.answers = QUIET
    ran = allstop(*words)
    assert ran.code == 0, ran.err
    assert "build-7: coordinator http://127.0.0.1:7411 heard, order 17" in ran.out
    assert "Nothing is halted here." in ran.out
    # looking never halts
    assert [{"ask", "do"} & set(one) for one in doors.host.asked] == [{"ask"}]


def test_everything_a_person_must_know_is_there(allstop: Run, doors: Doors) -> None:
    doors.host.answers = QUIET | {
        "connected": False, "fault": "ConnectError: all attempts failed", "halts": [HALT], "agents": [AGENT],
        "frozen": [{"agent": "tick", "done": False, "evidence": "not stopped"}],
        "lease": {"policy": "closed", "seconds_left": 12},
        "refused": [{"at": "2026-11-21T03:00:00+00:00", "code": "forged", "because": "its signature is \x1b[2J not"}],
    }  # fmt: skip
    ran = allstop("host")
    assert "NOT HEARD: ConnectError" in ran.out
    assert "12 s left" in ran.out
    assert "HALT-3" in ran.out
    assert "4" in ran.out
    assert "NOT FROZEN" in ran.out
    assert "refused forged" in ran.out
    assert "\x1b[2J" not in ran.out


def test_json_is_what_the_process_said(allstop: Run, doors: Doors) -> None:
    doors.host.answers = QUIET
    found = json.loads(allstop("host", "status", "--json").out)
    assert found["seq"] == 17
    assert "ok" not in found


def test_without_a_process_it_is_said_how_to_start_one(allstop: Run) -> None:
    ran = allstop("host")
    assert ran.code != 0
    assert "allstop host run" in ran.err


def test_a_halt_here_is_asked_for_in_plain_words(allstop: Run, doors: Doors) -> None:
    doors.host.answers = {"ok": True, "halt": "LOCAL-build-7-1"}
    ran = allstop("host", "halt", "--scope", "repository:/srv/shop", "--tools", "write,exec")
    assert "LOCAL-build-7-1 stands on this machine: repository:/srv/shop" in ran.out
    assert "next: allstop host lift LOCAL-build-7-1" in ran.out
    assert doors.host.asked[-1]["classes"] == ["write", "exec"]
    allstop("host", "halt", "--hard")
    assert doors.host.asked[-1]["classes"] == ["hard"]
    assert allstop("host", "halt", "-q").out == "LOCAL-build-7-1\n"


def test_lifting_takes_signed_statements_from_files(
    allstop: Run, doors: Doors, tmp_path: Path
) -> None:
    doors.host.answers = {"ok": True, "lifted": "LOCAL-build-7-1"}
    signed = tmp_path / "release.json"
    signed.write_text('{"text": "x", "key": "k", "signature": "s"}')
    ran = allstop("host", "lift", "LOCAL-build-7-1", "--signed", str(signed))
    assert "is lifted on this machine" in ran.out
    assert doors.host.asked[-1]["statements"] == [{"text": "x", "key": "k", "signature": "s"}]
    signed.write_text("nonsense")
    ran = allstop("host", "lift", "LOCAL-build-7-1", "--signed", str(signed))
    assert ran.code != 0
    assert "is no signed statement" in ran.err


def test_joining_pins_keys_and_says_which(allstop: Run, doors: Doors, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("allstop_secret\n")
    words = ("host", "join", "--to", "https://allstop.example.org/", "--token-file", str(token))
    ran = allstop(*words)
    assert ran.code == 0, ran.err
    assert "build-7 takes orders of https://allstop.example.org" in ran.out
    assert "order key 89bae300b4b40a70 (coordinator)" in ran.out
    assert "was taken as it was told" in ran.out
    assert "allstop_secret" not in ran.out
    assert doors.host.joined[0][1:5] == (
        "https://allstop.example.org",
        "build-7",
        "allstop_secret",
        "",
    )
    assert "was taken as it was told" not in allstop(*words, "--key", "89bae300b4b40a70").out


@pytest.mark.parametrize("text", ["", " \n", "two words\nand lines", "ü"])
def test_a_file_without_a_token_joins_nothing(
    allstop: Run, doors: Doors, tmp_path: Path, text: str
) -> None:
    token = tmp_path / "token"
    token.write_text(text)
    ran = allstop("host", "join", "--to", "https://x.example", "--token-file", str(token))
    assert ran.code != 0
    assert "holds no token" in ran.err
    assert doors.host.joined == []


def test_running_it_gives_its_exit_code(allstop: Run, doors: Doors, tmp_path: Path) -> None:
    doors.host.code = 3
    assert allstop("host", "run", "--folder", str(tmp_path)).code == 3
    assert doors.host.asked[-1] == {"run": str(tmp_path)}


SESSION = {
    "runtime": "claude", "session": "s-1", "agent": "builder-1", "folder": "/srv/shop", "last": "refused Bash", "seconds_ago": 4,
    "ended": False, "status": "busy", "pid": 4242, "resume": "claude --resume s-1", "known_by": ["gate", "client"],
}  # fmt: skip


def test_sessions_are_shown_with_what_they_did_last_and_how_they_are_resumed(
    allstop: Run, doors: Doors
) -> None:
    silent = SESSION | {"session": "s-2", "agent": "", "last": "", "seconds_ago": None, "folder": "", "resume": ""}  # fmt: skip
    doors.host.answers = QUIET | {"sessions": [SESSION, silent], "forgotten": 3}
    ran = allstop("host", "status")
    assert ran.code == 0, ran.err
    first = next(line for line in ran.out.splitlines() if line.lstrip().startswith("s-1"))
    for word in ("claude", "builder-1", "refused Bash 4s ago", "/srv/shop", "claude --resume s-1"):
        assert word in first
    second = next(line for line in ran.out.splitlines() if line.lstrip().startswith("s-2"))
    assert second.split() == ["s-2", "claude", "-", "busy", "-", "-"]
    assert "3 more sessions were told of than are remembered" in " ".join(ran.out.split())


def test_a_program_reads_the_sessions_too(allstop: Run, doors: Doors) -> None:
    doors.host.answers = QUIET | {"sessions": [SESSION], "forgotten": 0}
    told = json.loads(allstop("host", "status", "--json").out)
    assert told["sessions"] == [SESSION]
    assert [one["sessions"] for one in doors.host.asked] == [True]

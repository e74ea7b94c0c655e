"""The sessions on a machine: what was told of them, what a client lists, and no more than that."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import sys
import tempfile
from pathlib import Path

import pytest

from allstop.host.client_lists import ClientLists, Listed, listed_by_clients, read_list
from allstop.host.sessions import MOST, WINDOW_S, Sessions
from allstop.host.spool import Fact, Receipt

NOW = 10_000
NOBODY = 65_534
LISTED = {"sessionId": "s-9", "pid": 4242, "cwd": "/srv/shop", "status": "busy", "kind": "interactive"}  # fmt: skip


def fact(
    event: str, session: str = "s-1", seconds: int = NOW - 60, folder: str = "/srv/shop"
) -> Fact:
    return Fact(42, event, "claude", session, seconds, folder)


def refused(tool: str, session: str = "s-1", seconds: int = NOW - 4) -> Receipt:
    return Receipt(42, "HALT-3", "claude", session, tool, seconds)


def nobody(pid: int) -> str:
    return ""


def test_a_session_is_what_it_told_last_and_where_it_works() -> None:
    """Given a session that began in a folder, when its gate refuses a call, then both are known of it."""
    sessions = Sessions()
    sessions.take(fact("SessionStart"))
    sessions.take(refused("Bash"))
    assert sessions.seen(NOW, (), nobody) == [
        {
            "runtime": "claude", "session": "s-1", "agent": "", "folder": "/srv/shop", "last": "refused Bash",
            "seconds_ago": 4, "ended": False, "status": "", "pid": None, "resume": "claude --resume s-1",
            "known_by": ["gate"],
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("runtime", "resume"),
    [
        ("claude", "claude --resume s-1"),
        ("codex", "codex resume s-1"),
        ("gemini", "gemini --resume s-1"),
        ("copilot", "copilot --resume=s-1"),
        ("generic", ""),
    ],
)
def test_each_client_opens_a_session_again_in_its_own_words(runtime: str, resume: str) -> None:
    sessions = Sessions()
    sessions.take(Fact(42, "Stop", runtime, "s-1", NOW, "-"))
    (found,) = sessions.seen(NOW, (), nobody)
    assert found["resume"] == resume
    assert found["folder"] == ""


def test_what_would_be_an_option_is_no_session_to_resume() -> None:
    sessions = Sessions()
    sessions.take(fact("Stop", session="--dangerously-skip-permissions"))
    assert sessions.seen(NOW, (), nobody)[0]["resume"] == ""


def test_one_that_has_ended_is_shown_as_ended() -> None:
    sessions = Sessions()
    sessions.take(fact("SessionStart"))
    sessions.take(fact("SessionEnd"))
    assert sessions.seen(NOW, (), nobody)[0]["ended"]


@pytest.mark.parametrize("seconds", [NOW - WINDOW_S - 1, NOW + 1])
def test_one_that_is_silent_for_long_or_from_another_start_of_the_machine_is_not_counted(
    seconds: int,
) -> None:
    sessions = Sessions()
    sessions.take(fact("Stop", seconds=seconds))
    assert sessions.seen(NOW, (), nobody) == []


def test_who_does_not_say_its_session_is_none() -> None:
    sessions = Sessions()
    sessions.take(refused("Bash", session="-"))
    assert sessions.seen(NOW, (), nobody) == []


def test_a_flood_takes_no_memory_and_is_told() -> None:
    sessions = Sessions()
    for number in range(MOST + 7):
        sessions.take(fact("Stop", session=f"s-{number}"))
    assert len(sessions.seen(NOW, (), nobody)) == MOST
    assert sessions.forgotten == 7


def test_the_newest_comes_first_and_one_nobody_heard_of_last() -> None:
    sessions = Sessions()
    sessions.take(fact("Stop", session="old", seconds=NOW - 100))
    sessions.take(fact("Stop", session="new", seconds=NOW - 1))
    listed = Listed("claude", "silent", 7, "/srv", "idle")
    found = sessions.seen(NOW, (listed,), nobody)
    assert [one["session"] for one in found] == ["new", "old", "silent"]


def test_what_a_client_lists_is_put_beside_what_the_gate_heard() -> None:
    """Given a session both know, then it is one, and the agent is the one whose group its process is in."""
    sessions = Sessions()
    sessions.take(refused("Bash"))
    listed = Listed("claude", "s-1", 4242, "/srv/shop", "busy")
    (found,) = sessions.seen(NOW, (listed,), {4242: "builder-1"}.__getitem__)
    assert found["known_by"] == ["gate", "client"]
    assert (found["agent"], found["pid"], found["status"]) == ("builder-1", 4242, "busy")
    assert (found["folder"], found["last"]) == ("/srv/shop", "refused Bash")


def test_one_that_still_runs_has_not_ended_whatever_was_written_down() -> None:
    """Given somebody wrote that a session has ended, when its client lists it as running, then it has not."""
    sessions = Sessions()
    sessions.take(fact("SessionEnd"))
    (found,) = sessions.seen(NOW, (Listed("claude", "s-1", 4242, "", ""),), nobody)
    assert not found["ended"]


@pytest.mark.parametrize(
    "odd",
    [
        {}, {"sessionId": 4}, {"sessionId": "a b"}, {"sessionId": "\x1b[2J"}, {"pid": "4242"}, {"pid": True},
        {"pid": 1}, {"pid": None}, [], None, "s-9",
    ],
)  # fmt: skip
def test_a_line_of_a_list_that_makes_no_sense_is_left_out(odd: object) -> None:
    line = LISTED | odd if isinstance(odd, dict) and odd else odd
    assert [one.session for one in read_list(json.dumps([line, LISTED]).encode())] == ["s-9"]


@pytest.mark.parametrize("answer", [b"", b"{", b"{}", b"4", b"[" * 50_000, b"\xff\xfe", b'"s"'])
def test_an_answer_that_is_no_list_lists_nothing(answer: bytes) -> None:
    assert read_list(answer) == ()


def test_words_of_a_list_that_are_not_plain_are_not_passed_on() -> None:
    odd = LISTED | {"cwd": "/srv/\x1b[2J", "status": "busy; rm -rf"}
    assert read_list(json.dumps([odd]).encode()) == (Listed("claude", "s-9", 4242, "", ""),)


def client(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name on PATH."""
    program = folder / "claude"
    program.write_text(f"#!{sys.executable}\nimport os, sys, time\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


async def test_a_client_is_asked_in_the_home_of_its_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSTOP_TOKEN", "not for clients")
    script = (
        f"lines = {[LISTED]!r}\n"
        "assert sys.argv[1:] == ['agents', '--json'] and 'ALLSTOP_TOKEN' not in os.environ\n"
        "assert os.path.expanduser('~') == os.environ['HOME']\n"
        "import json; print(json.dumps(lines))"
    )
    client(tmp_path, script, monkeypatch)
    assert await listed_by_clients([os.geteuid()]) == (
        Listed("claude", "s-9", 4242, "/srv/shop", "busy"),
    )


@pytest.mark.parametrize(
    "script",
    [
        "sys.exit(1)",
        f"print({json.dumps([LISTED])!r}); sys.stdout.flush(); sys.exit(3)",
        "print('[' + ' ' * 2_000_000 + ']')",
    ],
)
async def test_one_that_fails_or_says_too_much_lists_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    client(tmp_path, script, monkeypatch)
    assert await listed_by_clients([os.geteuid()]) == ()


async def test_one_that_hangs_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("allstop.host.client_lists.PATIENCE_MS", 1000)
    here = tmp_path / "pids"
    script = (
        f"child = os.fork()\nopen({str(here)!r}, 'a').write(f'{{os.getpid()}} ')\ntime.sleep(600)"
    )
    client(tmp_path, script, monkeypatch)
    assert await listed_by_clients([os.geteuid()]) == ()
    pids = [int(word) for word in here.read_text().split()]
    assert len(pids) == 2
    for pid in pids:
        await gone(pid)


async def gone(pid: int) -> None:
    for _ in range(500):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{pid} is still there")


async def test_sessions_of_somebody_else_are_asked_for_with_their_rights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a host process that is root's, when it asks for another user's sessions, then the client runs as that user."""
    uid = NOBODY if os.geteuid() == 0 else os.geteuid()
    with tempfile.TemporaryDirectory(prefix="allstop-") as name:
        Path(name).chmod(0o755)
        program = Path(name) / "claude"
        program.write_text(
            '#!/bin/sh\nprintf \'[{"sessionId":"uid-%s.%s","pid":42}]\' "$(id -u)" "$(id -G)"\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{name}:{os.environ['PATH']}")
        (found,) = await listed_by_clients([uid])
    assert found.session.startswith(f"uid-{uid}.")
    assert os.geteuid() != 0 or found.session == f"uid-{uid}.{pwd.getpwuid(uid).pw_gid}"


async def test_where_there_is_no_such_client_nothing_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await listed_by_clients([os.geteuid()]) == ()


async def test_many_who_ask_start_one_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given everybody asks at once, then the client is started once, and again when its answer is old."""
    count = tmp_path / "count"
    client(tmp_path, f"open({str(count)!r}, 'a').write('.'); print('[]')", monkeypatch)
    lists = ClientLists()
    await asyncio.gather(*(lists.running([os.geteuid()], NOW) for _ in range(20)))
    await lists.running([os.geteuid()], NOW + 9)
    assert count.read_text() == "."
    await lists.running([os.geteuid()], NOW + 11)
    assert count.read_text() == ".."

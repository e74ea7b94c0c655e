"""The runtime `agent-process`: orders, claims, and trees of processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from allstop.adapters.agent_process import AgentProcess
from allstop.adapters.mechanisms.order_file import Order
from allstop.domain.effects import Ending, Outcome
from allstop.sandbox import halt_file
from tests.adapters.worlds import Agent, Blobs, Repo, effect, end_marked, marked, running_agent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with running_agent(tmp_path) as agent:
        yield agent


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo.make(tmp_path / "work")
    repo.commit("start", {"notes": "1", ".gitignore": "secret\n"})
    return repo


async def act(verb: str, options: dict[str, Any], **changes: Any) -> Outcome:
    return await AgentProcess().act(effect(verb, options, **changes), Blobs())


# --- the order ----------------------------------------------------------------------------------


async def test_the_order_is_a_file_of_lines(tmp_path: Path) -> None:
    """Given an order, the file holds it line by line, whatever the words try."""
    halt = tmp_path / "halt"
    reason = "a\nmode run\u2028halt other\x85x\x1b[2J\ud800"
    options = {"halt_file": str(halt), "halt": "H-1", "incident": "INC-1", "reason": reason}
    assert (await act("tell", options)).ending is Ending.DONE
    assert halt.read_text().splitlines() == [
        "v 1",
        "seq 5",
        "mode halt",
        "halt H-1",
        "incident INC-1",
        "reason a mode run halt other x[2J",
    ]
    assert halt.stat().st_mode & 0o777 == 0o644
    assert {path.name for path in tmp_path.iterdir()} == {"halt", "halt.lock"}


@pytest.mark.parametrize(
    ("standing", "verb", "ending"),
    [
        ((4, True), "tell", Ending.DONE),
        ((4, False), "tell", Ending.DONE),
        ((5, True), "tell", Ending.DONE),
        ((5, False), "tell", Ending.DONE),
        ((6, True), "tell", Ending.FAILED),
        ((6, False), "tell", Ending.FAILED),
        ((4, True), "resume", Ending.DONE),
        ((5, False), "resume", Ending.DONE),
        ((5, True), "resume", Ending.FAILED),
        ((6, True), "resume", Ending.FAILED),
    ],
)
async def test_orders_are_fenced_and_a_tie_ends_halted(
    tmp_path: Path, standing: tuple[int, bool], verb: str, ending: Ending
) -> None:
    """Given a standing order, a lower number never replaces it; under one number halt wins."""
    halt = tmp_path / "halt"
    halt.write_text(Order(*standing, halt="H-0").text())
    outcome = await act(verb, {"halt_file": str(halt), "halt": "H-1"})
    assert outcome.ending is ending, outcome.because
    if ending is Ending.FAILED:
        assert halt.read_text() == Order(*standing, halt="H-0").text()
        assert "a newer order stands" in outcome.because


@pytest.mark.parametrize("rubbish", [b"", b"\xff\xfe", b"v 2\nseq 1\nmode run\n", b"x" * 20_000])
async def test_a_file_without_sense_is_halted_over_but_not_resumed_over(
    tmp_path: Path, rubbish: bytes
) -> None:
    """Given rubbish in the file, a halt replaces it; a resume wants a person to look first."""
    halt = tmp_path / "halt"
    halt.write_bytes(rubbish)
    options = {"halt_file": str(halt), "halt": "H-1"}
    assert (await act("resume", options)).ending is Ending.FAILED
    assert halt.read_bytes() == rubbish
    assert (await act("tell", options)).ending is Ending.DONE
    assert "mode halt" in halt.read_text()


async def test_the_agents_reader_understands_what_is_written(tmp_path: Path) -> None:
    """Given our file, the demo agents' own reader, written apart from it, sees the same order."""
    halt = tmp_path / "halt"
    options = {"halt_file": str(halt), "halt": "H-1", "incident": "INC-1", "reason": "a\nb"}
    await act("tell", options)
    assert halt_file.read_order(halt) == halt_file.Order(True, "H-1", "INC-1", "a b")
    await act("resume", options, epoch=6)
    assert not halt_file.read_order(halt).halted


# --- freezing -----------------------------------------------------------------------------------


async def test_the_whole_tree_is_frozen_and_read_back(agent: Agent) -> None:
    """Given children in sessions of their own that ignore TERM, all are stopped, then all go on."""
    outcome = await act("freeze", agent.options(halt="H-1"))
    assert agent.state() == "stopped"
    assert outcome.because == "4 processes in 2 sessions frozen, read back"
    assert outcome.facts == {"processes": 4, "sessions": 2}
    assert (await act("resume", agent.options(halt="H-1"), epoch=6)).ending is Ending.DONE
    assert agent.state() == "running"
    assert "mode run" in agent.halt_file.read_text()


async def test_a_late_freeze_does_not_stop_a_released_agent(agent: Agent) -> None:
    """Given a resume with a higher number, a delayed freeze of the old halt is refused."""
    await act("resume", agent.options(), epoch=6)
    late = await act("freeze", agent.options(halt="H-1"), epoch=5)
    assert late.ending is Ending.FAILED
    assert "a newer order stands" in late.because
    assert agent.state() == "running"


async def test_orphans_are_found_by_their_session_and_by_the_mark(agent: Agent) -> None:
    """Given the agent itself is dead, what it left behind is frozen all the same."""
    agent.root.kill()
    agent.root.wait(10)
    outcome = await act("freeze", agent.options())
    assert outcome.facts["processes"] == 1  # its session; the other session has no link left
    outcome = await act("freeze", agent.options(env_mark=f"AGENT_MARK={agent.mark}"))
    assert outcome.facts == {"processes": 3, "sessions": 2}
    assert agent.state() == "stopped"


FORKING = """
import os, time
while True:
    if os.fork() == 0:
        os.setsid()
        time.sleep(0.05)
        if os.fork():
            os._exit(0)
        time.sleep(600)
    time.sleep(0.003)
"""


@pytest.fixture
def forker(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """Options of an agent that forks all the time; `env_mark` names all its processes."""
    mark = uuid.uuid4().hex
    env = {"FORKS": mark, "PATH": os.environ["PATH"]}
    root = subprocess.Popen([sys.executable, "-c", FORKING], env=env)
    try:
        time.sleep(0.4)
        started = psutil.Process(root.pid).create_time()
        pid_file = tmp_path / "pid"
        pid_file.write_text(json.dumps({"pid": root.pid, "create_time": started}))
        yield {
            "halt_file": str(tmp_path / "halt"),
            "pid_file": str(pid_file),
            "env_mark": f"FORKS={mark}",
        }
    finally:
        end_marked("FORKS", mark)
        root.wait(10)


async def test_a_tree_that_keeps_forking_is_caught(forker: dict[str, Any]) -> None:
    """Given an agent that forks orphans into new sessions all the time, in the end all stand still."""
    outcome = await act("freeze", forker)
    assert outcome.ending is Ending.DONE, outcome.because
    name, _, mark = forker["env_mark"].partition("=")
    before = marked(name, mark)
    assert len(before) > 10
    assert all(psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in before)
    await asyncio.sleep(0.1)
    assert marked(name, mark) == before


@pytest.mark.parametrize("how", ["json", "bare"])
async def test_a_recycled_number_is_never_touched(agent: Agent, how: str) -> None:
    """Given a pid file older than the process that has its number now, that process is left alone."""
    started = psutil.Process(agent.root.pid).create_time()
    if how == "json":
        agent.pid_file.write_text(json.dumps({"pid": agent.root.pid, "create_time": started - 60}))
    else:
        os.utime(agent.pid_file, (started - 60, started - 60))
    for verb in ("freeze", "resume"):
        outcome = await act(verb, agent.options(halt="H-1"))
        assert agent.state() == "running"
        if verb == "freeze":
            assert outcome.ending is Ending.FAILED
            assert "belongs to another process" in outcome.because


INSIDE = """
import asyncio, os, subprocess, sys, time
from pathlib import Path
from allstop.adapters.agent_process import AgentProcess
from tests.adapters.worlds import Blobs, effect
bystander = subprocess.Popen(["sleep", "60"])
folder = Path(sys.argv[1])
options = {"halt_file": str(folder / "halt"), "pid_file": str(folder / "pid")}
for pid in (os.getpid(), os.getppid()):
    (folder / "pid").write_text(str(pid))
    outcome = asyncio.run(AgentProcess().act(effect("freeze", options), Blobs()))
    print(outcome.ending, "this coordinator runs inside; nothing was touched" in outcome.because)
print(Path(f"/proc/{bystander.pid}/stat").read_text().split()[2])
bystander.kill()
"""


def test_the_coordinator_does_not_stop_itself(tmp_path: Path) -> None:
    """Given a pid file that names us or a parent of ours, it fails, and nobody at all is stopped."""
    root = Path(__file__).parents[2]
    script = f'"{sys.executable}" -c "$INSIDE" "$1"; true'  # `; true`: the shell stays our parent
    ended = subprocess.run(
        ["sh", "-c", script, "sh", str(tmp_path)],
        env={"PATH": os.environ["PATH"], "INSIDE": INSIDE, "PYTHONPATH": f"{root}/src:{root}"},
        check=False,
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    assert ended.stdout.split("\n") == ["failed True", "failed True", "S", ""], ended.stderr


@pytest.mark.parametrize(
    "text", ["", "1", "0", "-5", "true", "[]", "1e5", "99999999999", "9" * 5000, '{"pid": "x"}']
)
async def test_a_pid_file_without_sense_fails(tmp_path: Path, text: str) -> None:
    """Given rubbish in the pid file, nobody is stopped and it is not called done."""
    (tmp_path / "pid").write_text(text)
    options = {"halt_file": str(tmp_path / "halt"), "pid_file": str(tmp_path / "pid")}
    assert (await act("freeze", options)).ending is Ending.FAILED


async def test_nobody_there_is_said_as_such(tmp_path: Path) -> None:
    """Given an agent that has ended, freezing is done, without the word frozen."""
    ended = await asyncio.create_subprocess_exec("true", start_new_session=True)
    await ended.wait()
    (tmp_path / "pid").write_text(str(ended.pid))
    options = {"halt_file": str(tmp_path / "halt"), "pid_file": str(tmp_path / "pid")}
    outcome = await act("freeze", options)
    assert (outcome.ending, outcome.because) == (Ending.DONE, "no process of the agent is left")


async def test_a_process_stopped_by_hand_goes_on_after_resume(agent: Agent) -> None:
    """Given one process that somebody else stopped, resume reads back that none is left stopped."""
    os.kill(agent.root.pid, signal.SIGSTOP)
    assert (await act("resume", agent.options())).ending is Ending.DONE
    assert agent.state() == "running"


# --- the snapshot -------------------------------------------------------------------------------


async def test_a_snapshot_is_taken_and_nothing_else_changes(agent: Agent, repo: Repo) -> None:
    """Given unsaved work, the private ref holds it; HEAD, branch, index and files are as before."""
    repo.write("notes", "2")
    repo.git("add", "notes")
    repo.write("notes", "3")
    repo.write("new file", "x")
    repo.write("secret", "ignored")
    head, status = repo.head(), repo.status()
    index = (repo.folder / ".git" / "index").read_bytes()
    options = agent.options(halt="H 1/x", worktree=str(repo.folder))
    outcome = await act("freeze", options)
    assert outcome.ending is Ending.DONE
    commit = repo.git("rev-parse", "refs/allstop/H-1-x/agent-1")
    assert outcome.facts["snapshot"] == commit
    assert repo.git("show", f"{commit}:notes") == "3"
    assert repo.git("ls-tree", "-r", "--name-only", commit).split("\n") == [
        ".gitignore",
        "new file",
        "notes",
    ]
    assert repo.git("rev-parse", f"{commit}^") == head
    assert (repo.head(), repo.status()) == (head, status)
    assert (repo.folder / ".git" / "index").read_bytes() == index
    assert (await act("freeze", options)).facts["snapshot"] == commit
    repo.write("notes", "4")
    later = (await act("freeze", options)).facts["snapshot"]
    assert repo.git("rev-parse", f"{later}^2") == commit


async def test_an_agents_repository_cannot_run_programs_as_us(
    agent: Agent, repo: Repo, tmp_path: Path
) -> None:
    """Given filters, hooks and a monitor configured by the agent, none of them runs."""
    trap = f"touch {tmp_path}/ran; cat"
    for key in ("filter.a=b.c.clean", "filter.evil.clean", "filter.evil.smudge"):
        repo.git("config", key, trap)
    repo.git("config", "core.fsmonitor", f"touch {tmp_path}/ran")
    repo.git("config", "filter.evil.process", f"touch {tmp_path}/ran")
    repo.git("config", "filter.evil.required", "true")
    hook = repo.folder / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    repo.write(".gitattributes", "* filter=evil\n")
    repo.write("notes", "changed")
    options = agent.options(halt="H-1", worktree=str(repo.folder), checkpoint=repo.head())
    (tmp_path / "ran").unlink(missing_ok=True)
    assert "snapshot" in (await act("freeze", options)).facts
    await act("confirm", options)
    assert not (tmp_path / "ran").exists()


async def test_no_snapshot_does_not_undo_the_freeze(agent: Agent, tmp_path: Path) -> None:
    """Given a work tree that is none, the agent is frozen all the same, and the lack is named."""
    outcome = await act("freeze", agent.options(halt="H-1", worktree=str(tmp_path / "none")))
    assert outcome.ending is Ending.DONE
    assert "no snapshot: no folder" in outcome.because
    assert agent.state() == "stopped"

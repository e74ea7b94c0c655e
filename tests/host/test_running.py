"""An agent in a group of its own: started after it can be stopped, never before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from allstop.adapters.mechanisms.cgroups import Group, group_at
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.errors import Invalid
from allstop.host.running import AgentRun, default_agent, run_agent

RUNNER = """
import json, sys
from pathlib import Path
from allstop.host.running import AgentRun, put_here, run_agent
spec = json.loads(sys.argv[1])
run = AgentRun(spec["agent"], "builders", tuple(spec["command"]), Path(spec["folder"]), environment=spec["env"])
def register(place):
    print(json.dumps(place.options), flush=True)
    if spec["held"] == "refused":
        raise SystemExit(5)
    return bool(spec["held"])
sys.exit(run_agent(run, lambda pid: put_here(run, pid), register, lambda text: print(text, flush=True)))
"""


class Started:
    """`allstop run` as a process of its own, without a coordinator."""

    def __init__(self, folder: Path, *command: str, held: str = "") -> None:
        self.agent = f"try-{uuid.uuid4().hex[:10]}"
        self.folder = folder / "agent"
        spec = {"agent": self.agent, "command": command, "folder": str(self.folder), "held": held,
                "env": {"PATH": os.environ["PATH"], "KEPT": "yes"}}  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUNNER, json.dumps(spec)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.options: dict[str, str] = json.loads(self.process.stdout.readline())
        if "cgroup" not in self.options:
            self.process.kill()
            pytest.skip("no control group may be made here")

    @property
    def group(self) -> Group:
        return group_at(self.options["cgroup"])

    def finished(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()
        if self.group.exists:
            self.group.kill(Deadline.within(5000))
            until(self.group.remove)


@pytest.fixture
def starting(tmp_path: Path) -> Iterator[list[Started]]:
    started: list[Started] = []
    yield started
    for one in started:
        one.end()


def until(question: object) -> None:
    deadline = time.monotonic() + 20
    while not question() and time.monotonic() < deadline:  # type: ignore[operator]
        time.sleep(0.01)
    assert question()  # type: ignore[operator]


def start(starting: list[Started], folder: Path, *command: str, held: str = "") -> Started:
    starting.append(Started(folder, *command, held=held))
    return starting[-1]


def test_the_agent_runs_in_its_group_with_its_name_and_its_exit_code_is_ours(
    starting: list[Started], tmp_path: Path
) -> None:
    words = 'echo "$ALLSTOP_AGENT|$ALLSTOP_TEAM|$KEPT"; cat /proc/self/cgroup; exit 7'
    one = start(starting, tmp_path, "sh", "-c", words)
    code, out, _ = one.finished()
    assert code == 7
    assert out.splitlines()[0] == f"{one.agent}|builders|yes"
    assert f"/allstop/{one.agent}" in out
    # and nothing of it is left: no group, no pid file
    assert not one.group.exists
    assert not (one.folder / "pid").exists()


def test_it_can_be_stopped_from_its_first_instruction_on(
    starting: list[Started], tmp_path: Path
) -> None:
    # given a halt that stands when it starts
    made = tmp_path / "made"
    one = start(starting, tmp_path, "sh", "-c", f"touch {made}", held="HALT-1")
    until(lambda: len(one.group.processes()) == 1)
    time.sleep(0.2)
    # then it is there, frozen, and has done nothing
    assert one.group.frozen()
    assert not made.exists()
    # and when it is let go, it does its work
    one.group.thaw(Deadline.within(5000))
    code, out, _ = one.finished()
    assert (code, made.exists()) == (0, True)
    assert "starts frozen" in out


def test_what_it_leaves_running_is_named_and_stays_where_it_can_be_stopped(
    starting: list[Started], tmp_path: Path
) -> None:
    one = start(starting, tmp_path, "sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & sleep 0.2")
    code, out, _ = one.finished()
    assert code == 0
    assert "1 processes" not in out
    assert "1 process " in out
    assert len(one.group.processes()) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_from_outside_reaches_it(
    starting: list[Started], tmp_path: Path, number: signal.Signals
) -> None:
    ready = tmp_path / "ready"
    words = f"trap 'exit 9' {number.name.removeprefix('SIG')}; touch {ready}; while :; do sleep 0.05; done"
    one = start(starting, tmp_path, "sh", "-c", words)
    until(ready.exists)
    one.process.send_signal(number)
    assert one.finished()[0] == 9


def test_one_that_a_signal_ended_says_so_as_shells_do(
    starting: list[Started], tmp_path: Path
) -> None:
    one = start(starting, tmp_path, "sh", "-c", "kill -KILL $$")
    assert one.finished()[0] == 137


@pytest.mark.parametrize(("command", "code"), [("no-such-program", 127), ("/etc/passwd", 126)])
def test_a_command_that_is_none_says_so(
    starting: list[Started], tmp_path: Path, command: str, code: int
) -> None:
    one = start(starting, tmp_path, command)
    found, _, err = one.finished()
    assert found == code
    assert "allstop run" in err
    assert "Traceback" not in err
    assert not one.group.exists


def test_when_allstop_run_is_killed_the_agent_stays_where_it_can_be_stopped(
    starting: list[Started], tmp_path: Path
) -> None:
    one = start(starting, tmp_path, "sleep", "600")
    until(lambda: len(one.group.processes()) == 1)
    one.process.kill()
    one.process.wait()
    assert len(one.group.processes()) == 1
    assert one.group.kill(Deadline.within(5000)).unruly == ()


@pytest.mark.parametrize(
    ("command", "folder", "name"),
    [
        (("/usr/bin/claude", "-p"), "/srv/shop", "claude-shop"),
        (("python3",), "/", "python3"),
        (("Ü",), "/ö ö", "agent"),
        (("a" * 100,), "/x", "a" * 64),
    ],
)
def test_an_agent_nobody_named_has_a_name_one_can_type(
    command: tuple[str, ...], folder: str, name: str
) -> None:
    assert default_agent(command, Path(folder)) == name


def test_one_that_may_not_start_leaves_nothing_behind(
    starting: list[Started], tmp_path: Path
) -> None:
    """Given a coordinator that refuses it: its process was there, waiting, and never became the agent."""
    made = tmp_path / "made"
    one = start(starting, tmp_path, "sh", "-c", f"touch {made}", held="refused")
    assert one.finished()[0] == 5
    assert not made.exists()
    assert not one.group.exists


def test_its_files_are_its_owners_alone(starting: list[Started], tmp_path: Path) -> None:
    one = start(starting, tmp_path, "true")
    one.finished()
    assert one.folder.stat().st_mode & 0o077 == 0


def test_a_run_of_nothing_is_refused(tmp_path: Path) -> None:
    run = AgentRun("nobody", "t", (), tmp_path)
    with pytest.raises(Invalid, match="no command"):
        run_agent(run, lambda _: pytest.fail("nothing is put"), lambda _: False, lambda _: None)

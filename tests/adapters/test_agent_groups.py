"""The runtime `agent-process` with a control group: what loses its parent, its session and its environment is held all the same."""

from __future__ import annotations

import json
import os
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
from allstop.adapters.mechanisms.cgroups import Group, NoGroup, make_group
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.domain.effects import Ending, Outcome
from tests.adapters.worlds import Blobs, effect

# A helper that no walk over parents, sessions or environments finds, and that goes on writing.
WRITER = """
import sys, time
while True:
    open(sys.argv[1], "a").write(".")
    time.sleep(0.01)
"""
RUNAWAY = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        code = "import sys, time\\nwhile True: open(sys.argv[1], 'a').write('.'); time.sleep(0.01)"
        os.execve(sys.executable, [sys.executable, "-S", "-c", code, sys.argv[1]], {})
    os._exit(0)
os.wait()
time.sleep(600)
"""


class Grouped:
    """An agent with such a helper, in a group of its own."""

    def __init__(self, folder: Path) -> None:
        self.ticks = folder / "ticks"
        self.group: Group = make_group(f"try-{uuid.uuid4().hex[:12]}")
        enter = 'echo $$ > "$0" && exec "$@"'
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", enter, str(self.group.path / "cgroup.procs"), sys.executable, "-S", "-c",
             RUNAWAY, str(self.ticks)],
        )  # fmt: skip
        pid_file = folder / "pid"
        started = psutil.Process(self.process.pid).create_time()
        pid_file.write_text(json.dumps({"pid": self.process.pid, "create_time": started}))
        self.options: dict[str, Any] = {
            "halt_file": str(folder / "halt"),
            "pid_file": str(pid_file),
            "cgroup": str(self.group.path),
            "halt": "HALT-1",
        }
        deadline = time.monotonic() + 20
        while not self.ticks.exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def works(self) -> bool:
        """Whether the runaway helper wrote something within a fifth of a second."""
        before = self.ticks.stat().st_size
        time.sleep(0.2)
        return self.ticks.stat().st_size > before

    def end(self) -> None:
        self.group.kill(Deadline.within(5000))
        self.process.wait()
        deadline = time.monotonic() + 5
        while not self.group.remove() and time.monotonic() < deadline:
            time.sleep(0.01)


class Stray:
    """A process with an agent's mark, outside of its group."""

    def __init__(self, file: Path) -> None:
        self._file = file
        value = f"try-{uuid.uuid4().hex}"
        self.mark = f"ALLSTOP_AGENT={value}"
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", WRITER, str(file)],
            env={**os.environ, "ALLSTOP_AGENT": value},
        )
        while not file.exists():
            time.sleep(0.01)

    def works(self) -> bool:
        before = self._file.stat().st_size
        time.sleep(0.2)
        return self._file.stat().st_size > before

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Grouped]:
    try:
        made = Grouped(tmp_path)
    except NoGroup as error:
        pytest.skip(f"no control group may be made here: {error}")
    yield made
    made.end()


async def act(verb: str, options: dict[str, Any], **changes: Any) -> Outcome:
    return await AgentProcess().act(effect(verb, options, **changes), Blobs())


async def test_a_runaway_helper_is_frozen_with_its_agent_and_goes_on_with_it(
    agent: Grouped,
) -> None:
    assert agent.works()
    frozen = await act("freeze", agent.options)
    assert frozen.ending is Ending.DONE, frozen.because
    assert frozen.facts["processes"] == 2
    assert not agent.works()
    resumed = await act("resume", agent.options, epoch=9)
    assert resumed.ending is Ending.DONE, resumed.because
    assert agent.works()


async def test_signals_alone_would_have_missed_it(agent: Grouped) -> None:
    """The reason for groups: without one, the same freeze says done about one process, and the helper works on."""
    without = {name: value for name, value in agent.options.items() if name != "cgroup"}
    frozen = await act("freeze", without)
    assert frozen.facts["processes"] == 1
    assert agent.works()


async def test_who_is_not_in_the_group_but_of_the_agent_is_stopped_as_well(
    agent: Grouped, tmp_path: Path
) -> None:
    # given a process with the agent's mark that was started elsewhere
    stray = Stray(tmp_path / "late")
    options = {**agent.options, "env_mark": stray.mark}
    # when the agent is frozen
    outcome = await act("freeze", options)
    # then all three are counted, and none works
    assert outcome.ending is Ending.DONE, outcome.because
    assert outcome.facts["processes"] == 3
    assert not stray.works()
    await act("resume", options, epoch=9)
    assert stray.works()
    stray.end()


async def test_killing_leaves_nobody(agent: Grouped) -> None:
    outcome = await act("kill", agent.options)
    assert outcome.ending is Ending.DONE, outcome.because
    assert outcome.facts["processes"] == 2
    assert agent.group.processes() == ()
    # twice is as once
    assert (await act("kill", agent.options)).ending is Ending.DONE


async def test_an_agent_that_ended_and_was_cleared_away_is_gone_and_said_so(agent: Grouped) -> None:
    agent.end()
    outcome = await act("freeze", agent.options)
    assert outcome.ending is Ending.DONE
    assert "no process of the agent is left" in outcome.because


@pytest.mark.parametrize(
    "folder", ["/sys/fs/cgroup", "/sys/fs/cgroup/system.slice", "/", "/tmp/allstop/x"]
)
async def test_a_group_that_is_not_ours_is_never_touched(agent: Grouped, folder: str) -> None:
    outcome = await act("freeze", {**agent.options, "cgroup": folder})
    assert outcome.ending is Ending.FAILED
    assert "no control group of Allstop" in outcome.because
    assert agent.works()

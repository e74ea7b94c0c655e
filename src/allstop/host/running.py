"""An agent in a control group of its own: started, waited for, left behind or cleared away. The agent itself is not changed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from allstop.adapters.mechanisms.cgroups import Group, NoGroup, group_name, make_group
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import replace
from allstop.errors import Invalid, Missing, Refused

# The signals that end a program from outside are passed on; those of the keyboard reach the agent by themselves.
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
_KEYBOARD = (signal.SIGINT, signal.SIGQUIT)
_FREEZE_MS = 5000
NOT_FOUND, NOT_RUN = 127, 126


@dataclass(frozen=True, slots=True)
class AgentRun:
    """What is started. folder: holds the files of this agent; worktree: empty when it works in none."""

    agent: str
    team: str
    command: tuple[str, ...]
    folder: Path
    worktree: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """What every process of it inherits, for hosts without control groups."""
        return f"ALLSTOP_AGENT={self.agent}"


@dataclass(frozen=True, slots=True)
class Berth:
    """Where it will run. group: None when this machine has none for us; because: why not."""

    group: Group | None
    because: str
    options: dict[str, Any]


def berth(run: AgentRun) -> Berth:
    """Make the group and the folder, and say how the agent can be reached from now on. Raises Invalid, OSError."""
    if not run.command:
        raise Invalid("there is no command to run", "allstop run -- claude")
    run.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    group, because = None, ""
    try:
        group = make_group(group_name(run.agent))
    except NoGroup as error:
        because = str(error)
    options: dict[str, Any] = {
        "halt_file": str(run.folder / "halt"),
        "pid_file": str(run.folder / "pid"),
        "env_mark": run.mark,
    }
    if run.worktree:
        options["worktree"] = run.worktree
    if group is not None:
        options["cgroup"] = str(group.path)
    return Berth(group, because, options)


def run_agent(run: AgentRun, place: Berth, held: bool, said: Callable[[str], None]) -> int:
    """Start the agent and wait for it. Returns its exit code, 128 and the signal's number when one ended it.

    held: a halt stands that takes it in, so that it starts frozen, before its first instruction; said: told what a
    person should know. What the agent leaves running stays in its group and is named. Raises Refused when it would have
    to start frozen and cannot.
    """
    if held:
        if place.group is None:
            raise Refused(
                (("held", f"a halt stands that takes in {run.agent}, and nothing here could hold it: {place.because}",
                  "Wait until it is lifted: allstop rollcall"),)
            )  # fmt: skip
        place.group.freeze(Deadline.within(_FREEZE_MS))
        said(f"a halt stands: {run.agent} starts frozen and goes on when it is lifted")
    child = _start(run, place)
    code = _wait(child)
    if place.group is not None:
        left = place.group.processes()
        if left:
            many = "process of" if len(left) == 1 else "processes of"
            said(f"{len(left)} {many} {run.agent} still there, in {place.group.path}")
        else:
            place.group.remove()
    (run.folder / "pid").unlink(missing_ok=True)
    return code


def _start(run: AgentRun, place: Berth) -> int:
    """Fork; the child waits until it is inside its group and written down, then becomes the agent."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _become(run, reading, writing)
    os.close(reading)
    try:
        if place.group is not None:
            place.group.enter(child)
        started = psutil.Process(child).create_time()
        replace(run.folder / "pid", json.dumps({"pid": child, "create_time": started}) + "\n")
        os.write(writing, b"go")
    except BaseException:
        # It is not where it can be stopped, so it does not start.
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        os.close(writing)
    return child


def _become(run: AgentRun, reading: int, writing: int) -> None:
    """In the child: never returns."""
    code = NOT_RUN
    try:
        os.close(writing)
        if os.read(reading, 2) == b"go":
            os.close(reading)
            for number in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(
                    number, signal.SIG_DFL
                )  # Python ignores them, and ignoring is inherited
            own = {"ALLSTOP_AGENT": run.agent, "ALLSTOP_TEAM": run.team}
            os.execvpe(  # noqa: S606 - the person's own command, as they typed it
                run.command[0], list(run.command), {**run.environment, **own}
            )
    except FileNotFoundError:
        sys.stderr.write(f"allstop run: there is no program {run.command[0]}\n")
        code = NOT_FOUND
    except OSError as error:
        sys.stderr.write(f"allstop run: {run.command[0]}: {error.strerror}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int) -> int:
    def pass_on(number: int, _: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
    before |= {number: signal.signal(number, signal.SIG_IGN) for number in _KEYBOARD}
    try:
        _, status = os.waitpid(child, 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def default_agent(command: Sequence[str], folder: Path) -> str:
    """A name for an agent nobody named: the program and the folder it works in, such as `claude-shop`."""
    if not command:
        raise Missing("there is no command to run", "allstop run -- claude")
    words = f"{Path(command[0]).name}-{folder.name}".lower()
    return re.sub(r"[^a-z0-9._-]+", "-", words).strip("-._")[:64] or "agent"

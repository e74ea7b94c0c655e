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

from allstop.adapters.mechanisms.cgroups import Group, NoGroup, group_at, group_name, make_group
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import replace
from allstop.errors import Invalid, Missing, Refused
from allstop.host.door import call

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
    """Where it will run. group: None when this machine has none for us; because: why not; options: how the coordinator
    reaches it, unless its host does; host: the name of that host, or empty."""

    group: Group | None
    because: str
    options: dict[str, Any] = field(default_factory=dict)
    host: str = ""


Put = Callable[[int], Berth]


def put_here(run: AgentRun, pid: int) -> Berth:
    """Into a group this very program makes. Raises OSError."""
    run.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    group, because = None, ""
    try:
        group = make_group(group_name(run.agent))
        group.enter(pid)
    except NoGroup as error:
        group, because = None, str(error)
    started = psutil.Process(pid).create_time()
    replace(run.folder / "pid", json.dumps({"pid": pid, "create_time": started}) + "\n")
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


def put_by_host(run: AgentRun, pid: int, door: Path) -> Berth:
    """Into a group the host process of this machine makes, which may be root's. Raises Invalid, Unavailable."""
    asked = {
        "do": "enter", "agent": run.agent, "team": run.team, "runtime": Path(run.command[0]).name,
        "worktree": run.worktree, "pid": pid,
    }  # fmt: skip
    found = call(door, asked)
    folder = str(found["options"].get("cgroup", ""))
    group = group_at(folder) if folder else None
    return Berth(group, "" if group else "the host process can make none", host=str(found["host"]))


def run_agent(
    run: AgentRun, put: Put, register: Callable[[Berth], bool], said: Callable[[str], None]
) -> int:
    """Start the agent and wait for it. Returns its exit code, 128 and the signal's number when one ended it.

    Its process is there first, waiting; it is put into its group, then register tells the coordinator of it and says
    whether a halt holds it already, and only then does it begin. said: told what a person should know. What the agent
    leaves running stays in its group and is named. Raises Refused when it would have to start frozen and cannot, and
    whatever put and register raise; nothing has begun then.
    """
    if not run.command:
        raise Invalid("there is no command to run", "allstop run -- claude")
    child, go = _waiting_child(run)
    place: Berth | None = None
    try:
        place = put(child)
        if register(place) and not place.host:
            _begin_frozen(run, place, said)
        os.write(go, b"go")
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if place is not None and place.group is not None and not place.host:
            place.group.thaw(Deadline.within(_FREEZE_MS))
            place.group.remove()
        raise
    finally:
        os.close(go)
    code = _wait(child)
    _clear(run, place, said)
    return code


def _begin_frozen(run: AgentRun, place: Berth, said: Callable[[str], None]) -> None:
    if place.group is None:
        text = f"a halt stands that takes in {run.agent}, and nothing here could hold it: {place.because}"
        raise Refused((("held", text, "Wait until it is lifted: allstop rollcall"),))
    place.group.freeze(Deadline.within(_FREEZE_MS))
    said(f"a halt stands: {run.agent} starts frozen and goes on when it is lifted")


def _clear(run: AgentRun, place: Berth, said: Callable[[str], None]) -> None:
    """After its end: the group goes when it is empty, and stays, named, while somebody is in it."""
    left = place.group.processes() if place.group is not None else ()
    if left and place.group is not None:
        many = "process of" if len(left) == 1 else "processes of"
        said(f"{len(left)} {many} {run.agent} still there, in {place.group.path}")
    elif place.group is not None and not place.host:
        place.group.remove()
    (run.folder / "pid").unlink(missing_ok=True)


def _waiting_child(run: AgentRun) -> tuple[int, int]:
    """A process that becomes the agent once `go` is written to the second number, and ends when it is closed instead."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _become(run, reading, writing)
    os.close(reading)
    return child, writing


def _become(run: AgentRun, reading: int, writing: int) -> None:
    """In the child: never returns."""
    code = NOT_RUN
    try:
        os.close(writing)
        if os.read(reading, 2) == b"go":
            os.close(reading)
            for number in (signal.SIGPIPE, signal.SIGXFSZ):
                # Python ignores them, and ignoring is inherited.
                signal.signal(number, signal.SIG_DFL)
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

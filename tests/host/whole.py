"""A coordinator and a host process as they are installed: two programs, one socket, one address on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.cgroups import group_at
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.errors import AllstopError
from allstop.gate import gate_path
from allstop.gate.state_file import State, Unreadable, parse
from allstop.host.door import call

PATIENCE_S = 30.0
CALL = {
    "session_id": "s-1",
    "cwd": "/srv/shop",
    "hook_event_name": "PreToolUse",
    "tool_name": "Bash",
    "tool_input": {"command": "touch made"},
}


def until(question: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """Wait for a truth, and give it back."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            found = question()
        except (AllstopError, OSError):
            found = None
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not become true")


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ALLSTOP_")}


@dataclass
class Whole:
    """A project and a machine. Ends what it starts."""

    folder: Path
    coordinator: subprocess.Popen[bytes] | None = None
    host: subprocess.Popen[bytes] | None = None
    port: int = 0
    agents: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _files: list[Any] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "p"

    @property
    def place(self) -> Path:
        return self.folder / "h"

    # --- the coordinator ---

    def begin(self, roll_call: str = "4s") -> None:
        """A project with a running coordinator, and a machine that has joined it. roll_call: its deadline."""
        self.home.mkdir()
        self.cli("init", str(self.home))
        (self.home / "allstop.toml").write_text("port = 0\n", "utf-8")
        with (self.home / "protocol.yaml").open("a") as protocol:
            protocol.write(f"all_stop: {{roll_call: {roll_call}, remind_after: 2s}}\n")
        self.up()
        enrolled = json.loads(self.cli("hosts", "enrol", "build-7", "--json"))
        token = self.folder / "token"
        token.write_text(enrolled["token"] + "\n")
        self.cli(
            "host", "join", "--to", f"http://127.0.0.1:{self.port}", "--name", "build-7", "--token-file", str(token),
            "--key", enrolled["issuer"], "--folder", str(self.place),
        )  # fmt: skip

    def up(self) -> None:
        self.coordinator = self._start("coordinator", "up")
        run = until(lambda: json.loads((self.home / ".allstop" / "coordinator.json").read_text()))
        self.port = int(str(run["url"]).rpartition(":")[2])
        (self.home / "allstop.toml").write_text(f"port = {self.port}\n", "utf-8")
        until(lambda: self.cli("hosts", "--json", check=False))

    def down(self) -> None:
        assert self.coordinator is not None
        self.coordinator.kill()
        self.coordinator.wait()

    def cli(self, *words: str, check: bool = True) -> str:
        command = [sys.executable, "-m", "allstop", *words]
        if words[0] not in ("init", "host"):
            command += ["--home", str(self.home)]
        ran = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=60, env=environment(), stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or ran.returncode == 0, ran.stderr
        return ran.stdout if ran.returncode == 0 else ""

    def run(self, agent: str, *command: str, worktree: str = "") -> subprocess.Popen[bytes]:
        """An agent, started as a person would."""
        words = ("--agent", agent, "--host-folder", str(self.place), "--", *command)
        if worktree:
            words = ("--worktree", worktree, *words)
        self.agents.append(self._start(agent, "run", "--home", str(self.home), *words))
        return self.agents[-1]

    def line(self, halt: str, agent: str) -> dict[str, Any]:
        """An agent's line in a roll call."""
        found = json.loads(self.cli("rollcall", halt, "--json"))
        return dict(next(one for one in found["roll"] if one["agent"] == agent))

    # --- the machine ---

    def host_up(self) -> None:
        self.host = self._start("host", "host", "run", "--folder", str(self.place))
        until(lambda: self.ask()["host"])

    def host_down(self) -> None:
        assert self.host is not None
        self.host.kill()
        self.host.wait()

    def ask(self) -> dict[str, Any]:
        return call(self.place / "host.sock", {"ask": "status"})

    def do(self, what: str, **words: Any) -> dict[str, Any]:
        return call(self.place / "host.sock", {"do": what, **words})

    @property
    def state(self) -> State:
        return parse((self.place / "state").read_text())

    def standing(self) -> list[str]:
        """The ids of the halts that gates read; a file that cannot be read holds everybody."""
        try:
            return [one.id for one in self.state.halts]
        except (FileNotFoundError, Unreadable):
            return ["unreadable"]

    def tool_runs(self) -> bool:
        """Whether the real gate lets a client of this machine run a command now."""
        gate = ["/bin/sh", str(gate_path()), "--runtime", "generic", "--state", str(self.place)]
        ran = subprocess.run(
            gate, input=json.dumps(CALL).encode(), capture_output=True, check=False, timeout=20
        )
        assert ran.returncode in (0, 2), ran.stderr
        return ran.returncode == 0

    def _start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        output = (self.folder / f"{name}.out").open("ab")
        self._files.append(output)
        command = [sys.executable, "-m", "allstop", *words]
        if words[0] == "up":
            command += ["--home", str(self.home)]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(),
            cwd=self.folder,  # a freeze saves the work tree around: never the one of this repository
        )  # fmt: skip

    def end(self) -> None:
        here = self.ask()["agents"] if self.host and self.host.poll() is None else ()
        groups = [group_at(agent["group"]) for agent in here if agent["group"]]
        for group in groups:
            group.kill(Deadline.within(5000))
        for process in (self.host, self.coordinator, *self.agents):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        for group in groups:
            group.remove()
        for file in self._files:
            file.close()

"""The real gate under the shells that are here, with a folder of its own and a client's call on its input."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from allstop.gate import gate_path
from allstop.gate.state_file import Pass, StandingHalt, State, render

GATE = gate_path()
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
LATER = 999_999_999

SHELLS = {
    "dash": ["dash"],
    "bash": ["bash", "--posix"],
    "busybox": ["busybox", "sh"],
}
HERE = {name: words for name, words in SHELLS.items() if shutil.which(words[0])}


@dataclass(frozen=True)
class Answer:
    """What a client sees of a gate that has ended."""

    status: int
    out: bytes
    err: bytes

    @property
    def json(self) -> dict[str, object]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def let_through(self) -> bool:
        return self.status == 0 and not self.out


def call(tool: str = "Bash", /, **fields: object) -> bytes:
    """A client's call, with what Claude Code gives and in its order."""
    words = {
        "session_id": "s-1",
        "transcript_path": "/tmp/t.jsonl",
        "cwd": "/tmp",
        "permission_mode": "default",
        "hook_event_name": "PreToolUse",
        "tool_name": tool,
    } | fields
    given = {name: value for name, value in words.items() if value is not None}
    return json.dumps(given | {"tool_input": {"command": "touch made"}}).encode()


def prompt(event: str = "UserPromptSubmit", **fields: object) -> bytes:
    """A person's prompt, as clients give it."""
    return json.dumps(
        {"session_id": "s-1", "cwd": "/tmp", "hook_event_name": event, "prompt": "go on"} | fields
    ).encode()


def halt(
    scope: str = "all", classes: tuple[str, ...] = ("default",), id: str = "HALT-3"
) -> StandingHalt:
    return StandingHalt(id, "INC-7", "SEV1", classes, scope)


def a_pass(session: str = "s-1", until: int = LATER, *classes: str, of: str = "HALT-3") -> Pass:
    return Pass(session, until, classes or ("write", "exec"), of)


@dataclass
class Machine:
    """A folder as the host keeps it, and the gate under one shell."""

    folder: Path
    shell: list[str]

    def stands(self, *halts: StandingHalt, passes: tuple[Pass, ...] = (), **rest: bool) -> None:
        """The host has written what stands."""
        self.writes(State(42, BOOT, halts=halts, passes=passes, **rest))

    def writes(self, state: State) -> None:
        (self.folder / "state").write_text(render(state), "utf-8", "surrogateescape")

    def asks(
        self,
        given: bytes = b"",
        runtime: str = "claude",
        *more: str,
        env: Mapping[str, str] | None = None,
        gate: Path = GATE,
        prepare: Callable[[], None] | None = None,
    ) -> Answer:
        """A client starts the gate and gives it a call; ends with what the gate answered."""
        ended = subprocess.run(
            [*self.shell, str(gate), "--runtime", runtime, "--state", str(self.folder), *more],
            input=given,
            capture_output=True,
            env={"PATH": os.environ["PATH"]} | dict(env or {}),
            preexec_fn=prepare,
            timeout=30,
            check=False,
        )
        return Answer(ended.returncode, ended.stdout, ended.stderr)

    @property
    def receipts(self) -> list[str]:
        return (self.folder / "spool" / "receipts").read_text("utf-8").splitlines()


def machine_in(folder: Path, shell: str) -> Machine:
    (folder / "spool").mkdir(parents=True)
    (folder / "spool" / "receipts").touch()
    return Machine(folder, HERE[shell])

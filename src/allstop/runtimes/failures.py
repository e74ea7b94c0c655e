"""The failure matrix: what a client does with its tool call when a hook answers in each of these ways, tried on the real one.

Clients differ in almost every row and from version to version, and where one of them runs the tool although its hook
did not allow it, a halt that relied on that answer would be an open door.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from allstop.gate import gate_path
from allstop.gate.state_file import StandingHalt, State, render
from allstop.runtimes.runtime import Runtime, Trial
from allstop.runtimes.trying import try_client

_SENTENCE = "The gate says no."
_SHORT_S = 2


@dataclass(frozen=True, slots=True)
class Answer:
    """One way a hook may end. body: shell that follows `#!/bin/sh`; None: there is no such program. `{deny}` and the like are filled in.

    patience_s: after how many seconds the client is to give up on it.
    """

    id: str
    title: str
    body: str | None
    patience_s: int = 5


def _prints(text: str) -> str:
    return f"cat >/dev/null\ncat <<'END'\n{text}\nEND\n"


ANSWERS = (
    Answer("status-2", "exit 2 with a sentence", f"echo '{_SENTENCE}' >&2\nexit 2\n"),
    Answer("status-2-silent", "exit 2 without a word", "exit 2\n"),
    Answer("deny", "denies in JSON", _prints("{deny}")),
    Answer("deny-no-reason", "denies in JSON, without a reason", _prints("{bare}")),
    Answer("stop", "`continue:false` only", _prints("{stop}")),
    Answer("deny-and-stop", "denies, and `continue:false`", _prints("{both}")),
    Answer("status-1", "exit 1 with a sentence", f"echo '{_SENTENCE}' >&2\nexit 1\n"),
    Answer("killed", "killed by a signal", "kill -KILL $$\n"),
    Answer("missing", "the program is missing", None),
    Answer("timeout", "does not end in time", "exec sleep 20\n", _SHORT_S),
    Answer("quote", "a quote breaks its JSON", _prints("{quote}")),
    Answer("enum", "`Deny` where `deny` is meant", _prints("{enum}")),
    Answer("cut-off", "its JSON is cut off", _prints("{cut}")),
)
GATE = "gate"


@dataclass(frozen=True, slots=True)
class Seen:
    """ran: whether the tool did its work; ended: whether the model was not asked again afterwards."""

    ran: bool
    ended: bool


def texts(runtime: Runtime) -> Mapping[str, str]:
    """The answers in JSON, as a client wants them."""
    stop: dict[str, object] = {"continue": False, "stopReason": _SENTENCE}
    bare: dict[str, object] = {"permissionDecision": "deny"}
    deny = bare | {"permissionDecisionReason": _SENTENCE}
    match runtime.name:
        case "gemini":
            bare = {"decision": "deny"}
            deny = bare | {"reason": _SENTENCE}
        case "claude" | "codex":
            event = {"hookEventName": runtime.before_tool}
            bare = {"hookSpecificOutput": event | bare}
            deny = {"hookSpecificOutput": event | deny}
    whole = json.dumps(deny)
    return {
        "deny": whole,
        "bare": json.dumps(bare),
        "stop": json.dumps(stop),
        "both": json.dumps(stop | deny),
        "quote": whole.replace(_SENTENCE, 'The "gate" says no.'),
        "enum": whole.replace('"deny"', '"Deny"'),
        "cut": whole[:-12],
    }


def try_answer(runtime: Runtime, program: tuple[str, ...], answer: Answer, *, closed: bool) -> Seen:
    """Starts the client with a hook that answers so. closed: told to take a failed hook as a refusal, where it can be told."""
    with tempfile.TemporaryDirectory(prefix="allstop-trial-") as name:
        hook = Path(name) / "hook"
        if answer.body is not None:
            body = answer.body
            for key, text in texts(runtime).items():
                body = body.replace(f"{{{key}}}", text)
            hook.write_text(f"#!/bin/sh\n{body}", "utf-8")
            hook.chmod(0o755)
        return _seen(runtime, program, Path(name), (str(hook),), answer.patience_s, closed=closed)


def try_gate(runtime: Runtime, program: tuple[str, ...], *, closed: bool = True) -> Seen:
    """Starts the client with the gate, while a halt stands for everybody."""
    with tempfile.TemporaryDirectory(prefix="allstop-trial-") as name:
        state = Path(name) / "state"
        state.mkdir()
        stands = StandingHalt("HALT-1", "-", "-", ("default",), "all")
        (state / "state").write_text(render(State(1, "no-boot", halts=(stands,))), "utf-8")
        gate = Path(name) / "allstop-gate"
        shutil.copyfile(gate_path(), gate)
        gate.chmod(0o755)
        hook = (str(gate), "--runtime", runtime.name, "--state", str(state))
        return _seen(runtime, program, Path(name), hook, 5, closed=closed)


def _seen(
    runtime: Runtime,
    program: tuple[str, ...],
    folder: Path,
    hook: tuple[str, ...],
    patience_s: int,
    *,
    closed: bool,
) -> Seen:
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    trial = Trial(home, work, "", hook, prompts=False, closed=closed, patience_s=patience_s)
    tried = try_client(
        runtime, program, trial, (runtime.run("touch made-1"), runtime.run("touch made-2"))
    )
    return Seen((work / "made-1").exists(), tried.turns <= 1)

"""What the gate costs a tool call: running and halted, beside `/bin/true` and a hook written in Python.

Started directly, without a shell between, with the call already on its input; from the start to its end.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from allstop.gate import gate_path
from allstop.gate.state_file import StandingHalt, State, render

RUNS = 300
SLOW_RUNS = 40
GOALS_MS = {"running": 1.0, "halted": 3.0}

CALL = json.dumps(
    {
        "session_id": "44ac3615-7bef-415c-adac-0db5c0c478fa",
        "transcript_path": "/home/someone/.claude/projects/-srv-shop/44ac3615.jsonl",
        "cwd": "/srv/shop",
        "permission_mode": "default",
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": "make test", "description": "x" * 500},
    }
).encode()
HOOK = "import json, sys\nif json.load(sys.stdin)['tool_name'] == 'none': print(json.dumps({}))\n"


def measure() -> dict[str, object]:
    """Milliseconds a call: median, 95th percentile and worst of each, taken in turns so that they meet the same machine."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hook = folder / "hook.py"
        hook.write_text(HOOK)
        trials: dict[str, Callable[[], float]] = {}
        for state, halts in _states().items():
            place = folder / state.replace(" ", "-")
            (place / "spool").mkdir(parents=True)
            (place / "spool" / "receipts").touch()
            (place / "state").write_text(render(State(42, boot, halts=halts)))
            words = ["--runtime", "claude", "--state", str(place)]
            trials[state] = _trial([str(gate_path()), *words])
        trials["/bin/true"] = _trial(["/bin/true"])
        python = _trial([sys.executable, str(hook)])
        taken: dict[str, list[float]] = {name: [] for name in trials}
        for _ in range(RUNS):
            for trial_name, trial in trials.items():
                taken[trial_name].append(trial())
        taken["python hook"] = [python() for _ in range(SLOW_RUNS)]
    return {name: _spread(figures) for name, figures in taken.items()} | {"goals_ms": GOALS_MS}


def _states() -> dict[str, tuple[StandingHalt, ...]]:
    everybody = StandingHalt("HALT-3", "INC-7", "SEV1", ("default",), "all")
    # Others are halted, each by name: what does not concern a client costs it a look at the names.
    teams = tuple(
        StandingHalt(f"HALT-{n}", "INC-7", "SEV1", ("default",), "agent:another") for n in range(20)
    )
    os.environ["ALLSTOP_AGENT"] = "one"
    return {"running": (), "running, 20 others halted": teams, "halted": (everybody,)}


def _trial(words: list[str]) -> Callable[[], float]:
    def once() -> float:
        reading, writing = os.pipe()
        os.write(writing, CALL)
        os.close(writing)
        with Path(os.devnull).open("wb") as nowhere:
            actions = [
                (os.POSIX_SPAWN_DUP2, reading, 0),
                (os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1),
            ]
            began = time.perf_counter()
            pid = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
            _, status = os.waitpid(pid, 0)
            took = 1000 * (time.perf_counter() - began)
        os.close(reading)
        if status:
            raise SystemExit(f"{words[0]} ended with {status}")
        return took

    return once


def _spread(figures: list[float]) -> dict[str, float]:
    ordered = sorted(figures)
    return {
        "median": round(statistics.median(ordered), 2),
        "p95": round(ordered[int(0.95 * len(ordered))], 2),
        "least": round(ordered[0], 2),
        "worst": round(ordered[-1], 2),
    }

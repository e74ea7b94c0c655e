"""What `allstop.check()` costs a program, running and halted, beside one look at a file and beside reading it each time.

Each figure is of a batch of calls, divided by their number; the state has not changed for a while, as is usual.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from allstop import check, may
from allstop.gate.state_file import StandingHalt, State, parse, render
from allstop.shims import standing
from allstop.shims.checking import Asked, ask

BATCHES = 200
CALLS = 500
GOAL_US = {"running": 5.0}


def measure() -> dict[str, object]:
    """Microseconds a call: median, 95th percentile, least and worst of the batches, taken in turns."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    before = os.environ.get("ALLSTOP_STATE")
    os.environ.pop("ALLSTOP_AGENT", None)
    everybody = StandingHalt("HALT-3", "INC-7", "SEV1", ("default",), "all")
    others = tuple(
        StandingHalt(f"HALT-{n}", "INC-7", "SEV1", ("default",), "agent:another") for n in range(20)
    )
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        running = _state(folder / "running", State(42, boot, unknown_covered=False))
        busy = _state(folder / "busy", State(42, boot, unknown_covered=False, halts=others))
        halted = _state(folder / "halted", State(42, boot, halts=(everybody,)))
        path = f"{running}/state"
        trials: dict[str, tuple[Path, int, Callable[[], object]]] = {
            "running": (running, CALLS, lambda: check(tool="Bash", tool_class="exec")),
            "running, 20 others halted": (busy, 20, lambda: check(tool="Bash", tool_class="exec")),
            "halted": (halted, 20, lambda: ask(Asked("Bash", "exec"), receipt=False)),
            "halted, with a receipt": (halted, 20, lambda: may(tool="Bash", tool_class="exec")),
            "os.stat": (running, CALLS, lambda: os.stat(path)),  # noqa: PTH116 - what is measured
            "read and parse each time": (running, 50, lambda: parse(Path(path).read_text("utf-8"))),
        }
        for _ in range(BATCHES):
            for trial, (place, calls, act) in trials.items():
                os.environ["ALLSTOP_STATE"] = str(place)
                standing.what_stands(str(place))
                began = time.perf_counter()
                for _ in range(calls):
                    act()
                took = 1e6 * (time.perf_counter() - began) / calls
                taken.setdefault(trial, []).append(took)
    os.environ.pop("ALLSTOP_STATE")
    if before is not None:
        os.environ["ALLSTOP_STATE"] = before
    return {trial: _spread(figures) for trial, figures in taken.items()} | {"goals_us": GOAL_US}


def _state(place: Path, state: State) -> Path:
    (place / "spool").mkdir(parents=True)
    (place / "spool" / "receipts").touch()
    (place / "state").write_text(render(state))
    # Written a while ago: one that has just been written is read each time, until the clock has gone on.
    os.utime(place / "state", (1_700_000_000, 1_700_000_000))
    return place


def _spread(figures: list[float]) -> dict[str, float]:
    ordered = sorted(figures)
    return {
        "median": round(statistics.median(ordered), 2),
        "p95": round(ordered[int(0.95 * len(ordered))], 2),
        "least": round(ordered[0], 2),
        "worst": round(ordered[-1], 2),
    }

"""Run the benchmarks and print one table: `python -m benchmarks [append] [first-effect] [help] [protocols] ...`."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    check,
    detection,
    first_effect,
    fleet_planning,
    freezing,
    gate,
    halt_push,
    ordered_stop,
    protocols,
    resume,
    roll_call,
    snapshot,
    start,
    watchers,
)

NAMES = (
    "append",
    "first-effect",
    "help",
    "idle",
    "detection",
    "protocols",
    "ordered-stop",
    "resume",
    "fleet-planning",
    "gate",
    "check",
    "halt-push",
    "watchers",
    "roll-call",
    "snapshot",
    "freeze",
)


def main(arguments: list[str]) -> int:
    """Run what was asked for, everything by default; `--json` prints the raw figures."""
    as_json = "--json" in arguments
    wanted = [name for name in arguments if not name.startswith("-")] or list(NAMES)
    unknown = set(wanted) - set(NAMES)
    if unknown:
        print(
            f"error: no benchmark {', '.join(sorted(unknown))}\nhint: {', '.join(NAMES)}",
            file=sys.stderr,
        )
        return 2
    measured: dict[str, object] = {"machine": machine()}
    runs: dict[str, Callable[[], object]] = {
        "append": _append, "first-effect": first_effect.measure, "help": start.measure_help,
        "idle": start.measure_idle, "detection": detection.measure, "protocols": protocols.measure,
        "ordered-stop": ordered_stop.measure, "resume": resume.measure,
        "fleet-planning": fleet_planning.measure, "gate": gate.measure, "check": check.measure,
        "halt-push": halt_push.measure, "watchers": watchers.measure, "roll-call": roll_call.measure,
        "snapshot": snapshot.measure, "freeze": freezing.measure,
    }  # fmt: skip
    for name in wanted:
        print(f"measuring {name} ...", file=sys.stderr)
        measured[name] = runs[name]()
        if not as_json:
            print(
                f"{name}: {json.dumps(measured[name], indent=2, default=lambda value: round(value, 2))}"
            )
    if as_json:
        print(json.dumps(measured, indent=2))
    return 0


def machine() -> str:
    """What this was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def _append() -> object:
    script = Path(__file__).with_name("append.py")
    found = subprocess.run(
        [sys.executable, str(script), "--json"], check=True, capture_output=True, text=True
    )
    return json.loads(found.stdout)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Stopping 200 real processes along a graph: how long over the longest path, and are edges broken?

`python -m benchmarks ordered-stop`. The dummy service is compiled here, so a C compiler is needed; peers that are not
installed beside this Python (`pip install supervisor ansible-core`) are left out, and the table says so.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.ordered_stop.contenders import contenders
from benchmarks.ordered_stop.ground import Fleet, case, compiled, load

ROUNDS = 3
# Once is enough for what takes a minute.
SLOW = {"ansible, a play a level, raw"}


def measure(rounds: int = ROUNDS) -> dict[str, object]:
    """Interleaved rounds; for each contender the median and the range of its whole time, and of its ratio."""
    found: dict[str, object] = {}
    for kind in ("equal", "lognormal"):
        wanted = case(kind)
        bound = wanted.bound_ms
        times: dict[str, list[tuple[float, float, int]]] = {}
        for number in range(rounds):
            for name, (run, started) in contenders().items():
                if name in SLOW and number:
                    continue
                print(f"  {kind}, {name} (load {load()})", file=sys.stderr)
                times.setdefault(name, []).append(_one(wanted_kind=kind, run=run, started=started))
        found[kind] = {
            "services": len(wanted.needs),
            "edges": wanted.edges,
            "levels": len(wanted.levels()),
            "bound_ms": bound,
            "contenders": {
                name: {
                    "median_ms": statistics.median(one[0] for one in rows),
                    "lowest_ms": min(one[0] for one in rows),
                    "highest_ms": max(one[0] for one in rows),
                    "over_bound": statistics.median(one[0] for one in rows) / bound,
                    "first_signal_ms": statistics.median(one[1] for one in rows),
                    "edges_broken": max(one[2] for one in rows),
                }
                for name, rows in times.items()
            },
        }
    return found


def _one(*, wanted_kind: str, run, started: bool) -> tuple[float, float, int]:  # type: ignore[no-untyped-def]
    """Milliseconds from the command to the last end, to the first signal, and edges broken."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        fleet = Fleet(case(wanted_kind), folder, compiled(folder))
        try:
            if started:
                fleet.start()
                time.sleep(0.3)
            began = run(fleet)
            told = fleet.told()
        finally:
            fleet.end()
    return (told.last_ns - began) / 1e6, (told.first_ns - began) / 1e6, told.broken

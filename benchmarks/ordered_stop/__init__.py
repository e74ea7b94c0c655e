"""Stopping 200 real processes along a graph: how long over the longest path, and are edges broken?

`python -m benchmarks ordered-stop`. The dummy service is compiled here, so a C compiler is needed; peers that are not
installed (`make bench` installs those from requirements/bench.txt) are skipped, and the result says why.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.ordered_stop import over_ssh, through_supervisor
from benchmarks.ordered_stop.contenders import Run, contenders
from benchmarks.ordered_stop.ground import MEMORY, Fleet, case, compiled, load, sync_ms

ROUNDS = 3
# Once is enough for what takes a minute.
SLOW = {"ansible, a play a level, raw", over_ssh.MODULE, over_ssh.RAW}


def ways() -> tuple[dict[str, tuple[Run, bool]], dict[str, str]]:
    """By name: how it runs, and whether the fleet is started for it; and why others are skipped."""
    more: dict[str, tuple[Run, bool, str]] = {
        through_supervisor.NAME: (through_supervisor.allstop_through_supervisor, False, through_supervisor.missing()),
        over_ssh.ALLSTOP: (over_ssh.allstop, True, over_ssh.missing()),
        over_ssh.MODULE: (over_ssh.ansible("command"), True, over_ssh.missing_ansible()),
        over_ssh.RAW: (over_ssh.ansible("raw"), True, over_ssh.missing_ansible()),
    }  # fmt: skip
    here = {name: (run, started) for name, (run, started, lacking) in more.items() if not lacking}
    return contenders() | here, {name: lacking for name, (_, _, lacking) in more.items() if lacking}


def measure(rounds: int = ROUNDS) -> dict[str, object]:
    """Interleaved rounds; for each contender the median and the range of its whole time, and of its ratio.

    sync_ms: what one sync costs; who writes each step down before the next one pays it once a level at least.
    """
    found: dict[str, object] = {}
    contending, skipped = ways()
    for name, lacking in skipped.items():
        print(f"  skipped: {name}: {lacking}", file=sys.stderr)
    for kind in ("equal", "lognormal"):
        wanted = case(kind)
        bound = wanted.bound_ms
        times: dict[str, list[tuple[float, float, int]]] = {}
        for number in range(rounds):
            for name, (run, started) in contending.items():
                if name in SLOW and number:
                    continue
                print(f"  {kind}, {name} (load {load()})", file=sys.stderr)
                times.setdefault(name, []).append(_one(wanted_kind=kind, run=run, started=started))
        found[kind] = {
            "services": len(wanted.needs),
            "edges": wanted.edges,
            "levels": len(wanted.levels()),
            "bound_ms": bound,
            "sync_ms": _sync_ms(),
            "skipped": skipped,
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


def _sync_ms() -> float:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        return sync_ms(Path(name))


def _one(*, wanted_kind: str, run, started: bool) -> tuple[float, float, int]:  # type: ignore[no-untyped-def]
    """Milliseconds from the command to the last end, to the first signal, and edges broken."""
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as name,
        tempfile.TemporaryDirectory(dir=MEMORY) as memory,
    ):
        folder = Path(name)
        fleet = Fleet(case(wanted_kind), folder, compiled(folder), Path(memory))
        try:
            if started:
                fleet.start()
                time.sleep(0.3)
            began = run(fleet)
            told = fleet.told()
        finally:
            fleet.end()
    return (told.last_ns - began) / 1e6, (told.first_ns - began) / 1e6, told.broken

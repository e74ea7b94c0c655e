"""`python -m tests.simulation`: many emergencies, each from a seed; exits 1 on any violation.

With --graphs: plans over random graphs with random faults, the coordinator killed at every entry of the log.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from allstop.testing.simulator import Faults, Result, simulate
from tests.simulation.crashing import boundary_faults, point_faults
from tests.simulation.graphs import counting

CRASHES = ("boundaries", "points", "random", "none")


@dataclass(slots=True)
class Total:
    runs: int = 0
    events: int = 0
    incidents: int = 0
    crashes: int = 0
    violations: int = 0
    virtual_us: int = 0

    def add(self, result: Result) -> None:
        self.runs += 1
        self.events += result.events
        self.incidents += result.incidents
        self.crashes += len(result.crashes)
        self.violations += len(result.violations)
        self.virtual_us += result.virtual_us


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=200, help="how many (0: until --seconds)")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--crash", choices=CRASHES, default="random", help="where the process dies")
    parser.add_argument("--calm", action="store_true", help="no other faults than the outage")
    parser.add_argument("--seconds", type=float, default=0, help="stop after so many (0: never)")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--graphs", type=int, default=0, help="so many random graphs instead")
    parser.add_argument("--cut", type=int, help="of a graph: only this kill (0: none)")
    parser.add_argument(
        "--real", action="store_true", help="graphs under the coordinator's own runner and store"
    )
    return parser.parse_args()


def plans(seed: int, crash: str, *, calm: bool) -> Iterator[Faults]:
    """The runs of one seed: one, or one per place at which it can die."""
    faults = Faults.calm("mixed") if calm else Faults.rough()
    if crash == "boundaries":
        yield from boundary_faults(seed, faults)
    elif crash == "points":
        yield from point_faults(seed, faults)
    elif crash == "random":
        yield Faults.calm("mixed") if calm else Faults.rough(1 + seed % 5)
    else:
        yield faults


def of_seed(job: tuple[int, str, bool]) -> list[tuple[Faults, Result]]:
    hush()
    seed, crash, calm = job
    return [(faults, simulate(seed, faults)) for faults in plans(seed, crash, calm=calm)]


def hush() -> None:
    """Thousands of emergencies log more than anybody reads."""
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)


def explain(faults: Faults, result: Result) -> None:
    print(f"\nseed {result.seed}: {len(result.violations)} violations")
    print(f"  again: simulate({result.seed}, {faults})")
    for violation in result.violations:
        print(f"  {violation}")
    print("  the end of its timeline:")
    for line in result.tail:
        print(f"    {line}")


def table(total: Total, seconds: float) -> str:
    rows = {
        "runs": f"{total.runs:,}",
        "emergencies": f"{total.incidents:,}",
        "events": f"{total.events:,}",
        "crashes": f"{total.crashes:,}",
        "violations": f"{total.violations:,}",
        "virtual hours": f"{total.virtual_us / 3.6e9:,.1f}",
        "seconds": f"{seconds:,.1f}",
        "emergencies per minute": f"{60 * total.incidents / max(seconds, 0.001):,.0f}",
    }
    return "\n".join(f"{name:24}{value:>12}" for name, value in rows.items())


def main() -> int:
    asked = arguments()
    if asked.graphs:
        # To be told to end is no reason to forget what was found.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        wanted = (asked.graphs, asked.start, asked.cut, asked.real, asked.seconds, asked.jobs)
        return counting.run(counting.Asked(*wanted))
    began, total = time.monotonic(), Total()
    count = asked.seeds or 10**9
    jobs = ((seed, asked.crash, asked.calm) for seed in range(asked.start, asked.start + count))
    with multiprocessing.Pool(max(1, asked.jobs), initializer=hush) as pool:
        for found in pool.imap_unordered(of_seed, jobs) if asked.seeds else stream(pool, jobs):
            for faults, result in found:
                total.add(result)
                if not result.sound:
                    explain(faults, result)
            if asked.seconds and time.monotonic() - began > asked.seconds:
                pool.terminate()
                break
    print(table(total, time.monotonic() - began))
    return 1 if total.violations else 0


def stream(
    pool: multiprocessing.pool.Pool, jobs: Iterator[tuple[int, str, bool]]
) -> Iterator[list[tuple[Faults, Result]]]:
    """Without an end, a bounded number at a time."""
    while True:
        batch = [job for job, _ in zip(jobs, range(64), strict=False)]
        if not batch:
            return
        yield from pool.imap_unordered(of_seed, batch)


if __name__ == "__main__":
    sys.exit(main())

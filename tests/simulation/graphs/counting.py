"""Many graphs: told by several processes, counted, and shown as a table."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import structlog

from tests.simulation.graphs.living import live
from tests.simulation.graphs.scenes import FAULTS
from tests.simulation.graphs.telling import Told, tell

EVERY_SECONDS = 10
EXAMPLES = 3
INTERRUPTED = 130


@dataclass(slots=True)
class Asked:
    """graphs: how many, from the seed start on; cut: only this one of each, 0 for none, None for all; real: with the
    coordinator's own parts, instead of the core alone; seconds: stop after so many, 0 for never; jobs: processes at once."""

    graphs: int
    start: int = 0
    cut: int | None = None
    real: bool = False
    seconds: float = 0
    jobs: int = 1


@dataclass(slots=True)
class Total:
    """Of all that were told. failing: seeds with findings."""

    sums: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    at_rest: Counter[str] = field(default_factory=Counter)
    failing: list[int] = field(default_factory=list)

    def add(self, told: Told) -> None:
        self.sums.update(
            {
                "graphs": 1, "services": told.services, "dependencies": told.edges, "entries": told.entries,
                "cuts": told.cuts, "deaths": told.deaths, "deeds": told.deeds, "broken": told.broken,
                "again": told.again, "findings": len(told.findings),
            }
        )  # fmt: skip
        self.faults.update(told.faults)
        self.ends.update(told.ends)
        self.at_rest.update(told.at_rest)
        if told.findings:
            self.failing.append(told.seed)


def run(asked: Asked) -> int:
    """Tell them, say how far it is, and show the table. Returns the exit code."""
    total, began, said, ending = Total(), time.monotonic(), time.monotonic(), 0
    try:
        for told in _each(asked):
            total.add(told)
            if told.findings:
                explain(told, asked)
            if time.monotonic() - said > EVERY_SECONDS:
                said = time.monotonic()
                _say(total, asked, said - began)
            if asked.seconds and time.monotonic() - began > asked.seconds:
                break
    except KeyboardInterrupt:
        ending = INTERRUPTED
    print(table(total, time.monotonic() - began), flush=True)
    for seed in sorted(total.failing):
        print(f"failed: {again(seed, asked)}")
    return 1 if total.failing else ending


def _each(asked: Asked) -> Iterator[Told]:
    jobs = [
        (seed, asked.cut, asked.real) for seed in range(asked.start, asked.start + asked.graphs)
    ]
    if min(asked.jobs, len(jobs)) <= 1:
        _begin()
        yield from map(_tell, jobs)
        return
    with multiprocessing.Pool(asked.jobs, initializer=_begin_worker) as pool:
        yield from pool.imap_unordered(_tell, jobs)


def _tell(job: tuple[int, int | None, bool]) -> Told:
    seed, cut, real = job
    return live(seed, cut) if real else tell(seed, cut)


def _begin() -> None:
    """Nothing a story is made of is a cycle: collecting now and then is enough."""
    gc.set_threshold(200_000, 20, 20)
    # Thousands of stories log more than anybody reads.
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)


def _begin_worker() -> None:
    _begin()
    # Whoever is interrupted at the keyboard is the one that gave the work out.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _say(total: Total, asked: Asked, seconds: float) -> None:
    told = total.sums["graphs"]
    left = (asked.graphs - told) * seconds / told
    print(
        f"{told:,} of {asked.graphs:,} graphs, {total.sums['cuts']:,} kills, "
        f"{left // 3600:.0f}h {left % 3600 // 60:02.0f}m left, {len(total.failing)} with findings",
        file=sys.stderr, flush=True,
    )  # fmt: skip


def again(seed: int, asked: Asked) -> str:
    """The arguments that tell the graph of a seed again, alone."""
    return f"--graphs 1 --start {seed}{' --real' if asked.real else ''}"


def explain(told: Told, asked: Asked) -> None:
    """What was found of one graph, and how it is told again alone."""
    print(f"VIOLATION in the graph of seed {told.seed}: {len(told.findings)} findings")
    for one in told.findings[:EXAMPLES]:
        print(f"  {one}")
    print(f'  again: make simulate ARGS="{again(told.seed, asked)}"', flush=True)


def table(total: Total, seconds: float) -> str:
    """For people."""
    sums = total.sums
    rows: list[tuple[str, int | str]] = [
        ("graphs", sums["graphs"]), ("services in them", sums["services"]),
        ("dependencies in them", sums["dependencies"]), ("entries of their logs", sums["entries"]),
        ("kills, each told to its end", sums["cuts"]), ("deaths altogether", sums["deaths"]),
        ("deeds of people", sums["deeds"]), ("", ""),
    ]  # fmt: skip
    rows += [(f"fault met: {name}", total.faults[name]) for name in FAULTS]
    rows += [("", "")]
    rows += [(f"nodes ended {name}", count) for name, count in sorted(total.ends.items())]
    rows += [
        (f"nodes {name} when a person was needed", count)
        for name, count in sorted(total.at_rest.items())
    ]
    rows += [
        ("", ""), ("edges broken", sums["broken"]), ("completed steps run again", sums["again"]),
        ("findings of any kind", sums["findings"]), ("seconds", round(seconds)),
    ]  # fmt: skip
    return "\n".join(
        f"{name:36}{count:>14,}" if isinstance(count, int) else "" for name, count in rows
    )

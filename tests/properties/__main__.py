"""`python -m tests.properties`: many random stories, each from a seed; exits 1 on any violation.

The packs take turns, so that whenever it is stopped each has had its share. With --keep it goes on
where it was stopped.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import multiprocessing.pool
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.properties.counting import Heard, Night, Unfit, table
from tests.properties.stories.telling import COMMANDS, PACKS, shortest, tell

EVERY_SECONDS = 10
EXAMPLES = 3
# So many are told between two looks at the clock, and kept or lost together.
BATCH = 50
INTERRUPTED = 130

Job = tuple[str, int, int]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.properties",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stories", type=int, default=1000, help="how many of each pack")
    parser.add_argument("--pack", choices=("all", *PACKS), default="all", help="only this one")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--commands", type=int, default=COMMANDS, help="how many in a story")
    parser.add_argument(
        "--turn", type=int, default=500, help="of one pack before it is the next one's turn"
    )
    parser.add_argument("--seconds", type=float, default=0, help="stop after so many (0: never)")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument(
        "--keep", type=Path, help="keep what was told in this file, and go on from it"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--shorten", action="store_true", help="print failing stories made short")
    return parser.parse_args()


def hear(job: Job) -> Heard:
    pack, seed, commands = job
    told = tell(pack, seed, commands)
    stage = told.stage
    return Heard(
        pack, seed, stage.asked, stage.accepted, len(stage.records), told.kinds,
        frozenset(stage.codes), tuple(map(str, told.violations)),
    )  # fmt: skip


def begin() -> None:
    """Nothing a story is made of is a cycle: collecting now and then is enough."""
    gc.set_threshold(200_000, 20, 20)


def begin_worker() -> None:
    begin()
    # Whoever is interrupted at the keyboard is the one that gave the work out.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def hearers(jobs: int) -> Iterator[multiprocessing.pool.Pool | None]:
    """Those who tell the stories: other processes, or none beside this one."""
    if jobs > 1:
        with multiprocessing.Pool(jobs, initializer=begin_worker) as pool:
            yield pool
        return
    begin()
    yield None


def turns(night: Night, asked: argparse.Namespace) -> Iterator[list[Job]]:
    """What is to be told, batch by batch; the pack with the fewest stories goes on first."""
    while True:
        pack = min(night.packs, key=lambda one: night.totals[one].stories)
        told = night.totals[pack].stories
        end = min(asked.stories, (told // asked.turn + 1) * asked.turn)
        if told >= end:
            return
        for first in range(told, end, BATCH):
            seeds = range(night.seed + first, night.seed + min(first + BATCH, end))
            yield [(pack, seed, night.commands) for seed in seeds]


def explain(one: Heard, asked: argparse.Namespace) -> None:
    out = sys.stderr if asked.json else sys.stdout
    print(f"VIOLATION {one.pack} seed {one.seed}", file=out)
    for what in one.violations[:EXAMPLES]:
        print(f"  {what}", file=out)
    command = f"--pack {one.pack} --seed {one.seed} --stories 1 --commands {asked.commands}"
    print(f"  again: python -m tests.properties {command} --shorten", file=out, flush=True)
    if asked.shorten:
        for deed in shortest(tell(one.pack, one.seed, asked.commands)):
            print(f"    {deed}", file=out)


class Progress:
    """Says every few seconds how far it is, and when it will be done at this rate."""

    def __init__(self, night: Night, asked: argparse.Namespace) -> None:
        self._night, self._wanted = night, asked.stories * len(night.packs)
        self._began, self._before = time.monotonic(), night.stories
        self._said = self._began

    def say(self, pack: str) -> None:
        now, night = time.monotonic(), self._night
        if now - self._said < EVERY_SECONDS:
            return
        self._said = now
        rate = (night.stories - self._before) / (now - self._began)
        left = (self._wanted - night.stories) / max(rate, 0.001)
        share = night.stories / self._wanted
        print(
            f"{pack}: {night.totals[pack].stories:,}; all: {night.stories:,} of {self._wanted:,} ({share:.0%}), "
            f"{rate:.1f} a second, {left // 3600:.0f}h {left % 3600 // 60:02.0f}m left, "
            f"{night.failing} with violations",
            file=sys.stderr, flush=True,
        )  # fmt: skip


def run(night: Night, asked: argparse.Namespace) -> None:
    """Tell until all is told, or time is up; whole batches are counted, and kept."""
    progress, end = Progress(night, asked), time.monotonic() + (asked.seconds or float("inf"))
    with hearers(min(asked.jobs, asked.stories)) as pool:
        for jobs in turns(night, asked):
            began = time.monotonic()
            each = pool.imap_unordered(hear, jobs, chunksize=4) if pool else map(hear, jobs)
            found = []
            for one in each:
                found.append(one)
                if one.violations:
                    explain(one, asked)
            night.add(found, time.monotonic() - began)
            if asked.keep:
                night.keep(asked.keep)
            progress.say(jobs[0][0])
            if time.monotonic() > end:
                return


def main() -> int:
    asked = arguments()
    packs = PACKS if asked.pack == "all" else (asked.pack,)
    night = Night(packs, asked.seed, asked.commands)
    # To be told to end is no reason to forget what was found.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ending = 0
    try:
        if asked.keep:
            night.go_on(asked.keep)
            night.keep(asked.keep)
        run(night, asked)
    except Unfit as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        ending = INTERRUPTED
    print(json.dumps(night.plain(), indent=1) if asked.json else table(night), flush=True)
    for pack, total in night.totals.items() if not asked.json else ():
        for seed, what in total.violations.items():
            print(f"failed: {pack} --seed {seed}: {what[0]}")
    return 1 if night.failing else ending


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.properties`: many random stories, each from a seed; exits 1 on any violation."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.properties.stories.telling import COMMANDS, PACKS, shortest, tell

# What a run tells about how far its stories came.
LANDMARKS = {
    "incident.declared": "declared", "plan.done": "a plan done", "plan.held": "a plan held",
    "incident.stood_down": "stood down", "incident.closed": "closed", "incident.reopened": "reopened",
    "incident.merged": "merged", "incident.dismissed": "false alarm", "deadline.missed": "a deadline missed",
    "change.approved": "a change approved", "rule.violated": "a stop rule violated",
    "halt.released": "a halt released", "crew.assigned": "a crew assigned", "activation.confirmed": "a proposal confirmed",
}  # fmt: skip
EVERY_SECONDS = 10
EXAMPLES = 3


@dataclass(slots=True)
class Heard:
    """One story, as much of it as crosses a process."""

    pack: str
    seed: int
    asked: int
    accepted: int
    records: int
    kinds: frozenset[str]
    codes: frozenset[str]
    violations: tuple[str, ...]


@dataclass(slots=True)
class Total:
    stories: int = 0
    asked: int = 0
    accepted: int = 0
    records: int = 0
    came_to: Counter[str] = field(default_factory=Counter)
    codes: set[str] = field(default_factory=set)
    failing: list[Heard] = field(default_factory=list)

    def add(self, one: Heard) -> None:
        self.stories += 1
        self.asked += one.asked
        self.accepted += one.accepted
        self.records += one.records
        self.came_to.update(one.kinds)
        self.codes |= one.codes
        if one.violations:
            self.failing.append(one)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.properties", description=__doc__)
    parser.add_argument("--stories", type=int, default=1000, help="how many of each pack")
    parser.add_argument("--pack", choices=PACKS, help="only this one")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--commands", type=int, default=COMMANDS, help="how many in a story")
    parser.add_argument("--seconds", type=float, default=0, help="stop after so many (0: never)")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once")
    parser.add_argument("--shorten", action="store_true", help="print failing stories made short")
    return parser.parse_args()


def hear(job: tuple[str, int, int]) -> Heard:
    pack, seed, commands = job
    told = tell(pack, seed, commands)
    stage = told.stage
    return Heard(
        pack, seed, stage.asked, stage.accepted, len(stage.records), frozenset(told.states),
        frozenset(stage.codes), tuple(map(str, told.violations)),
    )  # fmt: skip


def begin() -> None:
    """Nothing a story is made of is a cycle: collecting now and then is enough."""
    gc.set_threshold(200_000, 20, 20)


def explain(one: Heard, asked: argparse.Namespace) -> None:
    print(f"VIOLATION {one.pack} seed {one.seed}")
    for what in one.violations[:EXAMPLES]:
        print(f"  {what}")
    command = f"--pack {one.pack} --seed {one.seed} --stories 1 --commands {asked.commands}"
    print(f"  again: python -m tests.properties {command} --shorten", flush=True)
    if asked.shorten:
        for deed in shortest(tell(one.pack, one.seed, asked.commands)):
            print(f"    {deed}")


def table(total: Total, seconds: float) -> str:
    rows = {
        "stories": f"{total.stories:,}",
        "commands": f"{total.asked:,}",
        "accepted": f"{total.accepted / max(1, total.asked):.0%}",
        "reasons for refusal": f"{len(total.codes):,}",
        "events": f"{total.records:,}",
        "violations": f"{len(total.failing):,}",
        "seconds": f"{seconds:,.1f}",
        "stories per second": f"{total.stories / max(seconds, 0.001):,.1f}",
    }
    for kind, name in LANDMARKS.items():
        rows[f"stories with {name}"] = f"{total.came_to[kind] / max(1, total.stories):.1%}"
    return "\n".join(f"{name:38}{value:>12}" for name, value in rows.items())


def run_pack(pool: multiprocessing.pool.Pool, pack: str, asked: argparse.Namespace) -> Total:
    began, total = time.monotonic(), Total()
    said = began
    seeds = range(asked.seed, asked.seed + asked.stories)
    batch = 64
    for start in range(0, len(seeds), batch):
        jobs = [(pack, seed, asked.commands) for seed in seeds[start : start + batch]]
        for one in pool.imap_unordered(hear, jobs, chunksize=4):
            total.add(one)
            if one.violations:
                explain(one, asked)
        now = time.monotonic()
        if now - said > EVERY_SECONDS:
            said = now
            found = f"{total.stories:,} of {asked.stories:,}, {len(total.failing)} with violations"
            print(f"{pack}: {found}", file=sys.stderr, flush=True)
        if asked.seconds and now - began > asked.seconds:
            break
    print(f"--- {pack}, seeds {seeds.start} to {seeds.start + total.stories - 1}")
    print(table(total, time.monotonic() - began), flush=True)
    return total


def main() -> int:
    asked = arguments()
    failing: list[Heard] = []
    with multiprocessing.Pool(max(1, asked.jobs), initializer=begin) as pool:
        for pack in (asked.pack,) if asked.pack else PACKS:
            failing += run_pack(pool, pack, asked).failing
    for one in failing:
        print(f"failed: {one.pack} --seed {one.seed}: {one.violations[0]}")
    return 1 if failing else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m tests.torture`: kill a running coordinator again and again, and count what it lost."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.torture.checks import lost, rerun, violations
from tests.torture.emergency import Evidence, emergency
from tests.torture.ground import GroundError
from tests.torture.points import HITS, After, Death, During, deaths_at

FAULTS = ("bad-release", "killed-process")
RANDOM = "random SIGKILL"
PROGRAM = "during a program"
KILLS_AT_RANDOM = 4


@dataclass(slots=True)
class Row:
    """What is known about one way of dying."""

    name: str
    kills: int = 0
    unspent: int = 0
    acknowledged: int = 0
    lost: int = 0
    rerun: int = 0
    restarts: list[float] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def add(self, found: Evidence) -> None:
        self.kills += len(found.crashes)
        self.unspent += len(found.unspent)
        self.acknowledged += len(found.ledger.promised)
        self.lost += lost(found)
        self.rerun += rerun(found)
        self.restarts += [crash.restart_seconds for crash in found.crashes]
        self.violations += violations(found)

    def cells(self) -> tuple[str, ...]:
        return (
            self.name, str(self.kills), str(self.acknowledged), str(self.lost), str(self.rerun),
            _share(self.restarts, 0.5), _share(self.restarts, 0.99), str(len(self.violations)),
        )  # fmt: skip


HEAD = ("point", "kills", "acknowledged", "lost", "re-run", "restart p50", "p99", "violations")


def main(arguments: Sequence[str]) -> int:
    """Run, print the table, and return 1 when anything was not as it must be."""
    asked = _parser().parse_args(arguments)
    chance = random.Random(asked.seed)
    until = time.monotonic() + asked.seconds
    rows: dict[str, Row] = {}
    print(f"seed {asked.seed}", flush=True)
    for name, deaths, fault in _plan(asked, chance):
        if asked.seconds and time.monotonic() > until:
            break
        row = rows.setdefault(name, Row(name))
        before = len(row.violations)
        try:
            found = emergency(deaths, fault)
        except GroundError as error:
            print(f"{name}: the shop could not be set up: {error}", file=sys.stderr)
            return 1
        row.add(found)
        print(
            f"{name}: {fault}, died {', '.join(str(crash.death) for crash in found.crashes) or 'never'}, "
            f"{'resolved' if found.resolved else 'NOT RESOLVED'} in {found.seconds:.1f} s",
            flush=True,
        )
        for text in row.violations[before:]:
            print(f"  VIOLATION {text}", flush=True)
    _print(list(rows.values()))
    return 1 if any(row.violations or row.lost for row in rows.values()) else 0


def _plan(
    asked: argparse.Namespace, chance: random.Random
) -> Iterator[tuple[str, tuple[Death, ...], str]]:
    """The emergencies, one after another; without an end when only the time is limited."""
    names = [asked.point] if asked.point else [*HITS, PROGRAM, RANDOM]
    rounds = 0
    while asked.seconds or rounds < asked.rounds:
        for place, name in enumerate(names):
            yield name, _deaths(name, chance), FAULTS[(place + rounds) % len(FAULTS)]
        rounds += 1
        if asked.rounds and rounds >= asked.rounds:
            return


def _deaths(name: str, chance: random.Random) -> tuple[Death, ...]:
    if name == RANDOM:
        return tuple(After(round(chance.uniform(0.0, 3.0), 2)) for _ in range(KILLS_AT_RANDOM))
    if name == PROGRAM:
        return (During(), During(gently=chance.random() < 0.3))
    return deaths_at(name)


def _share(values: Sequence[float], part: float) -> str:
    """A percentile by nearest rank, in seconds."""
    if not values:
        return "-"
    ordered = sorted(values)
    place = min(len(ordered) - 1, round(part * (len(ordered) - 1)))
    return f"{ordered[place]:.2f} s"


def _print(rows: Sequence[Row]) -> None:
    total = Row("all")
    for row in rows:
        total.kills += row.kills
        total.acknowledged += row.acknowledged
        total.lost += row.lost
        total.rerun += row.rerun
        total.restarts += row.restarts
        total.violations += row.violations
    lines = [HEAD, *(row.cells() for row in [*rows, total])]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    print()
    for line in lines:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=0, help="times through all points; 1 by default"
    )
    parser.add_argument(
        "--seconds", type=float, default=0.0, help="begin nothing new after so long"
    )
    parser.add_argument("--point", choices=[*HITS, PROGRAM, RANDOM], help="only this one")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    return parser


def _with_defaults(arguments: Sequence[str]) -> list[str]:
    limits = {"--rounds", "--seconds"}
    given = any(argument.partition("=")[0] in limits for argument in arguments)
    return [*arguments] if given else [*arguments, "--rounds", "1"]


if __name__ == "__main__":
    sys.exit(main(_with_defaults(sys.argv[1:])))

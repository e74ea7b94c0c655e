"""The fleet of the benchmark: a seeded graph, stop times, real processes, and what really happened.

The same graph and the same times are given to every contender. Order is checked from what the processes
themselves wrote down, by the monotonic clock.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from shutil import which

SEED = 7
SIZE = 200
EQUAL_MS = 50
SPREAD = 0.8


@dataclass(frozen=True)
class Case:
    """needs: what each service needs; stops_ms: how long each takes to stop."""

    name: str
    needs: dict[str, tuple[str, ...]]
    stops_ms: dict[str, float]

    @property
    def bound_ms(self) -> float:
        """The longest path: no contender can be faster, however many hands it has."""
        path: dict[str, float] = {}
        for name, needs in self.needs.items():  # needs come first
            path[name] = self.stops_ms[name] + max((path[one] for one in needs), default=0.0)
        return max(path.values())

    @property
    def edges(self) -> int:
        return sum(len(needs) for needs in self.needs.values())

    def levels(self) -> list[list[str]]:
        """Who stops together when one waits for everybody of the wave before; the first wave first."""
        depth: dict[str, int] = {}
        dependents: dict[str, list[str]] = {name: [] for name in self.needs}
        for name, needs in self.needs.items():
            for one in needs:
                dependents[one].append(name)
        for name in reversed(list(self.needs)):
            depth[name] = 1 + max((depth[one] for one in dependents[name]), default=-1)
        return [
            [name for name, at in depth.items() if at == level]
            for level in range(max(depth.values()) + 1)
        ]


def case(name: str, size: int = SIZE, seed: int = SEED) -> Case:
    """name: `equal` (all take 50 ms) or `lognormal` (median 50 ms, sigma 0.8)."""
    dice = Random(seed)
    needs: dict[str, tuple[str, ...]] = {}
    for at in range(size):
        count = dice.choice((0, 1, 2, 2, 3)) if at else 0
        chosen = {f"s{dice.randrange(max(0, at - 60), at)}" for _ in range(count)}
        needs[f"s{at}"] = tuple(sorted(chosen))
    times = {
        one: EQUAL_MS
        if name == "equal"
        else round(dice.lognormvariate(math.log(EQUAL_MS), SPREAD), 3)
        for one in needs
    }
    return Case(name, needs, times)


def compiled(folder: Path) -> Path:
    """The dummy service, compiled. Raises RuntimeError without a C compiler."""
    compiler = which("cc") or which("gcc") or which("clang")
    if compiler is None:
        raise RuntimeError("a C compiler is needed for the dummy service: apt-get install gcc")
    target = folder / "dummy"
    source = Path(__file__).with_name("dummy.c")
    subprocess.run([compiler, "-O2", "-Wall", "-o", str(target), str(source)], check=True)
    return target


@dataclass
class Fleet:
    """The processes of one run. Started here where the contender does not start them itself."""

    case: Case
    folder: Path
    program: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return self.folder / "stops.log"

    def argv(self, name: str) -> list[str]:
        microseconds = str(round(1000 * self.case.stops_ms[name]))
        return [str(self.program), name, microseconds, str(self.log)]

    def start(self) -> None:
        """Every process in a session of its own, with a pid file."""
        for name in self.case.needs:
            process = subprocess.Popen(self.argv(name), start_new_session=True)
            self.running[name] = process
            (self.folder / f"{name}.pid").write_text(f"{process.pid}\n")

    def end(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()

    def told(self) -> Told:
        """What the processes wrote. Raises RuntimeError when some never stopped."""
        begins: dict[str, int] = {}
        ends: dict[str, int] = {}
        for line in self.log.read_text().splitlines():
            name, what, at = line.split()
            (begins if what == "begin" else ends)[name] = int(at)
        missing = self.case.needs.keys() - ends.keys()
        if missing:
            raise RuntimeError(f"{len(missing)} of {len(self.case.needs)} never stopped")
        broken = sum(
            begins[one] < ends[name] for name, needs in self.case.needs.items() for one in needs
        )
        return Told(min(begins.values()), max(ends.values()), broken)


@dataclass(frozen=True)
class Told:
    """first_ns, last_ns: monotonic times of the first begin and the last end; broken: edges not kept."""

    first_ns: int
    last_ns: int
    broken: int


def load() -> str:
    return " ".join(f"{one:.1f}" for one in os.getloadavg())


if __name__ == "__main__":
    for kind in ("equal", "lognormal"):
        found = case(kind)
        print(kind, f"{found.bound_ms:.0f} ms", found.edges, len(found.levels()), file=sys.stderr)

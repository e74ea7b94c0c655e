"""The fleet of the benchmark: a seeded graph, stop times, real processes, and what really happened.

The same graph and the same times are given to every contender. Order is checked from what the processes
themselves wrote down, by the monotonic clock.
"""

from __future__ import annotations

import math
import os
import select
import signal
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from shutil import which

SEED = 7
SIZE = 200
EQUAL_MS = 50
SPREAD = 0.8
MEMORY = Path("/dev/shm")  # noqa: S108 - the very thing that is wanted


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
    """The dummy service, compiled, with its parent beside it. Raises RuntimeError without a C compiler."""
    compiler = which("cc") or which("gcc") or which("clang")
    if compiler is None:
        raise RuntimeError("a C compiler is needed for the dummy service: apt-get install gcc")
    for name in ("dummy", "parent"):
        source = Path(__file__).with_name(f"{name}.c")
        argv = [compiler, "-O2", "-Wall", "-o", str(folder / name), str(source)]
        subprocess.run(argv, check=True)
    return folder / "dummy"


@dataclass(frozen=True)
class Started:
    """A process of the fleet, held by pidfd: its parent reaps it at once, and its number may go to a stranger."""

    pid: int
    descriptor: int

    def wait(self) -> None:
        """Return when it has ended."""
        select.select([self.descriptor], [], [])

    def kill(self) -> None:
        """Kill it if it is still there, and let go of it."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.descriptor, signal.SIGKILL)
        os.close(self.descriptor)


@dataclass
class Fleet:
    """The processes of one run. Started here where the contender does not start them itself.

    folder: on the disk, for what a contender must not lose; memory: on tmpfs, as /run is, for pid files and
    for what the services write down, so that the disk delays none of them.
    """

    case: Case
    folder: Path
    program: Path
    memory: Path
    running: dict[str, Started] = field(default_factory=dict)
    parent: subprocess.Popen[str] | None = None

    @property
    def log(self) -> Path:
        return self.memory / "stops.log"

    def pid_file(self, name: str) -> Path:
        return self.memory / f"{name}.pid"

    def argv(self, name: str) -> list[str]:
        microseconds = str(round(1000 * self.case.stops_ms[name]))
        return [str(self.program), name, microseconds, str(self.log)]

    def start(self) -> None:
        """Every process in a session of its own, with a pid file.

        They belong to a parent that reaps them at once, as an init system does: no contender has to, and
        none meets zombies that no real machine would leave.
        """
        parent = [str(self.program.with_name("parent")), str(self.program), str(self.log)]
        self.parent = subprocess.Popen(
            parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.parent.stdin is not None
        assert self.parent.stdout is not None
        for name in self.case.needs:
            _, _, microseconds, _ = self.argv(name)
            self.parent.stdin.write(f"{name} {microseconds}\n")
        self.parent.stdin.close()
        for _ in self.case.needs:
            name, pid = self.parent.stdout.readline().split()
            self.running[name] = Started(int(pid), os.pidfd_open(int(pid)))
            self.pid_file(name).write_text(f"{pid}\n")
            # For those who know one folder only.
            (self.folder / f"{name}.pid").symlink_to(self.pid_file(name))

    def end(self) -> None:
        """End what is left; its parent ends with the last of them."""
        for process in self.running.values():
            process.kill()
        if self.parent is not None:
            self.parent.wait()
            assert self.parent.stdout is not None
            self.parent.stdout.close()

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


def sync_ms(folder: Path, times: int = 200) -> float:
    """What one sync of a growing file costs here, the median: nobody who writes a step down is faster."""
    took = []
    with (folder / "synced").open("wb", 0) as file:
        for _ in range(times):
            file.write(b"x" * 4096)
            began = time.monotonic_ns()
            os.fdatasync(file.fileno())
            took.append((time.monotonic_ns() - began) / 1e6)
    return statistics.median(took)


def load() -> str:
    return " ".join(f"{one:.1f}" for one in os.getloadavg())


if __name__ == "__main__":
    for kind in ("equal", "lognormal"):
        found = case(kind)
        print(kind, f"{found.bound_ms:.0f} ms", found.edges, len(found.levels()), file=sys.stderr)

"""A coordinator is killed in the middle of stopping 200 real processes: how long until the next one goes on?

The real program, through its command line, on a project with documents: `up`, `declare`, `plan stop all`,
`approve`, `plan run`, SIGKILL once a third of the fleet was told to stop, and `up` again. The clock runs from the
kill to the moment at which a further service is told to stop, by what the services themselves write down; every
one of them has to have ended in the end, and in order. Beside it, in the same rounds: a restart with nothing to go
on with, and the imports of the program in a bare interpreter, because no restart can be faster.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.ordered_stop.ground import MEMORY, Fleet, case, compiled

ROUNDS = 5
# The kill comes when so many have been told to stop.
TOLD_BEFORE = 70
LONGEST_SECONDS = 60
# Shorter than any restart, and longer than a signal takes to be noticed.
SETTLE_SECONDS = 0.1


@dataclass(frozen=True)
class Round:
    """Milliseconds from the kill: until it answers, until the next service is told; and of a plain restart."""

    ready_ms: float
    resumed_ms: float
    plain_ms: float
    imports_ms: float
    broken: int


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """Medians and the worst of all rounds; edges broken over all of them."""
    found = []
    for number in range(rounds):
        print(f"  resume, round {number + 1}", file=sys.stderr)
        found.append(_one())
    return {
        "resumed_ms": statistics.median(one.resumed_ms for one in found),
        "resumed_worst_ms": max(one.resumed_ms for one in found),
        "ready_ms": statistics.median(one.ready_ms for one in found),
        "plain_restart_ms": statistics.median(one.plain_ms for one in found),
        "imports_ms": statistics.median(one.imports_ms for one in found),
        "edges_broken": sum(one.broken for one in found),
    }


def _one() -> Round:
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as disk,
        tempfile.TemporaryDirectory(dir=MEMORY) as memory,
    ):
        fleet = Fleet(case("equal"), Path(disk), compiled(Path(disk)), Path(memory))
        project = _Project(fleet)
        fleet.start()
        try:
            return project.killed_and_resumed()
        finally:
            project.end()
            fleet.end()


class _Project:
    """A project folder with the fleet in it, and its coordinator."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._home = fleet.folder / "project"
        _cli("init", str(self._home))
        settings = self._home / "allstop.toml"
        settings.write_text(settings.read_text() + "\nport = 0\n")
        (self._home / "fleet.yaml").write_text(yaml.safe_dump(_document(fleet), sort_keys=False))

    def killed_and_resumed(self) -> Round:
        pid = self._up()
        self._say("declare", "the whole fleet stops")
        plan = json.loads(self._say("plan", "stop", "all", "--json"))["id"]
        self._say("approve", plan, "--yes")
        self._say("plan", "run", plan)
        _until(lambda: len(self._told()) >= TOLD_BEFORE)
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic_ns()
        with subprocess.Popen(
            self._argv("up", "--detach"), stdout=subprocess.DEVNULL, env=_compiled_once()
        ) as up:
            # Who was told just before the kill may write it down only now.
            time.sleep(SETTLE_SECONDS)
            before = set(self._told())
            _until(lambda: bool(self._told().keys() - before))
            resumed = min(at for name, at in self._told().items() if name not in before)
            up.wait()
            ready = time.monotonic_ns()
        _until(lambda: len(self._ended()) == len(self._fleet.case.needs))
        broken = self._fleet.told().broken
        self._say("down")
        again = time.monotonic_ns()
        self._up()
        plain = time.monotonic_ns() - again
        return Round(
            (ready - killed) / 1e6, (resumed - killed) / 1e6, plain / 1e6, _imports_ms(), broken
        )

    def end(self) -> None:
        subprocess.run(self._argv("down"), capture_output=True, check=False, env=_compiled_once())

    def _up(self) -> int:
        return int(json.loads(self._say("up", "--detach", "--json"))["pid"])

    def _argv(self, *words: str) -> list[str]:
        return _argv("--home", str(self._home), *words)

    def _say(self, *words: str) -> str:
        return _cli("--home", str(self._home), *words)

    def _told(self) -> dict[str, int]:
        return self._noted("begin")

    def _ended(self) -> dict[str, int]:
        return self._noted("end")

    def _noted(self, wanted: str) -> dict[str, int]:
        if not self._fleet.log.exists():
            return {}
        lines = (line.split() for line in self._fleet.log.read_text().splitlines())
        return {name: int(at) for name, what, at in lines if what == wanted}


def _document(fleet: Fleet) -> dict[str, object]:
    def one(name: str) -> dict[str, object]:
        options = {"pid_file": str(fleet.pid_file(name))}
        return {
            "depends": dict.fromkeys(fleet.case.needs[name], "hard"),
            "actions": {"stop": {"adapter": "process", "verb": "stop", "timeout": "10s", "options": options}},
            "verify": {"stopped": {"adapter": "process", "timeout": "5s", "options": {**options, "expect": "gone"}}},
        }  # fmt: skip

    services = {name: one(name) for name in fleet.case.needs}
    return {"schema": "allstop/1", "services": services, "limits": {"together": 0, "per_host": 0}}


def _until(happened: Callable[[], bool]) -> None:
    latest = time.monotonic() + LONGEST_SECONDS
    while not happened():
        if time.monotonic() > latest:
            raise RuntimeError("the stop did not go on")
        time.sleep(0.002)


@functools.cache
def _cache() -> tempfile.TemporaryDirectory[str]:
    """Where what was compiled is kept, for as long as this program runs."""
    return tempfile.TemporaryDirectory(prefix="allstop-compiled-")


def _compiled_once() -> dict[str, str]:
    """The environment of an installed program: what it imports was compiled before, also where this very
    interpreter was told to keep nothing compiled."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": _cache().name}


def _imports_ms() -> float:
    began = time.monotonic_ns()
    subprocess.run(
        [sys.executable, "-c", "import allstop.bootstrap"], check=True, env=_compiled_once()
    )
    return (time.monotonic_ns() - began) / 1e6


def _argv(*words: str) -> list[str]:
    return [sys.executable, "-m", "allstop", *words]


def _cli(*words: str) -> str:
    found = subprocess.run(
        _argv(*words), capture_output=True, text=True, check=False, env=_compiled_once()
    )
    if found.returncode:
        raise RuntimeError(f"allstop {' '.join(words)}: {found.stderr or found.stdout}")
    return found.stdout

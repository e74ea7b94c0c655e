"""The coordinator as a process of its own: started through the CLI, asked over its socket, killed."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from allstop.settings import read_settings
from tests.torture.journal import JOURNAL, runs_in
from tests.torture.points import After, At, Death, During
from tests.torture.talk import NoAnswer, ask

READY_SECONDS = 40.0
# How long an ending coordinator may take: an answer that is under way, and a call to the world.
GRACE_SECONDS = 8.0
# What `allstop up` prints goes here, beside the project and not into it.
OUTPUT = "coordinator.out"


def command(home: Path, *words: str) -> list[str]:
    """A command of the real CLI."""
    return [sys.executable, "-m", "allstop", "--home", str(home), *words]


def environment(**more: str) -> dict[str, str]:
    """Ours, without anything that steers Allstop but what is said here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ALLSTOP_")}
    return kept | more


@dataclass(slots=True)
class Crash:
    """One death. in_flight: keys of effects that were claimed in the file it left; before: the last
    log position there; restart_seconds: from the next start until it was ready."""

    death: Death
    at: float
    in_flight: frozenset[str]
    before: int
    restart_seconds: float = 0.0


@dataclass(slots=True)
class Lives:
    """A coordinator that is killed as planned and started again each time."""

    home: Path
    deaths: list[Death]
    crashes: list[Crash] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    armed: Death | None = None
    _started: float = 0.0
    _ready: float = 0.0

    def start(self) -> None:
        """Begin the next life, armed with the next death if one is left."""
        self.armed = self.deaths.pop(0) if self.deaths else None
        more = {}
        if isinstance(self.armed, At):
            more["ALLSTOP_CRASH_AT"] = str(self.armed)
        with (self.home / OUTPUT).open("ab") as output:
            self.process = subprocess.Popen(
                command(self.home, "up"), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=environment(**more), cwd=self.home.parent,
            )  # fmt: skip
        self._started, self._ready = time.monotonic(), 0.0

    def tend(self) -> bool:
        """Look after it; True while it answers. Starts it again after a planned death."""
        process = self.process
        assert process is not None
        if process.poll() is None:
            if not self._ready and self._answers():
                self._ready = time.monotonic()
                if self.crashes and not self.crashes[-1].restart_seconds:
                    self.crashes[-1].restart_seconds = self._ready - self._started
            if self._due():
                self._strike(process)
        if process.returncode is None:
            self._patience()
            return bool(self._ready)
        self._ended(process.returncode)
        return False

    def stop(self) -> tuple[int, float]:
        """SIGTERM; returns the exit code and how many seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        return code, time.monotonic() - began

    def kill(self) -> None:
        """End it whatever it does; for cleaning up."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def said(self) -> str:
        """The end of its output."""
        return (self.home / OUTPUT).read_text("utf-8", errors="replace")[-3000:]

    def _due(self) -> bool:
        """Whether it is time to kill from outside."""
        if not self._ready:
            return False
        match self.armed:
            case After(seconds):
                return time.monotonic() - self._ready >= seconds
            case During():
                return any(run.ended is None for run in runs_in(self.home.parent / JOURNAL))
            case _:
                return False

    def _strike(self, process: subprocess.Popen[bytes]) -> None:
        """End it from outside, as its planned death says."""
        if self.armed == During(gently=True):
            code, seconds = self.stop()
            if code or seconds > GRACE_SECONDS:
                self.faults.append(f"SIGTERM: exit code {code} after {seconds:.1f} s")
        else:
            process.kill()
            process.wait()

    def _patience(self) -> None:
        if not self._ready and time.monotonic() - self._started > READY_SECONDS:
            self.faults.append(f"not ready within {READY_SECONDS:g} s: {self.said()}")
            self.kill()

    def _ended(self, code: int) -> None:
        at = time.time()
        wanted = 0 if self.armed == During(gently=True) else -signal.SIGKILL
        if code != wanted or self.armed is None:
            self.faults.append(f"the coordinator ended with {code}: {self.said()}")
            raise CoordinatorError(self.faults[-1])
        in_flight, before = _left_behind(read_settings(self.home, environ={}).database)
        self.crashes.append(Crash(self.armed, at, in_flight, before))
        self.start()

    def _answers(self) -> bool:
        try:
            return ask(self.home, "GET", "/readyz").good
        except NoAnswer:
            return False


class CoordinatorError(RuntimeError):
    """It ended, or did not start, in a way nobody planned."""


def _left_behind(database: Path) -> tuple[frozenset[str], int]:
    """What the killed coordinator left: claimed effects and the last position. Works on a copy."""
    if not database.exists():
        return frozenset(), 0
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            file = database.with_name(database.name + suffix)
            if file.exists():
                shutil.copy(file, Path(folder) / f"copy{suffix}")
        book = sqlite3.connect(Path(folder) / "copy")
        try:
            rows = book.execute("SELECT id FROM outbox WHERE state = 'claimed'").fetchall()
            last = book.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()[0]
        finally:
            book.close()
    return frozenset(row[0] for row in rows), int(last)

"""Real services with pid files for the tests of the process adapters."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.process_tree import states
from tests.adapters.worlds import end_marked, marked, names

MARK = "SERVICE_MARK"

# A service with a child in its group and one in a session of its own. It says when it is up.
PLAIN = """
echo started >> starts
sleep 600 &
setsid sleep 600 &
wait
"""
# The same, deaf to TERM, group and all.
STUBBORN = "trap '' TERM\n" + PLAIN


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something in the world that tells nobody when it happens."""
    latest = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < latest, "it did not happen"
        await asyncio.sleep(0.005)


def spawned(argv: list[str], **more: Any) -> subprocess.Popen[bytes]:
    """A child in a session of its own."""
    return subprocess.Popen(argv, start_new_session=True, **more)


@dataclass
class Service:
    """A service in a folder of its own; `running` starts it past the adapter."""

    folder: Path
    script: str = PLAIN
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    child: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.program.write_text(self.script)

    @property
    def program(self) -> Path:
        return self.folder / "service.sh"

    @property
    def pid_file(self) -> Path:
        return self.folder / "pid"

    @property
    def order_file(self) -> Path:
        return self.folder / "pid.allstop"

    @property
    def pid(self) -> int:
        return int(self.pid_file.read_text())

    def options(self, **more: Any) -> dict[str, Any]:
        return {"pid_file": str(self.pid_file), **more}

    def starting(self, **more: Any) -> dict[str, Any]:
        """Options that it can be started with."""
        return self.options(
            argv=["sh", str(self.program)],
            cwd=str(self.folder),
            env={MARK: self.mark},
            log=str(self.folder / "log"),
            **more,
        )

    def run(self, complete: bool = True) -> None:
        """Start it as a child of the test, and write its pid file. complete: wait for its children."""
        env = {"PATH": os.environ["PATH"], MARK: self.mark}
        self.child = subprocess.Popen(
            ["sh", str(self.program)], env=env, cwd=self.folder, start_new_session=True
        )
        self.pid_file.write_text(f"{self.child.pid}\n")
        if complete:
            self.wait_for(["sh", "sleep", "sleep"])

    def wait_for(self, wanted: list[str]) -> None:
        """Wait until exactly these programs carry its mark."""
        latest = time.monotonic() + 10
        while (found := names(self.pids())) != wanted:
            assert time.monotonic() < latest, f"{found} instead of {wanted}"
            time.sleep(0.005)

    def pids(self) -> set[int]:
        return marked(MARK, self.mark)

    def alive(self) -> bool:
        """Whether the process of the pid file lives."""
        return self.pid_file.exists() and bool(states(self.pid) - {"Z", "X"})

    def any_alive(self) -> bool:
        return bool(self.pids())

    def state(self) -> str:
        """`frozen` when all its processes are, `running` when none is, `mixed`, or `gone`."""
        seen = [states(pid) - {"Z", "X"} for pid in self.pids()]
        frozen = [letters == {"T"} for letters in seen if letters]
        if not frozen:
            return "gone"
        return "frozen" if all(frozen) else "mixed" if any(frozen) else "running"

    def starts(self) -> int:
        path = self.folder / "starts"
        return len(path.read_text().splitlines()) if path.exists() else 0

    def reap(self) -> None:
        if self.child is not None:
            self.child.wait(10)

    def end(self) -> None:
        end_marked(MARK, self.mark)
        self.reap()


# On tmpfs, as /run is, an ordinary stop needs no thread; elsewhere a look could hang. All holds on both.
GROUNDS = ("disk", "memory")


@contextlib.contextmanager
def on_ground(ground: str, folder: Path) -> Iterator[Path]:
    """A folder on that kind of ground; `folder` itself when it is the disk."""
    if ground == "disk":
        yield folder
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        yield Path(memory)


@contextlib.contextmanager
def service(folder: Path, script: str = PLAIN, *, running: bool = True) -> Iterator[Service]:
    """A service that is ended with everything it left behind."""
    one = Service(folder, script)
    try:
        if running:
            one.run()
        yield one
    finally:
        one.end()


def freeze(one: Service) -> None:
    """SIGSTOP all of it, past the adapter."""
    for pid in one.pids():
        os.kill(pid, signal.SIGSTOP)
    latest = time.monotonic() + 10
    while one.state() != "frozen":
        assert time.monotonic() < latest, one.state()
        time.sleep(0.005)

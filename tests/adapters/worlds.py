"""Real repositories and real agents for the tests of adapters."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from allstop.adapters.mechanisms.process_tree import states
from allstop.domain.effects import Effect, Lane, Purpose


def effect(verb: str, options: dict[str, Any], **changes: Any) -> Effect:
    """An effect with everything the test does not care about filled in."""
    words: dict[str, Any] = {
        "id": "incident/INC-1:7:0",
        "stream": "incident/INC-1",
        "purpose": Purpose.STEP,
        "ref": "agent-1",
        "adapter": "x",
        "verb": verb,
        "target": "orders",
        "options": options,
        "lane": Lane.COMMAND,
        "timeout_ms": 10_000,
        "epoch": 5,
    }
    return Effect(**(words | changes))


@dataclass
class Blobs:
    """Keeps evidence in memory."""

    held: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, body: bytes) -> str:
        digest = hashlib.sha256(body).hexdigest()
        self.held[digest] = body
        return digest


@dataclass(frozen=True)
class Repo:
    """A git repository on disk, driven past the adapter."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Repo:
        folder.mkdir(parents=True, exist_ok=True)
        repo = cls(folder)
        repo.git("init", "--quiet", "--initial-branch=main")
        return repo

    @classmethod
    def bare(cls, folder: Path) -> Repo:
        """One without a work tree, to push to."""
        folder.mkdir(parents=True, exist_ok=True)
        repo = cls(folder)
        repo.git("init", "--quiet", "--bare", "--initial-branch=main")
        return repo

    def copy(self, folder: Path) -> Repo:
        """The same repository once more, with everything in it."""
        shutil.copytree(self.folder, folder)
        return Repo(folder)

    def git(self, *arguments: str, at: int | None = None) -> str:
        env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        env |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        if at is not None:
            env |= {"GIT_AUTHOR_DATE": f"{at} +0000", "GIT_COMMITTER_DATE": f"{at} +0000"}
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        ended = subprocess.run(
            ["git", *who, *arguments],
            cwd=self.folder,
            env=env,
            check=False,
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, subject: str, files: dict[str, str], at: int | None = None) -> str:
        for name, text in files.items():
            self.write(name, text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject, at=at)
        return self.head()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def tree(self, name: str = "HEAD") -> str:
        return self.git("rev-parse", f"{name}^{{tree}}")

    def count(self) -> int:
        return int(self.git("rev-list", "--count", "HEAD"))

    def status(self) -> str:
        return self.git("status", "--porcelain")

    def refs(self) -> str:
        return self.git("for-each-ref")


# A tree of four that ignores TERM: the agent, a child in its group, a child with a session of its
# own, and that child's child.
AGENT = """
trap '' TERM
sleep 600 &
setsid sh -c "trap '' TERM; sleep 600 & wait" &
wait
"""


@dataclass
class Agent:
    """A running agent: `pids` of its whole tree."""

    folder: Path
    mark: str
    root: subprocess.Popen[bytes]
    pids: set[int] = field(default_factory=set)

    @property
    def pid_file(self) -> Path:
        return self.folder / "agent.pid"

    @property
    def halt_file(self) -> Path:
        return self.folder / "halt"

    def options(self, **more: Any) -> dict[str, Any]:
        return {"halt_file": str(self.halt_file), "pid_file": str(self.pid_file), **more}

    def state(self) -> str:
        """`stopped` when all are, `running` when all are, `mixed`, or `gone`."""
        seen = {pid: states(pid) - {"Z", "X"} for pid in self.pids}
        alive = [letters for letters in seen.values() if letters]
        if not alive:
            return "gone"
        stopped = [letters == {"T"} for letters in alive]
        return "stopped" if all(stopped) else "mixed" if any(stopped) else "running"


def marked(name: str, value: str) -> set[int]:
    """Every living process whose environment holds NAME=value."""
    found = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


def names(pids: set[int]) -> list[str]:
    """What runs under these numbers, sorted."""
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            found.append(psutil.Process(pid).name())
    return sorted(found)


def end_marked(name: str, value: str) -> None:
    """Kill everything that carries the mark, and reap what is ours."""
    for _ in range(50):
        left = marked(name, value)
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


@contextlib.contextmanager
def running_agent(folder: Path, name: str = "agent") -> Iterator[Agent]:
    """An agent with a child in its group, one in a session of its own, and a grandchild."""
    home = folder / name
    home.mkdir(parents=True)
    mark = f"{home}-{os.getpid()}"
    env = {"PATH": os.environ["PATH"], "AGENT_MARK": mark}
    root = subprocess.Popen(["sh", "-c", AGENT], env=env, cwd=home, start_new_session=True)
    agent = Agent(home, mark, root)
    try:
        latest = time.monotonic() + 10
        while names(agent.pids) != ["sh", "sh", "sleep", "sleep"]:
            assert time.monotonic() < latest, "the agent did not start"
            time.sleep(0.005)
            agent.pids = marked("AGENT_MARK", mark)
        agent.pid_file.write_text(f"{root.pid}\n")
        yield agent
    finally:
        end_marked("AGENT_MARK", mark)
        root.wait(10)

"""Saving what an agent was working on, without asking it: a private commit of 2,000 files, some of them changed, some new.

Beside it, in turns on the same work tree: a copy of the index, `git add --all` and `git write-tree` with git as it comes, which
make the tree but neither commit nor ref, and check nothing. Each turn changes 20 files first, so that neither finds its
work done.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from allstop.adapters.agent_process.holding import snapshot_of
from allstop.adapters.agent_process.options import AgentProcessOptions
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.domain.effects import Effect, Lane, Purpose
from benchmarks.halt_push import spread

ROUNDS = 40
FILES = 2_000
NEW = 200
CHANGED = 20
GOALS_MS = {"snapshot": 30.0}


def measure() -> dict[str, object]:
    """Milliseconds of each."""
    with tempfile.TemporaryDirectory(prefix="allstop-snapshot-") as name:
        folder = Path(name)
        _fill(folder)
        bare, ours = [], []
        for number in range(ROUNDS):
            _change(folder, f"bare {number}")
            bare.append(_bare(folder))
            _change(folder, f"ours {number}")
            ours.append(_snapshot(folder, number))
        return {
            "git add --all, write-tree": spread(bare), "snapshot": spread(ours),
            "times bare, p50": round(spread(ours)["p50"] / spread(bare)["p50"], 2),
            "goals_ms": GOALS_MS,
        }  # fmt: skip


def _fill(folder: Path) -> None:
    for number in range(FILES):
        if number == FILES - NEW:
            _git(folder, "init", "--quiet")
            _git(folder, "add", "--all")
            _git(
                folder, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "--quiet", "-m", "x"
            )
        path = folder / f"part-{number % 50}" / f"file-{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"line of {number}\n" * 60)
    time.sleep(1.1)  # a file as young as the index is read again by git, every time


def _change(folder: Path, words: str) -> None:
    for number in range(CHANGED):
        (folder / f"part-{number}" / f"file-{number}.txt").write_text(f"{words}\n" * 60)


def _bare(folder: Path) -> float:
    began = time.perf_counter()
    index = shutil.copyfile(folder / ".git" / "index", folder / ".git" / "bare-index")
    _git(folder, "add", "--all", index=index)
    _git(folder, "write-tree", index=index)
    return time.perf_counter() - began


def _snapshot(folder: Path, number: int) -> float:
    options = AgentProcessOptions(halt_file="unused", worktree=str(folder), halt=f"HALT-{number}")
    effect = Effect(
        f"bench-{number}", "bench", Purpose.FREEZE, "agent-1", "agent-process", "freeze", "agent-1", {}, Lane.HALT, 5000, number,
    )  # fmt: skip
    began = time.perf_counter()
    commit, note = asyncio.run(snapshot_of(effect, options, Deadline.within(5000)))
    took = time.perf_counter() - began
    if not commit:
        raise SystemExit(note)
    return took


def _git(folder: Path, *words: str, index: Path | None = None) -> None:
    own = {"GIT_INDEX_FILE": str(index)} if index is not None else {}
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, env={**os.environ, **own})  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))

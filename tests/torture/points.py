"""Which crash points there are in the source, and at which reaches of each the harness kills."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src" / "allstop"
# The memory store and the simulator pass the same names in a process nobody kills.
ELSEWHERE = ("testing/", "adapters/memory_store/", "sandbox/")
REACH = re.compile(r"\b_?reach\(\s*\"([a-z-]+(?:\.[a-z-]+)+)\"")


@dataclass(frozen=True, slots=True)
class At:
    """Dies by its own hand at the n-th reach of a point. Reaches count anew in each life."""

    point: str
    hit: int

    def __str__(self) -> str:
        return f"{self.point}:{self.hit}"


@dataclass(frozen=True, slots=True)
class After:
    """Is killed from outside so many seconds after it was ready."""

    seconds: float

    def __str__(self) -> str:
        return f"SIGKILL after {self.seconds:.2f} s"


@dataclass(frozen=True, slots=True)
class During:
    """Is ended from outside while a program of the plan is running: by SIGTERM if gently."""

    gently: bool = False

    def __str__(self) -> str:
        return "SIGTERM during a program" if self.gently else "SIGKILL during a program"


Death = At | After | During

# What `python -m tests.torture` does at each point: one emergency that dies at these reaches in turn,
# the first of all, then ones that fall into diagnosis and into the plans.
HITS: dict[str, tuple[int, ...]] = {
    "post.before": (1, 30, 25),
    "post.decided": (2, 40, 25),
    "post.after": (3, 35, 30),
    "store.before-commit": (2, 60, 40),
    "store.after-commit": (4, 50, 40),
    "store.before-answer": (6, 55, 40),
    "timekeeper.due": (1, 1, 1),
    "runner.claim": (1, 6, 3),
    "runner.claimed": (1, 17, 2),
    "runner.acted": (1, 16, 2),
    "runner.report": (2, 16, 3),
    "runner.reported": (3, 15, 3),
    "monitor.samples": (1, 8, 6),
    "monitor.declare": (1, 1),
}

# What the tests do: fewer emergencies, each through several points, every point early and later on.
CHAINS: tuple[tuple[str, tuple[Death, ...]], ...] = (
    ("bad-release", (At("post.before", 1), At("runner.claimed", 1), At("runner.acted", 16))),
    ("killed-process", (At("post.decided", 2), At("runner.acted", 1), At("runner.report", 12))),
    ("bad-release", (At("post.after", 3), At("runner.claim", 2), At("post.before", 40))),
    ("killed-process", (At("store.before-commit", 2), At("monitor.declare", 1), At("runner.claimed", 17))),
    ("bad-release", (At("store.after-commit", 4), At("runner.report", 2), At("post.decided", 40))),
    ("killed-process", (At("store.before-answer", 6), At("runner.reported", 3), At("store.before-commit", 50))),
    ("bad-release", (At("runner.reported", 15), At("timekeeper.due", 1), At("store.after-commit", 40))),
    ("killed-process", (At("monitor.samples", 1), At("timekeeper.due", 2), At("store.before-answer", 40))),
    ("bad-release", (At("monitor.declare", 1), At("monitor.samples", 8), At("post.after", 30))),
    ("bad-release", (At("runner.claim", 5), During())),
    ("killed-process", (During(gently=True),)),
)  # fmt: skip


def points_in_source() -> dict[str, list[str]]:
    """Every named point of the code that runs in a coordinator, with the files that pass it."""
    found: dict[str, list[str]] = {}
    for file in sorted(SOURCE.rglob("*.py")):
        place = file.relative_to(SOURCE).as_posix()
        if place.startswith(ELSEWHERE):
            continue
        for name in REACH.findall(file.read_text("utf-8")):
            found.setdefault(name, []).append(place)
    return found


def deaths_at(point: str) -> tuple[Death, ...]:
    """The deaths of one emergency that is all about this point. Raises KeyError for an unknown one."""
    return tuple(At(point, hit) for hit in HITS[point])

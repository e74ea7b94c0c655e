"""What many stories came to, by pack: counted, printed, and kept in a file to go on from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import allstop

# What a run tells about how far its stories came.
LANDMARKS = {
    "incident.declared": "declared", "plan.done": "a plan done", "plan.held": "a plan held",
    "incident.stood_down": "stood down", "incident.closed": "closed", "incident.reopened": "reopened",
    "incident.merged": "merged", "incident.dismissed": "false alarm", "deadline.missed": "a deadline missed",
    "change.approved": "a change approved", "rule.violated": "a stop rule violated",
    "halt.released": "a halt released", "crew.assigned": "a crew assigned", "activation.confirmed": "a proposal confirmed",
}  # fmt: skip


class Unfit(Exception):
    """What was kept cannot be gone on from."""


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
    """The stories of one pack, of seeds that follow each other. failing: how many of them have violations;
    violations: in words, by seed."""

    stories: int = 0
    failing: int = 0
    asked: int = 0
    accepted: int = 0
    records: int = 0
    came_to: Counter[str] = field(default_factory=Counter)
    codes: set[str] = field(default_factory=set)
    violations: dict[int, list[str]] = field(default_factory=dict)

    def add(self, one: Heard) -> None:
        self.stories += 1
        self.asked += one.asked
        self.accepted += one.accepted
        self.records += one.records
        self.came_to.update(one.kinds & LANDMARKS.keys())
        self.codes |= one.codes
        if one.violations:
            self.failing += 1
            self.violations[one.seed] = list(one.violations)

    def plain(self) -> dict[str, Any]:
        return asdict(self) | {"codes": sorted(self.codes), "came_to": dict(self.came_to)}

    @staticmethod
    def of(plain: dict[str, Any]) -> Total:
        violations = {int(seed): what for seed, what in plain["violations"].items()}
        more = {"came_to": Counter(plain["came_to"]), "codes": set(plain["codes"])}
        return Total(**(plain | more | {"violations": violations}))


@dataclass
class Night:
    """A whole run. seconds: that stories were told for, over all its parts."""

    packs: tuple[str, ...]
    seed: int
    commands: int
    seconds: float = 0.0
    totals: dict[str, Total] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.totals = {pack: self.totals.get(pack, Total()) for pack in self.packs}

    @property
    def stories(self) -> int:
        return sum(one.stories for one in self.totals.values())

    @property
    def failing(self) -> int:
        return sum(one.failing for one in self.totals.values())

    def add(self, found: Iterable[Heard], seconds: float) -> None:
        for one in found:
            self.totals[one.pack].add(one)
        self.seconds += seconds

    def plain(self) -> dict[str, Any]:
        packs = {pack: total.plain() for pack, total in self.totals.items()}
        return {
            "seed": self.seed, "commands": self.commands, "seconds": round(self.seconds, 3),
            "stories": self.stories, "failing": self.failing, "packs": packs,
        }  # fmt: skip

    def keep(self, file: Path) -> None:
        """Write it down whole, or not at all."""
        text = json.dumps(self.plain() | {"code": code_digest()}, indent=1)
        partial = file.with_name(f"{file.name}.partial")
        partial.write_text(text, "utf-8")
        partial.replace(file)

    def go_on(self, file: Path) -> None:
        """Take over what a run before has kept. Raises Unfit when that were other stories."""
        if not file.exists():
            return
        kept = json.loads(file.read_text("utf-8"))
        mine = (self.seed, self.commands, set(self.packs))
        if (kept["seed"], kept["commands"], set(kept["packs"])) != mine:
            raise Unfit(f"{file} was kept of other seeds, packs or lengths of story")
        if kept["code"] != code_digest():
            raise Unfit(
                f"the code has changed since {file} was kept: its stories say nothing about it"
            )
        self.totals = {pack: Total.of(kept["packs"][pack]) for pack in self.packs}
        self.seconds = kept["seconds"]


@cache
def code_digest() -> str:
    """What the stories depend on: the package and these tests, as they were when the run began."""
    whole = sha256()
    for root in (Path(allstop.__file__).parent, Path(__file__).parent):
        files = (one for one in root.rglob("*") if one.suffix in (".py", ".yaml", ".yml"))
        for one in sorted(files):
            whole.update(f"{one.relative_to(root)}\n".encode())
            whole.update(one.read_bytes())
    return whole.hexdigest()


def table(night: Night) -> str:
    """How far it came: a column for each pack, and one for all of them."""
    columns = {pack: _cells(total, night.seed) for pack, total in night.totals.items()}
    if len(columns) > 1:
        columns["all"] = _cells(_sum(night.totals.values()), night.seed) | {"seeds": ""}
    rows = {"": [*columns]} | {
        name: [cells[name] for cells in columns.values()] for name in next(iter(columns.values()))
    }
    widths = [max(map(len, column)) + 2 for column in zip(*rows.values(), strict=True)]
    lines = [
        f"{name:34}{''.join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))}"
        for name, cells in rows.items()
    ]
    rate = night.stories / max(night.seconds, 0.001)
    lines.append(f"{night.stories:,} stories in {night.seconds:,.0f} seconds, {rate:,.1f} a second")
    return "\n".join(line.rstrip() for line in lines)


def _sum(totals: Iterable[Total]) -> Total:
    whole = Total()
    for one in totals:
        whole.stories += one.stories
        whole.failing += one.failing
        whole.asked += one.asked
        whole.accepted += one.accepted
        whole.records += one.records
        whole.came_to += one.came_to
        whole.codes |= one.codes
    return whole


def _cells(total: Total, seed: int) -> dict[str, str]:
    told = max(1, total.stories)
    return {
        "seeds": f"{seed}-{seed + total.stories - 1}" if total.stories else "none",
        "stories": f"{total.stories:,}",
        "with violations": f"{total.failing:,}",
        "commands": f"{total.asked:,}",
        "accepted": f"{total.accepted / max(1, total.asked):.0%}",
        "reasons for refusal": f"{len(total.codes):,}",
        "events": f"{total.records:,}",
    } | {
        f"stories with {name}": f"{total.came_to[kind] / told:.1%}"
        for kind, name in LANDMARKS.items()
    }

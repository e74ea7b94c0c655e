"""The degradation table of a protocol: which severity calls for which degree, and what a degree means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# From mild to severe.
LEVELS = ("minor", "major", "critical")


@dataclass(frozen=True, slots=True)
class Degree:
    """One row. level: one of `LEVELS`, whose levers of the fleet are pulled; severities: that call for it;
    isolate: what is cut off as well; capacity: to how many percent what is cut back, by target; look_ms: the
    longest time between two rounds of the monitor meanwhile, 0 for the usual one.

    Targets are as people write them (see `planning.selecting`); one that the fleet does not have is named in
    the plan, and no error: the protocol is written for many fleets.
    """

    level: str
    severities: tuple[str, ...] = ()
    isolate: tuple[str, ...] = ()
    capacity: Mapping[str, int] = field(default_factory=dict)
    look_ms: int = 0


def level_for(table: tuple[Degree, ...], severity: str) -> str:
    """The degree a severity calls for; empty when the table names none."""
    return next((row.level for row in table if severity in row.severities), "")


def up_to(table: tuple[Degree, ...], level: str) -> Degree:
    """What a degree means together with all milder ones: everything they isolate, of the capacities for one
    target that of the most severe, and the shortest time between two looks."""
    wanted = LEVELS[: LEVELS.index(level) + 1]
    rows = sorted(
        (row for row in table if row.level in wanted), key=lambda row: LEVELS.index(row.level)
    )
    isolate = dict.fromkeys(target for row in rows for target in row.isolate)
    capacity = {target: percent for row in rows for target, percent in row.capacity.items()}
    looks = [row.look_ms for row in rows if row.look_ms]
    return Degree(level, (), tuple(isolate), capacity, min(looks, default=0))


def look_ms(table: tuple[Degree, ...], severity: str) -> int:
    """How often the monitor looks while an incident of this severity is open; 0 for as often as ever."""
    level = level_for(table, severity)
    return up_to(table, level).look_ms if level else 0

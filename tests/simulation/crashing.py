"""Every place at which the process can die in a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from allstop.testing.simulator import Faults, simulate

BOUNDARIES = ("store.before-commit", "store.after-commit")
HITS = (1, 2, 3, 5, 8, 13, 21)


def boundary_faults(seed: int, faults: Faults) -> Iterator[Faults]:
    """One run for each commit: dying just before it, and just after it."""
    points = simulate(seed, replace(faults, crash_at=(), random_crashes=0)).points
    for name in BOUNDARIES:
        for hit in range(1, points[name] + 1):
            yield replace(faults, crash_at=((name, hit),))


def point_faults(seed: int, faults: Faults) -> Iterator[Faults]:
    """One run for each named crash point the seed reaches, at several of its hits."""
    points = simulate(seed, replace(faults, crash_at=(), random_crashes=0)).points
    for name in sorted(set(points) - set(BOUNDARIES)):
        for hit in HITS:
            if hit <= points[name]:
                yield replace(faults, crash_at=((name, hit),))

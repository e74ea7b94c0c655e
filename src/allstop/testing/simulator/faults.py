"""What goes wrong in a run: in the world, between it and us, and in the coordinator itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random  # noqa: TID251  (seeded: one seed drives everything)


@dataclass(frozen=True, slots=True)
class Faults:
    """Shares are in percent. Nothing here means a world in which all goes well, except the outage.

    trouble: `release` (a bad one was deployed), `process` (it died) or `mixed` (the seed says);
    lost_answer: the effect takes place and its answer does not come; lost_request: it never gets
    there; clear_sight: what is lost are orders only, never what probes say; refused: the other side says no; lying: it says done and does nothing; silent, liar,
    late: agents that never answer, answer while they work on, answer after the deadline; unfreezable:
    agents that force does not stop (then a person overrides); hasty: people's mistakes;
    wall_steps: steps of the wall clock; reboots: a crash takes the machine along.

    crash_at: (name of a crash point, hit) at which the process dies, once each, in this order;
    random_crashes: that many more, at random crash points.
    """

    trouble: str = "mixed"
    slow: int = 0
    lost_answer: int = 0
    lost_request: int = 0
    clear_sight: bool = False
    refused: int = 0
    lying: int = 0
    silent: int = 0
    liar: int = 0
    late: int = 0
    unfreezable: int = 0
    hasty: int = 0
    wall_steps: int = 0
    reboots: int = 0
    crash_at: tuple[tuple[str, int], ...] = ()
    random_crashes: int = 0

    @staticmethod
    def calm(trouble: str = "release") -> Faults:
        """An outage, and everything else as it should be."""
        return Faults(trouble=trouble)

    @staticmethod
    def rough(random_crashes: int = 0) -> Faults:
        """Everything goes wrong now and then."""
        return Faults(
            slow=20, lost_answer=6, lost_request=5, refused=4, lying=3, silent=15, liar=12, late=15,
            unfreezable=5, hasty=40, wall_steps=15, reboots=30, random_crashes=random_crashes,
        )  # fmt: skip


class Died(SystemExit):
    """The process was killed. A SystemExit, because asyncio lets only that through at once."""


@dataclass(slots=True)
class CrashPlan:
    """The crash points of all incarnations of a run; raises `Died` where the plan says so."""

    faults: Faults
    chance: Random
    seen: Counter[str] = field(default_factory=Counter)
    total: int = 0
    crashes: list[str] = field(default_factory=list)
    dead: bool = False
    _at: list[tuple[str, int]] = field(default_factory=list)
    _next_random: int = 0
    _left: int = 0

    def __post_init__(self) -> None:
        self._at = list(self.faults.crash_at)
        self._left = self.faults.random_crashes
        self._draw()

    def _draw(self) -> None:
        self._next_random = self.total + self.chance.randint(1, 900) if self._left else 0

    def reach(self, name: str) -> None:
        """Pass the place, or die here."""
        if self.dead:
            return
        self.seen[name] += 1
        self.total += 1
        planned = bool(self._at) and self._at[0][0] == name and self._at[0][1] <= self.seen[name]
        drawn = self._left > 0 and self.total >= self._next_random
        if not planned and not drawn:
            return
        if planned:
            del self._at[0]
        else:
            self._left -= 1
            self._draw()
        self.dead = True
        self.crashes.append(f"{name}:{self.seen[name]}")
        raise Died(name)

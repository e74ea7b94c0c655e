"""Which claims are held, by lane, without asking the database at every write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from allstop.domain.effects import Lane


class Held:
    """Changes since the last `settle` can be taken back, because a group commit may fail as a whole."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._counts: Counter[Lane] = Counter()
        self._trail: list[tuple[str, Lane, int]] = []

    def count(self, lanes: Sequence[Lane]) -> int:
        return sum(self._counts[lane] for lane in lanes)

    def take(self, token: str, lane: Lane) -> None:
        """A claim begins."""
        self._lanes[token] = lane
        self._counts[lane] += 1
        self._trail.append((token, lane, 1))

    def release(self, token: str) -> None:
        """A claim has ended; one that is not known changes nothing."""
        lane = self._lanes.pop(token, None)
        if lane is not None:
            self._counts[lane] -= 1
            self._trail.append((token, lane, -1))

    def mark(self) -> int:
        """A point to go back to."""
        return len(self._trail)

    def back_to(self, mark: int = 0) -> None:
        """Forget what has changed since the mark, or since the last `settle`."""
        while len(self._trail) > mark:
            token, lane, change = self._trail.pop()
            self._counts[lane] -= change
            if change > 0:
                del self._lanes[token]
            else:
                self._lanes[token] = lane

    def settle(self) -> None:
        """Everything so far is durable and will not be taken back."""
        self._trail.clear()

"""Where boxes stand and lines run: rows from `layers`, an order in each row with few crossings, then places.

The layered method of Sugiyama, Tagawa and Toda (IEEE Trans. SMC 11, 1981): a line over several rows is cut by
points, one in each row between; rows are sorted by the mean of their neighbours, back and forth; places are the
best ones for that order by squared distance (pool adjacent violators).
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from allstop.application.fleet_pictures.layers import Layers
from allstop.application.fleet_pictures.picture import Picture

# Sorting back and forth is over when it stops getting better, or after so many rounds.
_ROUNDS = 16
_PLACINGS = 12
# How much more a line wants to run straight than a box wants to stand below its neighbours.
_STRAIGHT = 4.0


@dataclass(slots=True)
class Spot:
    """A box, or a point of a line. wide: of it and the space around; x: its middle."""

    name: str
    wide: float
    x: float = 0.0

    @property
    def is_box(self) -> bool:
        return bool(self.name)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """rows: spots by row, from the left; lines: of each arrow (by its place in the picture) the spots it runs
    through, from the top down, and the row it begins in; width: of all of it."""

    rows: tuple[tuple[Spot, ...], ...]
    lines: tuple[tuple[int, tuple[Spot, ...]], ...]
    width: float


def arrange(
    picture: Picture, layers: Layers, wide: Callable[[str], float], line: float
) -> Arrangement:
    """wide: the width a box takes with the space around it; line: that of a line."""
    row_of = layers.place()
    rows: list[list[Spot]] = [[Spot(name, wide(name)) for name in row] for row in layers.rows]
    spots = {spot.name: spot for row in rows for spot in row}
    lines = []
    for arrow in picture.arrows:
        top, bottom = arrow.who, arrow.whom
        if row_of[top] > row_of[bottom]:
            top, bottom = bottom, top
        through = [Spot("", line) for _ in range(row_of[top] + 1, row_of[bottom])]
        for at, spot in enumerate(through, row_of[top] + 1):
            rows[at].append(spot)
        lines.append((row_of[top], (spots[top], *through, spots[bottom])))
    links = [links_ for _, links_ in lines]
    rows = _sorted(rows, links)
    _place(rows, links)
    left = min((spot.x - spot.wide / 2 for row in rows for spot in row), default=0.0)
    for row in rows:
        for spot in row:
            spot.x -= left
    width = max((row[-1].x + row[-1].wide / 2 for row in rows if row), default=0.0)
    return Arrangement(tuple(tuple(row) for row in rows), tuple(lines), width)


# --- the order in each row ----------------------------------------------------------------------------


def _sorted(rows: list[list[Spot]], lines: Sequence[Sequence[Spot]]) -> list[list[Spot]]:
    """The order with the fewest crossings that was met."""
    above, below = _neighbours(lines)
    best = [list(row) for row in rows]
    fewest = _crossings(best, below)
    for number in range(_ROUNDS):
        if fewest == 0:
            break
        downwards = number % 2 == 0
        order = range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1)
        beside = above if downwards else below
        for at in order:
            _sort_row(rows, at, at - 1 if downwards else at + 1, beside)
        found = _crossings(rows, below)
        if found < fewest:
            best, fewest = [list(row) for row in rows], found
    return best


def _neighbours(
    lines: Iterable[Sequence[Spot]],
) -> tuple[dict[int, list[Spot]], dict[int, list[Spot]]]:
    """By identity of a spot: those it is joined to in the row above, and in the row below."""
    above: dict[int, list[Spot]] = {}
    below: dict[int, list[Spot]] = {}
    for line in lines:
        for at in range(len(line) - 1):
            below.setdefault(id(line[at]), []).append(line[at + 1])
            above.setdefault(id(line[at + 1]), []).append(line[at])
    return above, below


def _sort_row(rows: list[list[Spot]], at: int, beside: int, joined: dict[int, list[Spot]]) -> None:
    place = {id(spot): number for number, spot in enumerate(rows[beside])}
    scale = len(rows[beside]) / max(1, len(rows[at]))

    def wanted(number: int) -> float:
        near = [place[id(one)] for one in joined.get(id(rows[at][number]), ())]
        return sum(near) / len(near) if near else number * scale

    order = sorted(range(len(rows[at])), key=lambda number: (wanted(number), number))
    rows[at] = [rows[at][number] for number in order]


def _crossings(rows: list[list[Spot]], below: dict[int, list[Spot]]) -> int:
    """How often lines cross between rows."""
    count = 0
    for at in range(len(rows) - 1):
        place = {id(spot): number for number, spot in enumerate(rows[at + 1])}
        ends: list[int] = []
        for spot in rows[at]:
            mine = sorted(place[id(one)] for one in below.get(id(spot), ()))
            count += sum(len(ends) - bisect_right(ends, end) for end in mine)
            for end in mine:
                insort(ends, end)
    return count


# --- the places in each row ---------------------------------------------------------------------------


def _place(rows: list[list[Spot]], lines: Sequence[Sequence[Spot]]) -> None:
    above, below = _neighbours(lines)
    for row in rows:
        x = 0.0
        for spot in row:
            spot.x = x + spot.wide / 2
            x += spot.wide
    widest = max((sum(spot.wide for spot in row) for row in rows), default=0.0)
    for row in rows:
        shift = (widest - sum(spot.wide for spot in row)) / 2
        for spot in row:
            spot.x += shift
    for number in range(_PLACINGS):
        order = rows if number % 2 == 0 else rows[::-1]
        for row in order:
            _place_row(row, above, below)


def _place_row(row: list[Spot], above: dict[int, list[Spot]], below: dict[int, list[Spot]]) -> None:
    """Each as near to the middle of its neighbours as the order and the widths allow."""
    if not row:
        return
    offsets, at = [], 0.0
    for spot in row:
        offsets.append(at + spot.wide / 2)
        at += spot.wide
    blocks: list[tuple[float, float, int]] = []  # sum of weight * wish, weight, how many
    for spot, offset in zip(row, offsets, strict=True):
        near = [*above.get(id(spot), ()), *below.get(id(spot), ())]
        wish = sum(one.x for one in near) / len(near) if near else spot.x
        weight = _STRAIGHT if not spot.is_box else math.sqrt(len(near) or 0.2)
        blocks.append((weight * (wish - offset), weight, 1))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            wishes, weights, count = blocks.pop()
            before = blocks.pop()
            blocks.append((before[0] + wishes, before[1] + weights, before[2] + count))
    starts = [wishes / weights for wishes, weights, count in blocks for _ in range(count)]
    for spot, start, offset in zip(row, starts, offsets, strict=True):
        spot.x = start + offset

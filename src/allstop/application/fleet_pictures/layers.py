"""Layers of a picture: whoever needs something stands above it, so that what stands higher stops earlier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from allstop.application.fleet_pictures.picture import Picture
from allstop.domain.fleet.components import components


@dataclass(frozen=True, slots=True)
class Layers:
    """rows: names from the top down, without those that have no arrow at all; apart: those; up: arrows (who,
    whom) that lead upwards, because they close a cycle."""

    rows: tuple[tuple[str, ...], ...]
    apart: tuple[str, ...]
    up: frozenset[tuple[str, str]]

    def place(self) -> dict[str, int]:
        """The row of each."""
        return {name: at for at, row in enumerate(self.rows) for name in row}


def layered(picture: Picture, widest: int = 0) -> Layers:
    """Rows of a picture. widest: how many may stand in one row, 0 for as many as there are.

    An arrow that closes a cycle is turned around: one that is not hard, if that is enough. Takes time in
    proportion to the picture.
    """
    names = [box.name for box in picture.boxes]
    index = {name: at for at, name in enumerate(names)}
    linked = {name for arrow in picture.arrows for name in (arrow.who, arrow.whom)}
    edges = [(index[one.who], index[one.whom], one.kind == "hard") for one in picture.arrows]
    up = _closing(len(names), edges)
    down: list[list[int]] = [[] for _ in names]
    for who, whom, _ in edges:
        if (who, whom) in up:
            down[whom].append(who)
        else:
            down[who].append(whom)
    rows = _rows(down, [at for at, name in enumerate(names) if name in linked], widest)
    return Layers(
        tuple(tuple(names[at] for at in row) for row in rows),
        tuple(name for name in names if name not in linked),
        frozenset((names[who], names[whom]) for who, whom in up),
    )


def _closing(count: int, edges: Sequence[tuple[int, int, bool]]) -> set[tuple[int, int]]:
    """Arrows that must be turned around so that none leads back."""
    turned: set[tuple[int, int]] = set()
    unit_of = _unit_of(count, [(who, whom) for who, whom, _ in edges])
    for who, whom, hard in edges:
        if not hard and who in unit_of and unit_of[who] == unit_of.get(whom):
            turned.add((who, whom))
    left = [(who, whom) for who, whom, _ in edges if (who, whom) not in turned]
    back = _leading_back(count, left)
    # One that is not hard and closes nothing, once the hard ones are turned, may stay as it is.
    firm = [edge for edge in left if edge not in back] + [(whom, who) for who, whom in back]
    order = {at: place for place, at in enumerate(_sorted_down(count, firm))}
    return back | {(who, whom) for who, whom in turned if order[who] > order[whom]}


def _unit_of(count: int, edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Of each that is in a cycle, which one."""
    needs: list[list[int]] = [[] for _ in range(count)]
    for who, whom in edges:
        needs[who].append(whom)
    return {at: number for number, part in enumerate(components(needs)) for at in part}


def _leading_back(count: int, edges: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Arrows to one that a walk in depth, begun in the order of the fleet, has not left yet."""
    needs: list[list[int]] = [[] for _ in range(count)]
    for who, whom in edges:
        needs[who].append(whom)
    state = [0] * count  # 0: not seen, 1: on the way, 2: left
    found: set[tuple[int, int]] = set()
    for root in range(count):
        if state[root]:
            continue
        work = [(root, iter(needs[root]))]
        state[root] = 1
        while work:
            at, rest = work[-1]
            following = next(rest, None)
            if following is None:
                state[at] = 2
                work.pop()
            elif state[following] == 1:
                found.add((at, following))
            elif state[following] == 0:
                state[following] = 1
                work.append((following, iter(needs[following])))
    return found


def _sorted_down(count: int, edges: Iterable[tuple[int, int]]) -> list[int]:
    """All of them, each before what it needs. The arrows must have no cycle."""
    needs: list[list[int]] = [[] for _ in range(count)]
    waits = [0] * count
    for who, whom in edges:
        needs[who].append(whom)
        waits[whom] += 1
    order = [at for at in range(count) if waits[at] == 0]
    for at in order:
        for whom in needs[at]:
            waits[whom] -= 1
            if waits[whom] == 0:
                order.append(whom)
    return order


def _rows(down: list[list[int]], members: list[int], widest: int) -> list[list[int]]:
    """Each as high as it can stand below everybody who needs it, and where there is room in the row."""
    edges = [(who, whom) for who in members for whom in down[who]]
    row_of: dict[int, int] = dict.fromkeys(members, 0)
    rows: list[list[int]] = []
    kept = set(members)
    for at in _sorted_down(len(down), edges):
        if at not in kept:
            continue
        row = row_of[at]
        while widest and row < len(rows) and len(rows[row]) >= widest:
            row += 1
        while len(rows) <= row:
            rows.append([])
        rows[row].append(at)
        for whom in down[at]:
            row_of[whom] = max(row_of[whom], row + 1)
    return [sorted(row) for row in rows if row]

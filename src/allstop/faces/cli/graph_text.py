"""The fleet drawn for a terminal: a line for each service, and a rail for each one that others need."""

from __future__ import annotations

from bisect import bisect, insort
from collections.abc import Iterator
from dataclasses import dataclass

from allstop.application.fleet_pictures.layers import layered
from allstop.application.fleet_pictures.picture import KINDS, Arrow, Box, Picture
from allstop.faces.cli.page import Page, Piece

# A rail with the space beside it; the number of the layer with the space behind it.
STEP, GUTTER = 2, 4
NARROWEST = 40
TONES = {"hard": "bad", "soft": "notice", "startup": "dim"}


@dataclass(frozen=True, slots=True)
class Signs:
    """What a drawing is made of. marks: by kind of dependency; in_: the line to one's own rail; out: the line
    to the rails of others; ends: where one's own rail comes from above, from below, from both."""

    marks: dict[str, str]
    rail: str
    in_: str
    out: str
    arrow: str
    ends: tuple[str, str, str]


FINE = Signs({"hard": "●", "soft": "○", "startup": "◌"}, "│", "━", "╌", "◀", ("┛", "┓", "┫"))
PLAIN = Signs({"hard": "H", "soft": "s", "startup": "t"}, "|", "=", "-", "<", ("+", "+", "+"))


@dataclass(frozen=True, slots=True)
class Rail:
    """The rail of one service. column: from the left; first, last: lines it reaches from and to."""

    column: int
    first: int
    last: int


def draw_text(picture: Picture, columns: int, *, fine: bool = True) -> Page:
    """A page no wider than `columns`. fine: with letters for drawing; else plain ASCII."""
    signs = FINE if fine else PLAIN
    columns = max(columns, NARROWEST)
    page = Page()
    layers = layered(picture)
    lines = _lines(layers.rows)
    boxes = {box.name: box for box in picture.boxes}
    if lines:
        _legend(page, picture, signs)
        _Drawing(picture, lines, signs, columns).draw(page, boxes)
    if layers.apart:
        page.blank()
        page.line("On their own, in any order: ", ", ".join(_label(boxes[name]) for name in layers.apart), hang=2)  # fmt: skip
    if layers.up:
        page.blank()
        shown = ", ".join(f"{who} -> {whom}" for who, whom in sorted(layers.up))
        page.line(Piece(f"In a circle, drawn upwards: {shown}", "notice"))
    return page


def _lines(rows: tuple[tuple[str, ...], ...]) -> list[str]:
    """Names by line, an empty one between two layers."""
    found: list[str] = []
    for row in rows:
        found += [*([""] if found else []), *row]
    return found


def _legend(page: Page, picture: Picture, signs: Signs) -> None:
    page.line(Piece("Whoever stands higher stops earlier; follow a mark along its rail.", "dim"))
    used = {arrow.kind for arrow in picture.arrows}
    told = [
        Piece(f"{signs.marks[kind]} {kind}: {words}   ", TONES[kind])
        for kind, words in KINDS.items()
        if kind in used
    ]
    page.line(*told)
    flags = {mark for box in picture.boxes for mark in box.marks}
    if flags:
        page.line(
            Piece("   ".join(f"{_FLAGS[one]} {one}" for one in _FLAGS if one in flags), "dim")
        )
    page.blank()


_FLAGS = {"protected": "!", "data": "="}


def _label(box: Box) -> str:
    """`ledger!= (stopped)`: name, marks, and what is unusual."""
    flags = "".join(_FLAGS[one] for one in box.marks if one in _FLAGS)
    unusual = box.standing or (box.state if box.state == "down" else "")
    return f"{box.name}{flags}{f' ({unusual})' if unusual else ''}"


def _tone(box: Box) -> str:
    if box.chosen:
        return "strong"
    return "bad" if box.state == "down" else "notice" if box.standing else "plain"


class _Drawing:
    """The lines of one picture, no wider than `columns`."""

    def __init__(self, picture: Picture, lines: list[str], signs: Signs, columns: int) -> None:
        self._lines, self._signs = lines, signs
        at = {name: number for number, name in enumerate(lines) if name}
        self._needs: dict[str, list[Arrow]] = {name: [] for name in at}
        spans: dict[str, tuple[int, int]] = {}
        for arrow in picture.arrows:
            self._needs[arrow.who].append(arrow)
            first, last = spans.get(arrow.whom, (at[arrow.whom], at[arrow.whom]))
            spans[arrow.whom] = min(first, at[arrow.who]), max(last, at[arrow.who])
        room = columns - GUTTER - 3
        longest = max(len(_label(box)) for box in picture.boxes if box.name in at)
        # Names give way when there are many rails, down to half of the line; then rails are left out.
        rails = _placed(spans, (room - min(longest, columns // 2)) // STEP)
        count = 1 + max((one.column for one in rails.values()), default=-1)
        self._wide = min(longest, room - STEP * count)
        self._rails, self._count = rails, count
        self._passing: list[set[int]] = [set() for _ in lines]
        for one in rails.values():
            for number in range(one.first + 1, one.last):
                self._passing[number].add(one.column)

    def draw(self, page: Page, boxes: dict[str, Box]) -> None:
        layer = 1
        for number, name in enumerate(self._lines):
            if not name:
                layer += 1
                page.line(" " * (GUTTER + self._wide + 2), *self._tail(number, 0))
                continue
            new = number == 0 or not self._lines[number - 1]
            label = _label(boxes[name])
            fitted = label if len(label) <= self._wide else f"{label[: self._wide - 1]}…"
            page.line(
                Piece(f"{layer if new else '':>2}  ", "dim"),
                Piece(f"{fitted:<{self._wide}} ", _tone(boxes[name])),
                *self._row(number, name),
                hang=GUTTER,
            )
            left = [one for one in self._needs[name] if one.whom not in self._rails]
            if left:
                words = ", ".join(f"{one.whom} ({one.kind})" for one in left)
                page.line(Piece(f"{' ' * (GUTTER + 2)}and needs {words}", "dim"), hang=GUTTER + 4)

    def _row(self, number: int, name: str) -> Iterator[Piece]:
        """The line of one service: to its own rail, then on to the rails of what it needs."""
        signs, own = self._signs, self._rails.get(name)
        marks = {
            self._rails[one.whom].column: one.kind
            for one in self._needs[name]
            if one.whom in self._rails
        }
        inward = own.column if own else -1
        furthest = max([inward, *marks])
        yield Piece(signs.arrow if own else signs.out if marks else " ")
        for column in range(furthest + 1):
            line = signs.in_ if column <= inward else signs.out
            yield Piece(line, "plain" if column <= inward else "dim")
            if own and column == inward:
                yield Piece(self._end(own, number))
            elif column in marks:
                yield Piece(signs.marks[marks[column]], TONES[marks[column]])
            elif column in self._passing[number]:
                yield Piece(signs.rail, "dim")
            else:
                yield Piece(line, "plain" if column <= inward else "dim")
        yield from self._tail(number, furthest + 1)

    def _tail(self, number: int, begin: int) -> Iterator[Piece]:
        """The rails that only pass, from a column on."""
        passing = self._passing[number]
        text = "".join(
            f" {self._signs.rail}" if column in passing else "  "
            for column in range(begin, self._count)
        )
        yield Piece(text.rstrip(), "dim")

    def _end(self, own: Rail, number: int) -> str:
        above, below = own.first < number, own.last > number
        from_above, from_below, both = self._signs.ends
        return both if above and below else from_below if below else from_above


def _placed(spans: dict[str, tuple[int, int]], most: int) -> dict[str, Rail]:
    """A column for each rail; short ones stand near the names. Those that find no room are left out."""
    columns: list[list[tuple[int, int]]] = []
    found: dict[str, Rail] = {}
    ordered = sorted(spans.items(), key=lambda one: (one[1][1] - one[1][0], one[1][0], one[0]))
    for name, (first, last) in ordered:
        free = next(
            (at for at, taken in enumerate(columns) if _is_free(taken, first, last)), len(columns)
        )
        if free == len(columns):
            if len(columns) >= most:
                continue
            columns.append([])
        insort(columns[free], (first, last))
        found[name] = Rail(free, first, last)
    return found


def _is_free(taken: list[tuple[int, int]], first: int, last: int) -> bool:
    """taken: what a column holds, in order."""
    at = bisect(taken, (first, last))
    return (at == 0 or taken[at - 1][1] < first) and (at == len(taken) or last < taken[at][0])

"""A picture of the fleet as SVG: one file, no scripts, no fonts of its own, readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from itertools import pairwise

from allstop.application.fleet_pictures.arranging import Arrangement, Spot, arrange
from allstop.application.fleet_pictures.layers import Layers, layered
from allstop.application.fleet_pictures.markup import COLOURS
from allstop.application.fleet_pictures.picture import KINDS, Box, Picture

# Letters of one width, so that a box is never too narrow for its text, whatever font is there.
FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
SIZE, SMALL = 13, 10.5
LETTER = 0.62  # of the size; the widest of these fonts has 0.602
LINE = 17
PAD, STRIPE = 12, 5
GAP, BETWEEN = 18, 54
LANE = 16
MARGIN = 20
LONGEST = 22
_DASHES = {"hard": "", "soft": "7 5", "startup": "1.5 4"}
_STYLE = """
.ground{fill:#ffffff}.box{fill:#ffffff;stroke:#8a8a94}.chosen{stroke-width:2.5;stroke:#1b1b1f}
text{font-family:%(font)s;fill:#1b1b1f}.name{font-size:%(size)spx;font-weight:600}
.small{font-size:%(small)spx;fill:#55555e}.bad{fill:#b3261e;font-weight:600}
.line{fill:none;stroke-width:1.4;stroke-linecap:round}
.hard{stroke:#3c3c46}.soft{stroke:#8a6d1d}.startup{stroke:#1d5c8f}
.tip-hard{fill:#3c3c46}.tip-soft{fill:#8a6d1d}.tip-startup{fill:#1d5c8f}
@media (prefers-color-scheme:dark){
.ground{fill:#17171b}.box{fill:#24242a;stroke:#6d6d78}.chosen{stroke:#f2f2f5}
text{fill:#f2f2f5}.small{fill:#b9b9c4}.bad{fill:#ff8a80}
.hard{stroke:#d5d5de}.soft{stroke:#e0b84a}.startup{stroke:#7fb8e6}
.tip-hard{fill:#d5d5de}.tip-soft{fill:#e0b84a}.tip-startup{fill:#7fb8e6}
}"""


def svg(picture: Picture) -> str:
    """The drawing. Whoever needs something stands above it."""
    layers = layered(picture, widest=max(4, math.ceil(math.sqrt(1.7 * len(picture.boxes)))))
    boxes = {box.name: box for box in picture.boxes}
    sheet = _Sheet(picture, layers, boxes)
    return "\n".join(sheet.lines()) + "\n"


class _Sheet:
    """One drawing: sizes first, then everything at its place."""

    def __init__(self, picture: Picture, layers: Layers, boxes: dict[str, Box]) -> None:
        self._picture, self._boxes = picture, boxes
        self._texts = {box.name: _wrapped(box.name) for box in picture.boxes}
        self._apart = layers.apart
        self._found: Arrangement = arrange(
            picture, layers, lambda name: self._wide(name) + GAP, LANE
        )
        self._heights = [
            max((self._high(spot.name) for spot in row if spot.is_box), default=0.0)
            for row in self._found.rows
        ]
        self._head = _legend(picture)
        self._width = max(self._found.width, 620.0, self._head[1]) + 2 * MARGIN
        self._left = MARGIN + (self._width - 2 * MARGIN - self._found.width) / 2
        self._tops = []
        y = MARGIN + self._head[2]
        for high in self._heights:
            self._tops.append(y)
            y += high + BETWEEN
        self._alone, self._height = self._packed(y - BETWEEN if self._heights else y)

    def lines(self) -> Iterator[str]:
        """The file, line by line."""
        width, height = math.ceil(self._width), math.ceil(self._height)
        style = _STYLE % {"font": FONT, "size": SIZE, "small": SMALL}
        count = len(self._picture.boxes)
        told = f"{count} services and {len(self._picture.arrows)} dependencies"
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-label="{told}">'
        )
        yield f"<style>{style}</style>"
        yield "<defs>"
        for kind in KINDS:
            yield (
                f'<marker id="tip-{kind}" viewBox="0 0 8 8" refX="7.4" refY="4" markerWidth="8" '
                f'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
                f'<path class="tip-{kind}" d="M0 0.6L7.6 4L0 7.4z"/></marker>'
            )
        yield "</defs>"
        yield f'<rect class="ground" width="{width}" height="{height}"/>'
        yield self._head[0]
        yield from self._arrows()
        for row, top, high in zip(self._found.rows, self._tops, self._heights, strict=True):
            for spot in row:
                if spot.is_box:
                    wide, mine = self._wide(spot.name), self._high(spot.name)
                    yield self._box(
                        spot.name, self._left + spot.x - wide / 2, top + (high - mine) / 2
                    )
        yield from self._alone
        yield "</svg>"

    # --- boxes ---

    def _small(self, name: str) -> str:
        return ", ".join(self._boxes[name].marks)

    def _state(self, name: str) -> str:
        box = self._boxes[name]
        return box.standing or (box.state if box.state == "down" else "")

    def _wide(self, name: str) -> float:
        longest = max(len(line) for line in self._texts[name]) * SIZE
        small = max(len(self._small(name)), len(self._state(name))) * SMALL
        return max(84.0, LETTER * max(longest, small) + 2 * PAD + STRIPE)

    def _high(self, name: str) -> float:
        lines = len(self._texts[name]) + bool(self._small(name)) + bool(self._state(name))
        return 2 * 9 + LINE * lines - 3

    def _box(self, name: str, x: float, y: float) -> str:
        box, wide, high = self._boxes[name], self._wide(name), self._high(name)
        border, _ = COLOURS[box.category]
        chosen = " chosen" if box.chosen else ""
        told = ", ".join(one for one in (box.title, box.category, *box.marks, box.standing) if one)
        parts = [
            f"<g><title>{escape(told)}</title>",
            f'<rect class="box{chosen}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="6"/>',
            f'<rect x="{x:.1f}" y="{y + 6:.1f}" width="{STRIPE}" height="{high - 12:.1f}" fill="{border}"/>',
        ]
        line = y + 9 + SIZE - 1
        for text in self._texts[name]:
            parts.append(_text("name", x + PAD + STRIPE, line, text))
            line += LINE
        for kind, text in (("small", self._small(name)), ("small bad", self._state(name))):
            if text:
                parts.append(_text(kind, x + PAD + STRIPE, line - 1, text))
                line += LINE
        return "".join((*parts, "</g>"))

    def _packed(self, y: float) -> tuple[list[str], float]:
        """Boxes without any arrow, in rows below everything else."""
        found: list[str] = []
        x, high = float(MARGIN), 0.0
        if self._apart:
            y += BETWEEN / 2 if self._heights else 0
            found.append(_text("small", x, y + 10, "on their own"))
            y += 20
        for name in self._apart:
            wide = self._wide(name)
            if x > MARGIN and x + wide > self._width - MARGIN:
                x, y, high = float(MARGIN), y + high + GAP, 0.0
            found.append(self._box(name, x, y))
            x, high = x + wide + GAP, max(high, self._high(name))
        return found, y + high + MARGIN

    # --- arrows ---

    def _arrows(self) -> Iterator[str]:
        """Lines of one box leave and arrive side by side, in the order of where they lead."""
        leaves: dict[int, list[tuple[float, int]]] = {}
        arrives: dict[int, list[tuple[float, int]]] = {}
        for number, (_, spots) in enumerate(self._found.lines):
            leaves.setdefault(id(spots[0]), []).append((spots[1].x, number))
            arrives.setdefault(id(spots[-1]), []).append((spots[-2].x, number))
        begins = self._ports(leaves, {id(spots[0]): spots[0] for _, spots in self._found.lines})
        ends = self._ports(arrives, {id(spots[-1]): spots[-1] for _, spots in self._found.lines})
        for number, (row, spots) in enumerate(self._found.lines):
            arrow = self._picture.arrows[number]
            points = self._points(row, spots, begins[number], ends[number])
            if spots[0].name != arrow.who:
                points.reverse()
            dash = f' stroke-dasharray="{_DASHES[arrow.kind]}"' if _DASHES[arrow.kind] else ""
            told = f"{arrow.who} needs {arrow.whom} ({arrow.kind}: {KINDS[arrow.kind]})"
            yield (
                f'<path class="line {arrow.kind}"{dash} marker-end="url(#tip-{arrow.kind})" '
                f'd="{_curve(points)}"><title>{escape(told)}</title></path>'
            )

    def _ports(
        self, found: dict[int, list[tuple[float, int]]], spots: dict[int, Spot]
    ) -> dict[int, float]:
        ports: dict[int, float] = {}
        for key, lines in found.items():
            spot = spots[key]
            room = self._wide(spot.name) - 28
            step = min(14.0, room / max(1, len(lines)))
            for place, (_, number) in enumerate(sorted(lines)):
                ports[number] = spot.x + (place - (len(lines) - 1) / 2) * step
        return ports

    def _points(
        self, row: int, spots: tuple[Spot, ...], begin: float, end: float
    ) -> list[tuple[float, float]]:
        left = self._left
        points = [(left + begin, self._bottom(row, spots[0]))]
        for at, spot in enumerate(spots[1:-1], row + 1):
            points.append((left + spot.x, self._tops[at]))
            points.append((left + spot.x, self._tops[at] + self._heights[at]))
        points.append((left + end, self._top(row + len(spots) - 1, spots[-1])))
        return points

    def _top(self, row: int, spot: Spot) -> float:
        return self._tops[row] + (self._heights[row] - self._high(spot.name)) / 2

    def _bottom(self, row: int, spot: Spot) -> float:
        return self._top(row, spot) + self._high(spot.name)


def _curve(points: list[tuple[float, float]]) -> str:
    """Straight beside the boxes of a row, bent between two rows."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x1, y1), (x2, y2) in pairwise(points):
        if abs(x1 - x2) < 0.05:
            parts.append(f"L{x2:.1f} {y2:.1f}")
            continue
        middle = (y1 + y2) / 2
        parts.append(f"C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {y2:.1f}")
    return "".join(parts)


def _text(kind: str, x: float, y: float, text: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def _legend(picture: Picture) -> tuple[str, float, float]:
    """What the signs mean; its width and height."""
    parts = [
        _text(
            "small",
            MARGIN,
            MARGIN + 10,
            "Whoever stands higher stops earlier; an arrow leads to what is needed.",
        )
    ]
    width = LETTER * SMALL * 72
    x, y = float(MARGIN), MARGIN + 32.0
    used = {arrow.kind for arrow in picture.arrows}
    for kind, words in KINDS.items():
        if kind not in used:
            continue
        dash = f' stroke-dasharray="{_DASHES[kind]}"' if _DASHES[kind] else ""
        parts.append(
            f'<path class="line {kind}"{dash} marker-end="url(#tip-{kind})" d="M{x:.0f} {y - 4:.0f}L{x + 34:.0f} {y - 4:.0f}"/>'
        )
        parts.append(_text("small", x + 42, y, f"{kind}: {words}"))
        x += 42 + LETTER * SMALL * (len(kind) + len(words) + 2) + 22
    width = max(width, x)
    x, y = float(MARGIN), y + (20 if used else 0)
    for category in dict.fromkeys(box.category for box in picture.boxes):
        parts.append(
            f'<rect x="{x:.0f}" y="{y - 10:.0f}" width="{STRIPE}" height="13" fill="{COLOURS[category][0]}"/>'
        )
        parts.append(_text("small", x + 12, y, category))
        x += 12 + LETTER * SMALL * len(category) + 22
    return "".join(parts), max(width, x), y + 24 - MARGIN


def _wrapped(name: str) -> list[str]:
    """A long name on several lines, cut behind `-`, `_` or `.` where that can be."""
    lines, rest = [], name
    while len(rest) > LONGEST:
        cut = max(rest.rfind(sign, 6, LONGEST) for sign in "-_.") + 1 or LONGEST
        lines.append(rest[:cut])
        rest = rest[cut:]
    return [*lines, rest]

"""The dependency graph as boxes and lines, laid out for a phone: who needs whom, top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from allstop.application.shapes import ServiceLine
from allstop.faces.web.headline import service_state
from allstop.faces.web.signs import Sign, sign

WIDTH = 354
MARGIN = 2
BOX_WIDTH, BOX_HEIGHT = 110, 40
GAP_X, GAP_Y = 10, 30
ACROSS = 3
LETTERS = 12


@dataclass(frozen=True, slots=True)
class Box:
    name: str
    title: str
    x: int
    y: int
    sign: Sign


@dataclass(frozen=True, slots=True)
class Line:
    """path: SVG path data; bad: what is needed is down or failing."""

    path: str
    bad: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(services: Sequence[ServiceLine]) -> Drawing:
    """Rows by depth: a service stands above everything it needs. Cycles end where they began."""
    rows = _rows(services)
    boxes: dict[str, Box] = {}
    for number, row in enumerate(rows):
        used = len(row) * BOX_WIDTH + (len(row) - 1) * GAP_X
        left = MARGIN + (WIDTH - used) // 2
        for place, service in enumerate(row):
            title = (
                service.title
                if len(service.title) <= LETTERS
                else service.title[: LETTERS - 1] + "…"
            )
            x = left + place * (BOX_WIDTH + GAP_X)
            y = MARGIN + number * (BOX_HEIGHT + GAP_Y)
            boxes[service.name] = Box(
                service.name, title, x, y, sign("service", service_state(service))
            )
    states = {service.name: service_state(service) for service in services}
    placed = [[boxes[service.name] for service in row] for row in rows]
    lines = [
        Line(_path(placed, boxes[service.name], boxes[to]), states[to] in ("down", "failing"))
        for service in services
        for to in service.depends
        if to in boxes and to != service.name
    ]
    height = 2 * MARGIN + max(1, len(rows)) * (BOX_HEIGHT + GAP_Y) - GAP_Y
    ordered = sorted(lines, key=lambda line: line.bad)
    return Drawing(WIDTH + 2 * MARGIN, height, tuple(boxes.values()), tuple(ordered))


def _rows(services: Sequence[ServiceLine]) -> list[list[ServiceLine]]:
    depth = dict.fromkeys((service.name for service in services), 0)
    for _ in (
        services
    ):  # longest way down; as many rounds as services, so that a cycle cannot turn for ever
        before = dict(depth)
        for service in services:
            for to in service.depends:
                if to in depth and to != service.name and depth[service.name] + 1 < len(services):
                    depth[to] = max(depth[to], depth[service.name] + 1)
        if depth == before:
            break
    rows: list[list[ServiceLine]] = []
    for level in sorted(set(depth.values())):
        same = [service for service in services if depth[service.name] == level]
        rows += [same[start : start + ACROSS] for start in range(0, len(same), ACROSS)]
    return rows


def _path(rows: Sequence[Sequence[Box]], one: Box, other: Box) -> str:
    """From the edge of one to the edge of the other, around whatever stands in the rows between them."""
    if one.y == other.y:
        return _beside(one, other, last=one.y == rows[-1][0].y)
    down = other.y > one.y
    between = [row for row in rows if min(one.y, other.y) < row[0].y < max(one.y, other.y)]
    x, y = one.x + BOX_WIDTH // 2, one.y + (BOX_HEIGHT if down else 0)
    end = (other.x + BOX_WIDTH // 2, other.y + (0 if down else BOX_HEIGHT))
    parts = [f"M{x} {y}"]
    for number, row in enumerate(between if down else between[::-1], 1):
        straight = x + (end[0] - x) * number // (len(between) + 1)
        gap, top = _gap(row, straight), row[0].y
        enter, leave = (top, top + BOX_HEIGHT) if down else (top + BOX_HEIGHT, top)
        parts += [_curve(x, y, gap, enter), f"C{gap} {enter} {gap} {leave} {gap} {leave}"]
        x, y = gap, leave
    return "".join([*parts, _curve(x, y, *end)])


def _curve(x1: int, y1: int, x2: int, y2: int) -> str:
    bend = (y1 + y2) // 2
    return f"C{x1} {bend} {x2} {bend} {x2} {y2}"


def _gap(row: Sequence[Box], x: int) -> int:
    """Where a line can pass a row, as near to `x` as there is room."""
    room = GAP_X // 2
    for box in row:
        left, right = box.x - room, box.x + BOX_WIDTH + room
        if left < x < right:
            return max(1, min(WIDTH + 2 * MARGIN - 1, left if x - left < right - x else right))
    return x


def _beside(one: Box, other: Box, *, last: bool) -> str:
    """Between two of a row, which only a circle leads to: below it, or above the last."""
    x1, x2 = one.x + BOX_WIDTH // 2, other.x + BOX_WIDTH // 2
    y = one.y if last else one.y + BOX_HEIGHT
    bend = y - GAP_Y + 2 if last else y + GAP_Y - 2
    return f"M{x1} {y}C{x1} {bend} {x2} {bend} {x2} {y}"

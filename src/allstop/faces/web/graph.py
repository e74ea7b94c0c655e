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
    lines = [
        Line(_path(boxes[service.name], boxes[to]), states[to] in ("down", "failing"))
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


def _path(one: Box, other: Box) -> str:
    """From the lower edge of one to the upper edge of the other, or round the side when it is above."""
    x1, x2 = one.x + BOX_WIDTH // 2, other.x + BOX_WIDTH // 2
    down = other.y > one.y
    y1 = one.y + BOX_HEIGHT if down else one.y
    y2 = other.y if down else other.y + BOX_HEIGHT
    bend = (y1 + y2) // 2
    return f"M{x1} {y1}C{x1} {bend} {x2} {bend} {x2} {y2}"

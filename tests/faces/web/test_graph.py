"""The picture of who needs whom on the page of the services leads to nobody by mistake."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from allstop.application.shapes import ServiceLine
from allstop.faces.web.graph import BOX_HEIGHT, BOX_WIDTH, Box, Drawing, draw

# The demo's shop: an edge from the front door to the catalogue passes the rows between them.
SHOP = {
    "gateway": ("accounts", "catalog", "payments", "orders", "analytics"), "orders": ("catalog",),
    "accounts": (), "payments": (), "analytics": (), "catalog": (),
}  # fmt: skip
CHAIN = {f"s{at}": tuple(f"s{to}" for to in range(at + 1, 6)) for at in range(6)}
WIDE = {
    "top": tuple(f"m{at}" for at in range(7)),
    **{f"m{at}": ("base",) for at in range(7)},
    "base": (),
}
CIRCLE = {"a": ("b",), "b": ("c",), "c": ("a",), "d": ("a", "c")}


def lines(needs: dict[str, tuple[str, ...]]) -> list[ServiceLine]:
    return [
        ServiceLine(name, name, "internal", "up", False, depends, (), "", ())
        for name, depends in needs.items()
    ]  # fmt: skip


def points(path: str) -> list[tuple[float, float]]:
    """Many points along the curves of a path."""
    numbers = [float(one) for one in re.findall(r"-?\d+(?:\.\d+)?", path)]
    at = list(zip(numbers[::2], numbers[1::2], strict=True))
    found = []
    for start in range(0, len(at) - 1, 3):
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = at[start : start + 4]
        for part in (one / 20 for one in range(21)):
            rest = 1 - part
            weights = (rest**3, 3 * rest**2 * part, 3 * rest * part**2, part**3)
            found.append(
                (
                    sum(w * x for w, x in zip(weights, (x0, x1, x2, x3), strict=True)),
                    sum(w * y for w, y in zip(weights, (y0, y1, y2, y3), strict=True)),
                )
            )
    return found


def inside(box: Box, x: float, y: float) -> bool:
    return box.x < x < box.x + BOX_WIDTH and box.y < y < box.y + BOX_HEIGHT


@pytest.mark.parametrize(
    "needs", [SHOP, CHAIN, WIDE, CIRCLE], ids=["shop", "chain", "wide", "circle"]
)
def test_no_line_passes_behind_a_service(needs: dict[str, tuple[str, ...]]) -> None:
    """Given services that need others rows below, then each line goes around whatever stands between."""
    drawing: Drawing = draw(lines(needs))
    assert len(drawing.lines) == sum(len(one) for one in needs.values())
    for line in drawing.lines:
        found = points(line.path)
        hit = [box.name for box in drawing.boxes if any(inside(box, x, y) for x, y in found)]
        assert hit == [], line.path
        assert all(0 <= x <= drawing.width for x, _ in found), line.path
        steps = [abs(x1 - x0) + abs(y1 - y0) for (x0, y0), (x1, y1) in pairwise(found)]
        assert max(steps) < BOX_WIDTH

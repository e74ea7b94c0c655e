"""What a picture of the fleet shows, before anybody has said how."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from allstop.application.fleet_shapes import FleetService
from allstop.domain.fleet.graph import closure

# From what binds most to what binds least; drawn in this order, and described by these words.
KINDS = {"hard": "broken without it", "soft": "degraded", "startup": "needed to start"}


@dataclass(frozen=True, slots=True)
class Box:
    """One service. marks: such as `protected` and `data`; state: up | down | unknown or empty; standing:
    what plans have left it in, in words; chosen: the picture is about it."""

    name: str
    title: str
    category: str
    marks: tuple[str, ...] = ()
    state: str = ""
    standing: str = ""
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """`who` needs `whom`. kind: of `KINDS`."""

    who: str
    whom: str
    kind: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes in the order of the fleet, the most important first; arrows between them only, each pair once."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    def box(self, name: str) -> Box:
        """One that is there."""
        return next(box for box in self.boxes if box.name == name)


def picture_of(services: Iterable[FleetService], around: Iterable[str] = ()) -> Picture:
    """A picture of the fleet; around: only of these services, everything they need and everybody who needs them.

    Names the fleet does not have are left out.
    """
    found, chosen = tuple(services), tuple(around)
    kept = _around(found, chosen)
    boxes = tuple(
        Box(
            one.name, one.title, one.category,
            (("protected",) if one.protected else ()) + (("data",) if one.stateful else ()),
            one.state, one.standing, one.name in chosen,
        )
        for one in found
        if one.name in kept
    )  # fmt: skip
    arrows = tuple(
        Arrow(one.name, edge.service, edge.kind)
        for one in found
        for edge in one.needs
        if one.name in kept and edge.service in kept and edge.service != one.name
    )
    return Picture(boxes, arrows)


def _around(services: tuple[FleetService, ...], around: tuple[str, ...]) -> frozenset[str]:
    names = [one.name for one in services]
    if not around:
        return frozenset(names)
    index = {name: at for at, name in enumerate(names)}
    needs = [
        tuple(index[edge.service] for edge in one.needs if edge.service in index)
        for one in services
    ]
    needed_by: list[list[int]] = [[] for _ in names]
    for at, found in enumerate(needs):
        for other in found:
            needed_by[other].append(at)
    start = [index[name] for name in around if name in index]
    below = closure(tuple(needs), start)
    above = closure(tuple(tuple(one) for one in needed_by), start)
    return frozenset(names[one] for one in below | above)

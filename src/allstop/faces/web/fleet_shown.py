"""The fleet as its page shows it: counted, what needs a look first, the rest folded, drawn while it can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from allstop.application.shapes import ServiceLine
from allstop.faces.web.graph import Drawing, draw
from allstop.faces.web.headline import service_state

# In the order in which a person wants to see them.
STATES = ("down", "failing", "off", "unknown", "unwatched", "up")
# So many services have a card of their own, so many more a line in the fold; a picture of more cannot be read.
CARDS = 40
FOLDED = 150
DRAWN = 60
CHIPS = 60


@dataclass(frozen=True, slots=True)
class FleetShown:
    """counts: of services by state, none of them 0; changed: those that plans have left otherwise than usual;
    cards: those shown whole; folded: one line each; more: how many are only counted."""

    counts: tuple[tuple[str, int], ...]
    changed: tuple[ServiceLine, ...]
    cards: tuple[ServiceLine, ...]
    folded: tuple[ServiceLine, ...]
    more: int
    drawing: Drawing | None


def fleet_shown(services: Sequence[ServiceLine]) -> FleetShown:
    """Of a few, all in the order of the document; of many, what is not as usual before the rest."""
    counts = Counter(service_state(one) for one in services)
    ordered = list(services) if len(services) <= CARDS else urgent_first(services)
    rest = ordered[CARDS:]
    return FleetShown(
        tuple((state, counts[state]) for state in STATES if counts[state]),
        tuple(one for one in services if one.standing)[:FOLDED],
        tuple(ordered[:CARDS]),
        tuple(rest[:FOLDED]),
        max(0, len(rest) - FOLDED),
        draw(services) if len(services) <= DRAWN else None,
    )


def urgent_first(services: Sequence[ServiceLine]) -> list[ServiceLine]:
    """Those that are not well, then those that plans have changed, then the others as they stand."""
    return sorted(services, key=lambda one: (STATES.index(service_state(one)), not one.standing))

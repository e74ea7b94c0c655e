"""Checks of who needs whom: unknown services, circles, and important services on unimportant ground."""

from __future__ import annotations

from allstop.domain.fleet.components import Cycle, cycles
from allstop.domain.fleet.graph import STARTING
from allstop.domain.policy import DependencyKind
from allstop.protocol.compile_fleet import compile_fleet
from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document

# A larger circle is shown with its first edges: nobody mends hundreds of them from one line.
_SHOWN = 40
_LEFT_OUT = (
    "in an emergency those that are not hard are left out of the order; is there one nobody needs?"
)
_ONE_UNIT = (
    "in an emergency it is handled as one unit: all are quiesced before the first stops; "
    "is one of them soft or startup?"
)


def check_dependencies(
    document: Document[FleetDocument], model: FleetDocument, found: Findings
) -> None:
    """Every dependency by itself, then the circles they make."""
    for name, service in model.services.items():
        for other, kind in service.depends.items():
            place = document.at("services", name, "depends", other)
            if other == name:
                found.add("AP091", place, f"{name} depends on itself", "remove it")
                continue
            if not found.known("AP046", other, model.services, place, "service"):
                continue
            theirs = model.services[other].importance
            if kind == "hard" and theirs < service.importance:
                text = (
                    f"{name} (importance {service.importance}) is broken without {other} ({theirs})"
                )
                hint = f"{other} is kept as long as {name}; say so with importance {service.importance}"
                found.add("AP093", place, text, hint)
    for circle in cycles(compile_fleet(model), STARTING):
        if len(circle.services) > 1:
            _circle(document, circle, found)


def _circle(document: Document[FleetDocument], circle: Cycle, found: Findings) -> None:
    """All edges of a circle and what becomes of it, at the first of them."""
    edges = [edge for edge in circle.edges if edge[0] != edge[1]]
    shown = Cycle(circle.services, tuple(edges[:_SHOWN])).words()
    more = f" and {len(edges) - _SHOWN} more" if len(edges) > _SHOWN else ""
    hard = [edge for edge in edges if edge[2] is DependencyKind.HARD]
    hint = _ONE_UNIT if _closed(Cycle(circle.services, tuple(hard))) else _LEFT_OUT
    who, whom, _ = edges[0]
    place = document.at("services", who, "depends", whom)
    found.add("AP092", place, f"a circle of dependencies: {shown}{more}", hint)


def _closed(circle: Cycle) -> bool:
    """Whether edges lead back to where one of them began: who needs nothing any more is taken away in turn."""
    needs = dict.fromkeys(circle.services, 0)
    needed_by: dict[str, list[str]] = {name: [] for name in circle.services}
    for who, whom, _ in circle.edges:
        needs[who] += 1
        needed_by[whom].append(who)
    ends = [name for name, count in needs.items() if count == 0]
    for end in ends:
        for name in needed_by[end]:
            needs[name] -= 1
            if needs[name] == 0:
                ends.append(name)
    return len(ends) < len(circle.services)

"""Checks of the fleet: names, adapters, dependencies, and actions nobody verifies."""

from __future__ import annotations

from allstop.protocol.catalogue import Catalogue
from allstop.protocol.check_adapters import Use, check_use
from allstop.protocol.document_fleet import FleetDocument, ServiceDocument
from allstop.protocol.findings import Findings
from allstop.protocol.problems import Place
from allstop.protocol.shape import Document

# What an action should be proven by.
_PROOFS = (("isolate", "isolated"), ("reopen", "open"), ("rollback", "release"))


def check_fleet(
    document: Document[FleetDocument], model: FleetDocument, catalogue: Catalogue, found: Findings
) -> None:
    """Everything that can be seen in `fleet.yaml` and the catalogue alone."""
    probes: dict[str, Place] = {}
    for name, service in model.services.items():
        for id in service.probes:
            place = document.at("services", name, "probes", id)
            if id in probes:
                text = f"the probe {id} stands in line {probes[id].line} already"
                found.add("AP095", place, text, f"call it {name}-{id}, for example")
            probes.setdefault(id, place)
        _check_service(document, name, service, found)
        for use in _uses(name, service):
            check_use(document, use, catalogue, found)
    for name, function in model.functions.items():
        where = document.at("functions", name, "probe")
        found.known("AP044", function.probe, probes, where, "probe")
        for at, service_ in enumerate(function.services):
            where = document.at("functions", name, "services", at)
            found.known("AP046", service_, model.services, where, "service")
    _check_meters(document, model, catalogue, found)
    _check_dependencies(document, model, found)


def _uses(name: str, service: ServiceDocument) -> list[Use]:
    """Every adapter a service speaks to."""
    path = ("services", name)
    uses = [
        Use("probe", probe.adapter, probe.options, (*path, "probes", id))
        for id, probe in service.probes.items()
    ]
    uses += [
        Use("probe", verify.adapter, verify.options, (*path, "verify", purpose))
        for purpose, verify in service.verify.items()
    ]
    uses += [
        Use("actuator", action.adapter, action.options, (*path, "actions", purpose), action.verb)
        for purpose, action in service.actions.items()
    ]
    uses += [
        Use("actuator", action.adapter, action.options, (*path, "diagnose", id), action.verb, True)
        for id, action in service.diagnose.items()
    ]
    return uses


def _check_service(
    document: Document[FleetDocument], name: str, service: ServiceDocument, found: Findings
) -> None:
    for action, proof in _PROOFS:
        if action in service.actions and proof not in service.verify:
            text = f"{name} has the action {action}, and nothing verifies its effect"
            place = document.at("services", name, "actions", action)
            found.add("AP094", place, text, f"add verify.{proof}: a probe that looks for itself")
    if "isolate" in service.actions and "reopen" not in service.actions:
        text = f"{name} can be isolated and not reopened"
        place = document.at("services", name, "actions", "isolate")
        found.add("AP096", place, text, "add actions.reopen, or a person must do it by hand")


def _check_meters(
    document: Document[FleetDocument], model: FleetDocument, catalogue: Catalogue, found: Findings
) -> None:
    for name, meter in model.meters.items():
        check_use(
            document, Use("probe", meter.adapter, meter.options, ("meters", name)), catalogue, found
        )
        reads = meter.reads
        place = document.at("meters", name, "reads")
        if not (reads.lost or reads.users or reads.failures):
            text = f"{name} reads neither failures nor money lost nor users"
            found.add("AP097", place, text, "say which fact holds what")
        if reads.failures and not reads.attempts:
            text = f"{name} reads failures without attempts, so there is no share"
            found.add("AP097", place, text, "add attempts")
        if reads.lost and not (reads.currency and reads.window_ms):
            text = f"{name} reads money lost without its currency and window, so there is no rate"
            found.add("AP097", place, text, "add currency and window_ms")


def _check_dependencies(
    document: Document[FleetDocument], model: FleetDocument, found: Findings
) -> None:
    edges: dict[str, list[str]] = {}
    for name, service in model.services.items():
        edges[name] = []
        for other, kind in service.depends.items():
            place = document.at("services", name, "depends", other)
            if other == name:
                found.add("AP091", place, f"{name} depends on itself", "remove it")
                continue
            if not found.known("AP046", other, model.services, place, "service"):
                continue
            edges[name].append(other)
            theirs = model.services[other].importance
            if kind == "hard" and theirs < service.importance:
                text = (
                    f"{name} (importance {service.importance}) is broken without {other} ({theirs})"
                )
                hint = f"{other} is kept as long as {name}; say so with importance {service.importance}"
                found.add("AP093", place, text, hint)
    for circle in _circles(edges):
        place = document.at("services", circle[0], "depends", circle[1])
        shown = " -> ".join((*circle, circle[0]))
        found.add(
            "AP092", place, f"a circle of dependencies: {shown}", "one of them is soft or startup?"
        )


def _circles(edges: dict[str, list[str]]) -> list[tuple[str, ...]]:
    """A shortest circle through each service that is in one and not yet shown, in document order."""
    found: list[tuple[str, ...]] = []
    covered: set[str] = set()
    core = _without_ends(edges)
    for start in core:
        if start not in covered and (circle := _way_back(start, core)):
            found.append(circle)
            covered.update(circle)
    return found


def _without_ends(edges: dict[str, list[str]]) -> dict[str, list[str]]:
    """Only services that may be in a circle: those that need nothing left are taken away in turn.

    A fleet without circles is done here, in time that grows with its edges.
    """
    needs = {name: len(others) for name, others in edges.items()}
    needed_by: dict[str, list[str]] = {name: [] for name in edges}
    for name, others in edges.items():
        for other in others:
            needed_by[other].append(name)
    ends = [name for name, count in needs.items() if count == 0]
    for end in ends:
        for name in needed_by[end]:
            needs[name] -= 1
            if needs[name] == 0:
                ends.append(name)
    gone = set(ends)
    return {
        name: [other for other in others if other not in gone]
        for name, others in edges.items()
        if name not in gone
    }


def _way_back(start: str, edges: dict[str, list[str]]) -> tuple[str, ...]:
    """The services on a shortest way from `start` to itself, or none."""
    came_from: dict[str, str] = {}
    queue = [start]
    for name in queue:
        for other in edges[name]:
            if other == start:
                way = [name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return tuple(reversed(way))
            if other not in came_from:
                came_from[other] = name
                queue.append(other)
    return ()

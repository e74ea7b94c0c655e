"""Checks of phases and criteria."""

from __future__ import annotations

from allstop.domain.moment import words
from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.document_protocol import CriterionDocument, ProtocolDocument
from allstop.protocol.findings import Findings
from allstop.protocol.problems import Place
from allstop.protocol.shape import Document


def check_gates(
    document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings
) -> None:
    """Phases that end at once or never, ids used twice, criteria that mean nothing."""
    last = list(model.phases)[-1]
    for name, phase in model.phases.items():
        if phase.exit:
            continue
        if name == last:
            text = f"the last phase, {name}, has no exit criterion, so nothing says when it is over"
            found.add("AP083", document.at("phases", name), text, "add stable_for, for example")
        elif phase.automatic:
            text = f"{name} has no exit criterion and is left in the moment it is entered"
            found.add(
                "AP084", document.at("phases", name), text, "add a criterion, or automatic: false"
            )
    seen: dict[str, Place] = {}
    for path, id, criterion in model.criteria():
        place = document.at(*path)
        if id in seen:
            text = f"the criterion {id} stands in line {seen[id].line} of {seen[id].file} already"
            found.add("AP085", place, text, "ids are unique in the whole protocol")
        seen.setdefault(id, place)
        _refers(document, model, path, criterion, found)


def _refers(
    document: Document[ProtocolDocument], model: ProtocolDocument, path: tuple[str, ...],
    criterion: CriterionDocument, found: Findings,
) -> None:  # fmt: skip
    role = criterion.approval or criterion.role
    if role is not None:
        found.known("AP041", role, model.roles, document.at(*path, criterion.kind), "role")
    if criterion.evidence and not model.evidence:
        text = "the criterion waits for evidence, and `evidence` asks for none"
        found.add("AP086", document.at(*path), text, "list evidence, or remove the criterion")


def check_watching(
    document: Document[ProtocolDocument], model: ProtocolDocument,
    fleet: Document[FleetDocument], found: Findings,
) -> None:  # fmt: skip
    """Criteria against the fleet's probes and the pace of its monitor."""
    assert fleet.model is not None
    probes = fleet.model.probe_names()
    interval = fleet.model.monitor.interval
    for path, _, criterion in model.criteria():
        names = criterion.watched
        if names is None:
            continue
        place = document.at(*path)
        for at, name in enumerate(names):
            key = "probe" if criterion.probe is not None else "probes"
            found.known("AP044", name, probes, document.at(*path, key, at), "probe")
        if not names and not probes:
            text = "the criterion waits for the probes of the fleet, and it has none"
            found.add(
                "AP087", place, text, "it can only be overridden until fleet.yaml has a probe"
            )
        needed = (criterion.fewest - 1) * interval
        if criterion.stable_for is not None and needed > criterion.stable_for:
            text = (
                f"{criterion.fewest} samples, one in {words(interval)}, take {words(needed)}: "
                f"longer than the window of {words(criterion.stable_for)}"
            )
            found.add("AP082", place, text, "ask for fewer samples, or a longer window")
    _evidence(model, fleet, fleet.model, found)


def _evidence(
    model: ProtocolDocument,
    fleet: Document[FleetDocument],
    services: FleetDocument,
    found: Findings,
) -> None:
    for service, written in services.services.items():
        for name in written.diagnose:
            if name not in model.evidence:
                text = f"{service} offers the evidence {name}, which the protocol never asks for"
                hint = f"asked for: {', '.join(model.evidence) or 'nothing'}"
                found.add("AP088", fleet.at("services", service, "diagnose", name), text, hint)

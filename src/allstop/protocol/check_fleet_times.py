"""Checks of the times a service has to be back: against what it needs, and against what its actions take."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.domain.fleet.expected import all_expected_ms
from allstop.domain.moment import words
from allstop.domain.planning.node_steps import RAMP
from allstop.domain.policy import Clock, Service
from allstop.protocol.compile_fleet import compile_fleet
from allstop.protocol.document_aftermath import ObjectiveDocument
from allstop.protocol.document_fleet import FleetDocument, ServiceDocument
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document

# What brings a service back, as `planning.node_steps.return_steps` does it.
_BACK = ("start", "unfence", "unquiesce", "undrain", "reopen")


def check_times(
    document: Document[FleetDocument], model: FleetDocument,
    objectives: Mapping[str, ObjectiveDocument], found: Findings,
) -> None:  # fmt: skip
    """Every service that says, or whose class says, how long it may be down."""
    times = {name: rto_ms(service, objectives) for name, service in model.services.items()}
    compiled: dict[str, Service] = {}
    if any(times.values()):
        compiled = {service.name: service for service in compile_fleet(model).services}
    for name, service in model.services.items():
        mine = times[name]
        if mine is None:
            continue
        for other, kind in service.depends.items():
            theirs = times.get(other)
            if kind == "hard" and theirs is not None and theirs > mine:
                text = (
                    f"{name} must be back within {words(mine)} and is broken without {other}, "
                    f"which has {words(theirs)}"
                )
                hint = f"give {other} {words(mine)} too, or {name} more time"
                found.add("AP169", document.at("services", name, "depends", other), text, hint)
        needed = _back_ms(compiled[name])
        if needed > mine:
            text = f"{name} must be back within {words(mine)}, and to bring it back takes {words(needed)}"
            key = "rto" if service.rto is not None else "class"
            hint = "say under takes what its actions really take, or give it more time"
            found.add("AP170", document.at("services", name, key), text, hint)


def rto_ms(service: ServiceDocument, objectives: Mapping[str, ObjectiveDocument]) -> int | None:
    """How long it may be down: its own word, else the shortest span of its class in wall time."""
    if service.rto is not None:
        return service.rto
    objective = objectives.get(service.class_ or "")
    spans = objective.rto.values() if objective is not None else ()
    return min((span.amount for span in spans if span.clock is Clock.WALL), default=None)


def _back_ms(service: Service) -> int:
    """What its own actions are expected to take until all traffic is back; nothing where it has no start."""
    if "start" not in service.actions:
        return 0
    actions = [one for one in _BACK if one in service.actions]
    actions += ["scale"] * len(RAMP) if "scale" in service.actions else []
    return all_expected_ms({}, service, actions)

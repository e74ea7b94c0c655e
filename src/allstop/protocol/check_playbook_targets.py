"""Checks of playbooks against the fleet: whom a step is on, and whether they offer what it wants."""

from __future__ import annotations

from collections.abc import Callable

from allstop.domain.verdict import nearest
from allstop.protocol.document_fleet import FleetDocument, ServiceDocument
from allstop.protocol.document_playbook import PlaybookDocument, PlaybookStepDocument
from allstop.protocol.findings import Findings
from allstop.protocol.problems import Place
from allstop.protocol.shape import Document

# As `allstop plan` takes targets.
_BY: dict[str, Callable[[ServiceDocument], str | None]] = {
    "category": lambda one: one.category,
    "domain": lambda one: one.domain,
    "zone": lambda one: one.zone,
    "host": lambda one: one.host,
    "class": lambda one: one.class_,
    "stage": lambda one: one.stage,
}


def meant(target: str, fleet: FleetDocument) -> list[str]:
    """The services that a target names; none for one that does not exist."""
    if target == "all":
        return list(fleet.services)
    kind, colon, value = target.partition(":")
    if not colon or kind == "service":
        name = value if colon else target
        return [name] if name in fleet.services else []
    reader = _BY.get(kind)
    if reader is None or not value:
        return []
    return [name for name, one in fleet.services.items() if reader(one) == value]


def check_targets(
    document: Document[PlaybookDocument], model: PlaybookDocument, fleet: FleetDocument, found: Findings
) -> None:  # fmt: skip
    """Every name is one of the playbook's own, or of the fleet; and the own ones stand for something."""
    used = {
        name for phase in model.phases.values() for step in phase.steps.values() for name in step.on
    }
    for name, one in model.services.items():
        for at, target in enumerate(one.targets):
            _known(target, fleet, document.at("services", name, "targets", at), found)
        if not one.targets and name in used:
            text = f"no service stands for {name}: a person is asked wherever it is meant"
            hint = f"services: {{{name}: {{targets: [...]}}}}"
            found.add("AP185", document.at("services", name), text, hint)
    for phase_name, phase in model.phases.items():
        for id, step in phase.steps.items():
            path = ("phases", phase_name, "steps", id)
            for at, target in enumerate(step.on):
                if target not in model.services:
                    _known(target, fleet, document.at(*path, "on", at), found, (*model.services,))
            for at, probe in enumerate(step.gate or ()):
                where = document.at(*path, "gate", at)
                found.known("AP044", probe, fleet.probe_names(), where, "probe")


def _known(
    target: str, fleet: FleetDocument, place: Place, found: Findings, more: tuple[str, ...] = ()
) -> None:
    if meant(target, fleet):
        return
    kind, colon, value = target.partition(":")
    if colon and kind not in (*_BY, "service"):
        text = f"there are services by {', '.join(_BY)}, not by {kind or 'nothing'}"
        found.add("AP046", place, text, nearest(kind, _BY))
        return
    noun = f"service with {kind}" if colon and kind != "service" else "service"
    known = [*fleet.services, *more]
    hint = nearest(value or target, known) if noun == "service" else ""
    found.add("AP046", place, f"there is no {noun} {value or target}", hint)


def check_offers(
    document: Document[PlaybookDocument], model: PlaybookDocument, fleet: FleetDocument, found: Findings
) -> None:  # fmt: skip
    """Steps that services do not offer: the plan asks a person in their place."""
    for phase_name, phase in model.phases.items():
        for id, step in phase.steps.items():
            services = _services_of(step, model, fleet)
            lacking = [name for name in services if _lacks(step, fleet.services[name])]
            place = document.at("phases", phase_name, "steps", id)
            if lacking:
                text = (
                    f"{', '.join(lacking[:5])}: {_word(step)} is not offered, so a person is asked"
                )
                found.add("AP186", place, text, "add it to fleet.yaml, or make the step a task")
            name = step.lever or step.release
            if name is not None and not step.on and not _having(fleet, name):
                text = f"no service has a lever {name}, so a person is asked"
                known = [each for one in fleet.services.values() for each in one.levers]
                found.add("AP186", place, text, nearest(name, known) if known else "")


def _services_of(
    step: PlaybookStepDocument, model: PlaybookDocument, fleet: FleetDocument
) -> list[str]:
    names: dict[str, None] = {}
    for one in step.on:
        written = model.services.get(one)
        for target in written.targets if written is not None else [one]:
            names.update(dict.fromkeys(meant(target, fleet)))
    return list(names)


def _having(fleet: FleetDocument, lever: str) -> bool:
    return any(lever in one.levers for one in fleet.services.values())


def _lacks(step: PlaybookStepDocument, service: ServiceDocument) -> bool:
    actions: set[str] = {str(name) for name in service.actions}
    match step.sort:
        case "action":
            return str(step.action) not in actions
        case "lever" | "release":
            return (step.lever or step.release) not in service.levers
        case "gate":
            return not service.probes
        case "plan":
            wanted = {
                "isolate": {"isolate"},
                "stop": {"stop", "isolate"},
                "rollback": {"rollback"},
                "snapshot": {"snapshot"},
                "restore": {"restore"},
                "recover": {"start", "unfence", "unquiesce", "undrain", "reopen", "scale"},
            }.get(str(step.plan), set())
            offered = bool(wanted & actions) or (step.plan == "recover" and bool(service.probes))
            return bool(wanted) and not offered
        case _:
            return False


def _word(step: PlaybookStepDocument) -> str:
    match step.sort:
        case "gate":
            return "a probe"
        case "lever" | "release":
            return f"the lever {step.lever or step.release}"
        case _:
            return str(getattr(step, step.sort))

"""Checks of the fleet: names and adapters here, what belongs together in the other `check_fleet_*`."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.protocol.catalogue import Catalogue
from allstop.protocol.check_adapters import Use, check_use
from allstop.protocol.check_fleet_actions import check_actions
from allstop.protocol.check_fleet_breakers import check_breakers, check_times_of
from allstop.protocol.check_fleet_dependencies import check_dependencies
from allstop.protocol.check_fleet_groups import check_groups, check_limits
from allstop.protocol.check_fleet_times import check_times
from allstop.protocol.document_aftermath import ObjectiveDocument
from allstop.protocol.document_fleet import FleetDocument, ServiceDocument
from allstop.protocol.findings import Findings
from allstop.protocol.problems import Place
from allstop.protocol.shape import Document


def check_fleet(
    document: Document[FleetDocument], model: FleetDocument, catalogue: Catalogue, found: Findings,
    objectives: Mapping[str, ObjectiveDocument],
) -> None:  # fmt: skip
    """Everything that can be seen in `fleet.yaml` and the catalogue.

    objectives: of the classes of services, none where the protocol is not known.
    """
    probes: dict[str, Place] = {}
    for name, service in model.services.items():
        for id in service.probes:
            place = document.at("services", name, "probes", id)
            if id in probes:
                text = f"the probe {id} stands in line {probes[id].line} already"
                found.add("AP095", place, text, f"call it {name}-{id}, for example")
            probes.setdefault(id, place)
        check_actions(document, name, service, found)
        for use in _uses(name, service):
            check_use(document, use, catalogue, found)
    for name, function in model.functions.items():
        where = document.at("functions", name, "probe")
        found.known("AP044", function.probe, probes, where, "probe")
        for at, service_ in enumerate(function.services):
            where = document.at("functions", name, "services", at)
            found.known("AP046", service_, model.services, where, "service")
    _check_meters(document, model, catalogue, found)
    check_groups(document, model, probes, found)
    check_limits(document, model, found)
    check_breakers(document, model, found)
    check_times_of(document, model, catalogue, found)
    check_dependencies(document, model, found)
    check_times(document, model, objectives, found)


def _uses(name: str, service: ServiceDocument) -> list[Use]:
    """Every adapter a service speaks to."""
    path = ("services", name)
    uses = [
        Use("probe", probe.adapter, probe.options, (*path, "probes", id))
        for id, probe in service.probes.items()
    ]
    uses += [
        Use(
            "probe",
            verify.adapter,
            verify.options,
            (*path, "verify", purpose),
            percent=purpose == "scaled",
        )
        for purpose, verify in service.verify.items()
    ]
    uses += [
        Use(
            "actuator",
            action.adapter,
            action.options,
            (*path, "actions", purpose),
            action.verb,
            percent=purpose == "scale",
        )
        for purpose, action in service.actions.items()
    ]
    uses += [
        Use("actuator", action.adapter, action.options, (*path, "diagnose", id), action.verb, True)
        for id, action in service.diagnose.items()
    ]
    return uses + _uses_of_levers(path, service)


def _uses_of_levers(path: tuple[str, ...], service: ServiceDocument) -> list[Use]:
    uses = []
    for id, lever in service.levers.items():
        here = (*path, "levers", id)
        for word, action in (("pull", lever.pull), ("release", lever.release)):
            uses.append(Use("actuator", action.adapter, action.options, (*here, word), action.verb))
        for word, proof in (("pulled", lever.pulled), ("released", lever.released)):
            if proof is not None:
                uses.append(Use("probe", proof.adapter, proof.options, (*here, word)))
    return uses


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

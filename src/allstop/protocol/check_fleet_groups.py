"""Checks of what names services together: sets, stages, the order of isolation, the coordinator, limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from allstop.domain.verdict import nearest
from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document


def check_groups(
    document: Document[FleetDocument], model: FleetDocument, probes: Collection[str],
    found: Findings,
) -> None:  # fmt: skip
    """Whether every name exists, and every set can hold."""
    for name, group in model.sets.items():
        for at, member in enumerate(group.members):
            where = document.at("sets", name, "members", at)
            found.known("AP046", member, model.services, where, "service")
        count = len(set(group.members))
        if group.alive > count:
            text = f"{group.alive} of {name} must stay up, and it has {count}"
            where = document.at("sets", name, "alive")
            found.add("AP160", where, text, f"at most {count}, or more members")
    for name, stage in model.stages.items():
        for at, probe in enumerate(stage.probes):
            found.known("AP044", probe, probes, document.at("stages", name, "probes", at), "probe")
    for name, service in model.services.items():
        if service.stage is not None:
            where = document.at("services", name, "stage")
            found.known("AP161", service.stage, model.stages, where, "stage")
    domains = {service.domain for service in model.services.values() if service.domain}
    for at, name in enumerate(model.isolation):
        known = {*model.services, *domains}
        found.known("AP046", name, known, document.at("isolation", at), "service or domain")
    for at, name in enumerate(model.coordinator.needs):
        where = document.at("coordinator", "needs", at)
        found.known("AP046", name, model.services, where, "service")


def check_limits(document: Document[FleetDocument], model: FleetDocument, found: Findings) -> None:
    """Limits that are written and can never keep anything from starting."""
    limits = model.limits
    services = model.services.values()
    for word, where in (("host", "per_host"), ("zone", "per_zone")):
        limit: int = getattr(limits, where)
        if where not in limits.model_fields_set or limit == 0:
            continue
        named = Counter(place for one in services if (place := getattr(one, word)))
        why = _never(where, limit, word, max(named.values(), default=0), limits.together)
        if why is not None:
            found.add("AP171", document.at("limits", where), *why)
    used = {
        action.adapter
        for service in services
        for action in (
            *service.actions.values(),
            *(each for lever in service.levers.values() for each in (lever.pull, lever.release)),
        )
    }
    for adapter in limits.per_adapter:
        if adapter not in used:
            place = document.at("limits", "per_adapter", adapter)
            text = f"no action goes through {adapter}, so this limit never bites"
            found.add("AP171", place, text, nearest(adapter, used))


def _never(key: str, limit: int, word: str, largest: int, together: int) -> tuple[str, str] | None:
    """Why a limit by host or zone can never be reached, and what to do; None when it can.

    largest: how many services the fullest host or zone has.
    """
    if not largest:
        text = f"{key} counts by {word}, and no service says its {word}"
        return text, f"add {word} to the services"
    if limit >= largest:
        text = f"{key} is {limit}, and no {word} has more than {largest} services"
        return text, "make it smaller, or leave it out"
    if 0 < together <= limit:
        text = f"{key} is {limit}, and no more than {together} go together anyway"
        return text, "make it smaller than together, or leave it out"
    return None

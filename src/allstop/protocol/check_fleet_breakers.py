"""Checks of breakers, and of the time that actions and levers are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from allstop.domain.moment import words
from allstop.protocol.catalogue import Catalogue
from allstop.protocol.document_fleet import ActionDocument, FleetDocument, ServiceDocument
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document, Path

# Verbs that wait for the end of what they were told to stop.
_WAITING = frozenset({"stop", "restart"})
# Less than this, and whoever is asked whether a lever stays has not even read it.
_SHORTEST_MS = 120_000


def check_breakers(
    document: Document[FleetDocument], model: FleetDocument, found: Findings
) -> None:
    """Breakers of services that exist, with a fallback that exists, that can ever act."""
    for name, service in model.services.items():
        for watches, breaker in service.breakers.items():
            path = ("services", name, "breakers", watches)
            place = document.at(*path)
            known = found.known("AP046", watches, model.services, place, "service")
            if breaker.fallback not in service.levers:
                text = f"{name} has no lever {breaker.fallback} to fall back to"
                hint = f"its levers: {', '.join(service.levers)}" if service.levers else "add it under levers"  # fmt: skip
                found.add("AP172", document.at(*path, "fallback"), text, hint)
            if known and watches != name and watches not in service.depends:
                text = f"{name} has a breaker for {watches}, and does not depend on it"
                found.add("AP172", place, text, f"add it to depends, or watch {name} itself")
            if known and not model.services[watches].probes:
                text = f"{watches} has no probe, so only failed calls of its own can open this"
                found.add("AP173", place, text, f"add a probe to {watches}")
            if service.protected:
                text = f"{name} is protected, so nothing is changed at it without a person"
                found.add("AP173", place, text, "a person pulls the lever: allstop lever pull")


def check_times_of(
    document: Document[FleetDocument], model: FleetDocument, catalogue: Catalogue, found: Findings
) -> None:
    """Time enough for a stop to end gracefully, and for a person to answer before a lever ends."""
    for name, service in model.services.items():
        for path, action in _actions(name, service):
            _grace(document, path, action, catalogue, found)
        for id, lever in service.levers.items():
            if lever.expires < _SHORTEST_MS:
                text = f"the lever {id} of {name} is taken back after {words(lever.expires)}"
                place = document.at("services", name, "levers", id, "expires")
                hint = "give whoever is asked a few minutes to answer"
                found.add("AP175", place, text, hint)


def _actions(name: str, service: ServiceDocument) -> Iterator[tuple[Path, ActionDocument]]:
    for purpose, action in service.actions.items():
        yield ("services", name, "actions", str(purpose)), action
    for id, lever in service.levers.items():
        for word, action in (("pull", lever.pull), ("release", lever.release)):
            yield ("services", name, "levers", id, word), action


def _grace(
    document: Document[FleetDocument], path: Path, action: ActionDocument, catalogue: Catalogue,
    found: Findings,
) -> None:  # fmt: skip
    """The grace as it is written, else as the adapter has it."""
    entry = catalogue.adapter(action.adapter)
    verb = entry.verb(action.verb) if entry is not None else None
    if verb is None or verb.grace_ms is None or action.verb not in _WAITING:
        return
    grace: Any = action.options.get("grace", verb.grace_ms)
    if isinstance(grace, bool) or not isinstance(grace, int) or action.timeout > grace:
        return
    text = (
        f"{action.verb} of {path[1]} leaves {words(grace)} of grace, and its timeout of "
        f"{words(action.timeout)} ends no later"
    )
    key = "timeout" if "grace" not in action.options else "options"
    hint = f"a timeout of more than {words(grace)}, or less grace"
    found.add("AP174", document.at(*path, key), text, hint)

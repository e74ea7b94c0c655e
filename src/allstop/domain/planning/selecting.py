"""Which services somebody means. A typo never selects something else: all that is not known is refused at once."""

from __future__ import annotations

from collections.abc import Callable

from allstop.domain.draft import Refuse
from allstop.domain.policy import Fleet, Service
from allstop.domain.verdict import Reason, Verdict, nearest

EVERYTHING = "all"
# `category:analytics`: services by something they have in common.
_BY: dict[str, Callable[[Service], str]] = {
    "service": lambda one: one.name,
    "category": lambda one: one.category,
    "domain": lambda one: one.domain,
    "zone": lambda one: one.zone,
    "host": lambda one: one.host,
    "class": lambda one: one.service_class,
    "stage": lambda one: one.stage,
}


# The kinds of target, as people write them.
KINDS = tuple(_BY)


def select(fleet: Fleet, targets: tuple[str, ...]) -> tuple[str, ...]:
    """The services that targets name, each once, in the order of the fleet. Refuses with every bad target."""
    chosen: set[str] = set()
    bad: list[Reason] = []
    for target in targets:
        kind, colon, value = target.partition(":")
        if target == EVERYTHING:
            chosen.update(service.name for service in fleet.services)
            continue
        if not colon:
            kind, value = "service", target
        reader = _BY.get(kind)
        if reader is None:
            text = f"{target}: there are services by {', '.join(_BY)}, not by {kind or 'nothing'}"
            bad.append(Reason("unknown-target", text, nearest(kind, _BY)))
            continue
        found = [service.name for service in fleet.services if reader(service) == value and value]
        if not found:
            known = sorted({reader(service) for service in fleet.services} - {""})
            noun = "service" if kind == "service" else f"service with {kind}"
            hint = nearest(value, known) or "allstop fleet show"
            bad.append(Reason("unknown-target", f"there is no {noun} {value}", hint))
        chosen.update(found)
    if bad:
        raise Refuse(Verdict(tuple(bad)))
    return tuple(service.name for service in fleet.services if service.name in chosen)

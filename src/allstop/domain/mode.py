"""Emergency mode over all open incidents: what is suspended and what is enabled now."""

from __future__ import annotations

from allstop.domain.incident.state import Incident
from allstop.domain.world import World


def mode_is_on(incident: Incident) -> bool:
    """Whether the incident is open and its emergency mode was begun and has not ended."""
    return incident.is_open and incident.mode is not None and not incident.mode.ended


def suspended(world: World) -> dict[str, str]:
    """What no open incident lets go on now: title by id. One that two incidents suspend stands once."""
    return {
        id: title
        for incident in world.open_incidents()
        if incident.mode is not None and mode_is_on(incident)
        for id, title in incident.mode.suspended.items()
    }


def enabled(world: World) -> dict[str, str]:
    """What is allowed because of an open incident: title by id."""
    return {
        id: title
        for incident in world.open_incidents()
        if incident.mode is not None and mode_is_on(incident)
        for id, title in incident.mode.enabled.items()
    }


def suspending(world: World, ids: frozenset[str]) -> Incident | None:
    """The first open incident whose emergency mode suspends one of `ids`."""
    for incident in world.open_incidents():
        if (
            incident.mode is not None
            and mode_is_on(incident)
            and ids & set(incident.mode.suspended)
        ):
            return incident
    return None

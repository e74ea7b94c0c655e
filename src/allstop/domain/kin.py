"""Incidents that were merged: what the one that goes on is about now."""

from __future__ import annotations

from allstop.domain.incident.state import Incident
from allstop.domain.world import World


def services_about(world: World, incident: Incident) -> tuple[str, ...]:
    """The services an incident was declared for, and those of every incident that goes on in it."""
    merged = [one for one in world.incidents.values() if one.merged_into == incident.id]
    theirs = (name for one in merged for name in services_about(world, one))
    return tuple(dict.fromkeys((*incident.services, *theirs)))

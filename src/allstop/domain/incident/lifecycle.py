"""The states of an incident, as a table. The documentation's diagrams are drawn from it."""

from __future__ import annotations

from enum import StrEnum

from allstop.domain.incident import course_events as ce
from allstop.domain.incident import events as e


class IncidentState(StrEnum):
    """open: somebody responds; stood-down: over, and owing; closed: what closing asks for is done, other
    promises are chased on; merged: it goes on in another one; dismissed: a false alarm."""

    OPEN = "open"
    STOOD_DOWN = "stood-down"
    CLOSED = "closed"
    MERGED = "merged"
    DISMISSED = "dismissed"


INCIDENT_TRANSITIONS: dict[tuple[IncidentState, type], IncidentState] = {
    (IncidentState.OPEN, e.IncidentStoodDown): IncidentState.STOOD_DOWN,
    (IncidentState.OPEN, ce.IncidentDismissed): IncidentState.DISMISSED,
    (IncidentState.OPEN, ce.IncidentMerged): IncidentState.MERGED,
    (IncidentState.STOOD_DOWN, ce.IncidentReopened): IncidentState.OPEN,
    (IncidentState.STOOD_DOWN, ce.IncidentClosed): IncidentState.CLOSED,
    (IncidentState.CLOSED, ce.IncidentReopened): IncidentState.OPEN,
}


def after(state: str, event: object) -> IncidentState:
    """The state after one event; one that has no place here leaves it alone."""
    now = IncidentState(state)
    return INCIDENT_TRANSITIONS.get((now, type(event)), now)

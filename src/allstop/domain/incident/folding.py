"""`evolve` of an incident: one table of folds, put together from the subjects."""

from __future__ import annotations

from allstop.domain.copying import replace
from allstop.domain.incident.aftercare_folds import AFTERCARE_FOLDS
from allstop.domain.incident.course_folds import COURSE_FOLDS
from allstop.domain.incident.duty_folds import kept_up
from allstop.domain.incident.lifecycle import INCIDENT_TRANSITIONS, after
from allstop.domain.incident.response_folds import RESPONSE_FOLDS, Folds
from allstop.domain.incident.state import Incident
from allstop.domain.incident.work_folds import WORK_FOLDS
from allstop.domain.record import Record

# What each event does to the state; what is not named here does nothing to it.
FOLDS: Folds = RESPONSE_FOLDS | COURSE_FOLDS | WORK_FOLDS | AFTERCARE_FOLDS
# The events that may lead to another state; all others leave it alone.
MOVES = frozenset(event for _, event in INCIDENT_TRANSITIONS)


def evolve(incident: Incident, record: Record) -> Incident:
    """The state after one event. Total: an event that says nothing about the state leaves it alone."""
    fold = FOLDS.get(type(record.event))
    if fold is None:
        return incident
    found = fold(incident, record.event, record)
    if type(record.event) not in MOVES:
        return kept_up(incident, found, record.at)
    state = after(incident.state, record.event)
    moved = found if found.state == state else replace(found, state=state)
    return kept_up(incident, moved, record.at)

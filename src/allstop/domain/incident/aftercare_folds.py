"""How looks after standing down change the state of an incident."""

from __future__ import annotations

from datetime import datetime

from allstop.domain.copying import replace
from allstop.domain.incident import aftercare_events as e
from allstop.domain.incident.parts import Watched
from allstop.domain.incident.response_folds import Folds
from allstop.domain.incident.state import Incident
from allstop.domain.record import Record


def looked(known: Watched, look: e.Look, at: datetime) -> Watched:
    """The watch after one look. One that could not be judged neither ends a bad run nor lengthens it."""
    run = {True: 0, False: known.run + 1, None: known.run}[look.good]
    return replace(
        known,
        slot=look.slot,
        good=known.good + (look.good is True),
        bad=known.bad + (look.good is False),
        unknown=known.unknown + (look.good is None),
        missed=known.missed + look.missed,
        run=run,
        at=at,
        text=look.text,
    )


def _looked(incident: Incident, event: e.AftercareLooked, record: Record) -> Incident:
    moved = dict(incident.aftercare)
    for look in event.looks:
        moved[look.watch] = looked(moved.get(look.watch, Watched()), look, record.at)
    return replace(incident, aftercare=moved)


def _failed(incident: Incident, event: e.AftercareFailed, _: Record) -> Incident:
    known = incident.aftercare.get(event.watch, Watched())
    return replace(
        incident, aftercare={**incident.aftercare, event.watch: replace(known, failed=True)}
    )


def _ended(incident: Incident, event: e.AftercareEnded, _: Record) -> Incident:
    known = incident.aftercare.get(event.watch, Watched())
    over = replace(known, verdict=event.verdict, missed=known.missed + event.missed)
    return replace(incident, aftercare={**incident.aftercare, event.watch: over})


AFTERCARE_FOLDS: Folds = {
    e.AftercareLooked: _looked,
    e.AftercareFailed: _failed,
    e.AftercareEnded: _ended,
}

"""Where circuits stand by the record: of calls to a service through an adapter, and breakers of the fleet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from allstop.domain.breaker import Circuit
from allstop.domain.plan import lever_events as le
from allstop.domain.record import Record

# What a person may say of a circuit, and what it is then.
FORCED = {"open": Circuit.FORCED_OPEN, "closed": Circuit.CLOSED, "off": Circuit.DISABLED}
# What keeps calls back, and the fallback of a breaker in force.
OPEN = frozenset({Circuit.OPEN, Circuit.HALF_OPEN, Circuit.FORCED_OPEN})


def circuit_name(service: str, via: str, watches: str) -> str:
    """`payments@supervisor` for calls through an adapter, `web:search` for a breaker of web on search."""
    return f"{service}:{watches}" if watches else f"{service}@{via}"


@dataclass(frozen=True, slots=True)
class CircuitStanding:
    """One circuit. since: its last change; until: it is tried again then; failures, because: what opened it, or
    why it closed; incident, rounds: see `lever_events.CircuitOpened`; by: who changed it last."""

    service: str
    via: str
    watches: str
    state: Circuit
    since: datetime
    failures: int = 0
    because: str = ""
    until: datetime | None = None
    incident: str = ""
    rounds: int = 0
    by: str = ""

    @property
    def name(self) -> str:
        return circuit_name(self.service, self.via, self.watches)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def moved(circuits: Mapping[str, CircuitStanding], record: Record) -> dict[str, CircuitStanding]:
    """The circuits after one event. Total."""
    event = record.event
    name = circuit_name(event.service, event.via, event.watches)
    was = circuits.get(name)
    failures = was.failures if was is not None else 0
    because = was.because if was is not None else ""
    until = None
    match event:
        case le.CircuitOpened():
            state, failures, because, until = (
                Circuit.OPEN,
                event.failures,
                event.because,
                event.until,
            )
        case le.CircuitHalfOpened():
            state = Circuit.HALF_OPEN
        case le.CircuitClosed():
            state, failures, because = Circuit.CLOSED, 0, event.because
        case _:
            state, failures, because = FORCED[event.state], 0, event.because
    now = CircuitStanding(
        event.service, event.via, event.watches, state, record.at, failures, because, until,
        event.incident, event.rounds, record.actor,
    )  # fmt: skip
    return {**circuits, name: now}

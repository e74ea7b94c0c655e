"""What can be recorded about levers that are pulled, and about circuits that open and close."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.domain.registry import event


@event("lever.asked")
@dataclass(frozen=True, slots=True)
class LeverAsked:
    """Somebody was asked whether a lever stays. until: without an answer it is taken back then."""

    service: str
    lever: str
    until: datetime
    people: tuple[str, ...]


@event("lever.extended")
@dataclass(frozen=True, slots=True)
class LeverExtended:
    """A person lets a lever stay. until: it is taken back then, unless somebody says so again."""

    service: str
    lever: str
    until: datetime
    because: str


@event("lever.expired")
@dataclass(frozen=True, slots=True)
class LeverExpired:
    """The time of a lever is over. plan: takes it back; empty where none could begin, and then blocked is
    protected | stopped (a plan has stopped the service) | busy (another one works on it) | preflight | refused, and
    because says more."""

    service: str
    lever: str
    plan: str = ""
    blocked: str = ""
    because: str = ""


@event("lever.overdue")
@dataclass(frozen=True, slots=True)
class LeverOverdue:
    """It is said again that a lever is pulled beyond its time. number: how often, from 1."""

    service: str
    lever: str
    number: int
    people: tuple[str, ...]


@event("circuit.opened")
@dataclass(frozen=True, slots=True)
class CircuitOpened:
    """Too much has failed in a row: no call is made until `until`, or the fallback is in force.

    via: the adapter of calls to the service; watches: the service whose probes failed, of a breaker of the
    fleet, empty for calls; failures: in a row; rounds: of samples its incident had seen by then.
    """

    service: str
    via: str
    failures: int
    because: str
    until: datetime
    watches: str = ""
    incident: str = ""
    rounds: int = 0


@event("circuit.half_opened")
@dataclass(frozen=True, slots=True)
class CircuitHalfOpened:
    """Open for long enough: it is tried again, with few calls or the next samples. rounds: see above."""

    service: str
    via: str
    watches: str = ""
    incident: str = ""
    rounds: int = 0


@event("circuit.closed")
@dataclass(frozen=True, slots=True)
class CircuitClosed:
    """It went well again, or what it held in force was taken back. rounds: see above."""

    service: str
    via: str
    because: str
    watches: str = ""
    incident: str = ""
    rounds: int = 0


@event("circuit.forced")
@dataclass(frozen=True, slots=True)
class CircuitForced:
    """A person's word. state: open (until somebody says otherwise), closed (counts anew) or off (never opens);
    rounds: see above."""

    service: str
    via: str
    state: str
    because: str
    watches: str = ""
    incident: str = ""
    rounds: int = 0

"""What `fleet.yaml` compiles to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class DependencyKind(StrEnum):
    """hard: broken without it; soft: degraded without it; startup: needed only to start."""

    HARD = "hard"
    SOFT = "soft"
    STARTUP = "startup"


@dataclass(frozen=True, slots=True)
class Dependency:
    """`service` (the owner of this value) needs `to`."""

    to: str
    kind: DependencyKind


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """A measurement and its tolerance. Options are the adapter's, already validated.

    service: what it speaks about; fall / rise: consecutive failures / successes that change its mind.
    """

    name: str
    service: str
    adapter: str
    options: dict[str, Any]
    timeout_ms: int
    fall: int
    rise: int


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One change of the world through an actuator's verb, with the adapter's validated options."""

    adapter: str
    verb: str
    options: dict[str, Any]
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Service:
    """One service. service_class: which recovery objectives hold; domain: whose ground it is.

    actions: by purpose (isolate, reopen, rollback, restart); verify: probes that prove the
    purpose independently (isolated, open, release, recovered); diagnose: read-only evidence by name.
    """

    name: str
    title: str
    category: str
    importance: int
    protected: bool
    stateful: bool
    depends: tuple[Dependency, ...]
    probes: tuple[ProbeSpec, ...]
    actions: dict[str, ActionSpec]
    verify: dict[str, ProbeSpec]
    diagnose: dict[str, ActionSpec]
    service_class: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """What the business needs, watched by one probe. core: its loss is a core function down."""

    name: str
    title: str
    core: bool
    probe: str
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meter:
    """A probe whose facts measure impact.

    The names of the facts that hold: attempts, failures (counts in a window), lost (decimal
    string), currency, window_ms, users. Empty: not measured.
    """

    probe: ProbeSpec
    attempts: str = ""
    failures: str = ""
    lost: str = ""
    currency: str = ""
    window_ms: str = ""
    users: str = ""


@dataclass(frozen=True, slots=True)
class MonitorSettings:
    """interval_ms: between two rounds of probes; known_good_ms: how long a release must be good."""

    interval_ms: int
    known_good_ms: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """All services and how they are watched."""

    services: tuple[Service, ...] = ()
    functions: tuple[Function, ...] = ()
    meters: tuple[Meter, ...] = ()
    monitor: MonitorSettings = field(default=MonitorSettings(2000, 600_000))

    def service(self, name: str) -> Service | None:
        return next((service for service in self.services if service.name == name), None)

    def probe(self, name: str) -> ProbeSpec | None:
        return next((probe for probe in self.probes() if probe.name == name), None)

    def probes(self) -> tuple[ProbeSpec, ...]:
        return tuple(probe for service in self.services for probe in service.probes)

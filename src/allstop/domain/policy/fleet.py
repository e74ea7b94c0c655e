"""What `fleet.yaml` compiles to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from allstop.domain.breaker import BreakerRules


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


class OnFailure(StrEnum):
    """What a failed stop of a service means for what waits for it; the rest of the fleet goes on in any case
    but `abort`."""

    FORCE = "force"  # kill it, prove that it is gone, go on
    ISOLATE = "isolate"  # cut it off, prove that, go on, and leave it for a person
    HOLD = "hold"  # what waits for it stays up until a person has looked
    ABORT = "abort"  # nothing further starts anywhere
    CONTINUE = "continue"  # go on as if it had ended


# What can be done to a service, the inverse of each, and the measurement under `verify` that proves it.
ACTIONS: dict[str, tuple[str, str]] = {
    "isolate": ("reopen", "isolated"),
    "reopen": ("isolate", "open"),
    "quiesce": ("unquiesce", "quiesced"),
    "unquiesce": ("quiesce", "unquiesced"),
    "drain": ("undrain", "drained"),
    "undrain": ("drain", "undrained"),
    "fence": ("unfence", "fenced"),
    "unfence": ("fence", "unfenced"),
    "flush": ("", "flushed"),
    "snapshot": ("", "snapshot"),
    "verify-snapshot": ("", "verify-snapshot"),
    "stop": ("start", "stopped"),
    "kill": ("start", "stopped"),
    "start": ("stop", "started"),
    "restart": ("", "restarted"),
    "rollback": ("rollback", "release"),
    "fix": ("", "release"),
    "push": ("", "pushed"),
    "branch": ("", "branched"),
    "test": ("", "tested"),
    "deploy": ("rollback", "deployed"),
    "restore": ("restore", "restored"),
    "scale": ("scale", "scaled"),
}
# The word in the options of `scale` that the wanted share of the capacity takes the place of.
PERCENT = "{percent}"


@dataclass(frozen=True, slots=True)
class Lever:
    """One way to do with less: what it does, how it is taken back, and when at the latest.

    level: minor | major | critical, from which degree of degradation on it is pulled; limit: what it may
    cost, in words; expires_ms: after so long a person is asked again, and it is taken back unless they say so.
    """

    name: str
    title: str
    level: str
    pull: ActionSpec
    release: ActionSpec
    pulled: ProbeSpec | None
    released: ProbeSpec | None
    limit: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Service:
    """One service. service_class: which recovery objectives hold; domain: whose ground it is.

    actions: by purpose, one of `ACTIONS`; verify: probes that prove them independently; diagnose: read-only
    evidence by name; host, zone: where it runs; on_failure: None for the default of its kind; rto_ms, rpo_ms:
    its own objectives, above those of its class; takes_ms: how long an action takes until more is known;
    stage: in which stage of a recovery it comes back, empty: by its category; levers: see `Lever`; recipes: evidence beside `diagnose` that follows from the rest.
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
    host: str = ""
    zone: str = ""
    on_failure: OnFailure | None = None
    rto_ms: int | None = None
    rpo_ms: int | None = None
    takes_ms: dict[str, int] = field(default_factory=dict)
    stage: str = ""
    levers: tuple[Lever, ...] = ()
    recipes: dict[str, ActionSpec] = field(default_factory=dict)

    def failure_policy(self) -> OnFailure:
        """Its own, or that of its kind: what is protected holds, what has data is cut off, the rest is forced."""
        if self.on_failure is not None:
            return self.on_failure
        if self.protected:
            return OnFailure.HOLD
        return OnFailure.ISOLATE if self.stateful else OnFailure.FORCE


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
class ServiceSet:
    """Services of which some must stay up. alive: how many at least; caught_up: only those count that are."""

    name: str
    title: str
    members: tuple[str, ...]
    alive: int


@dataclass(frozen=True, slots=True)
class FleetLimits:
    """How many may be under way at once (0: no limit), how many may fail, how large one command may be.

    share_percent: of the fleet, above it a person must agree to the plan that names it; approval_ms: how
    long an approval of a plan holds; backup_ms: how old a proven backup may be.
    """

    together: int = 32
    per_host: int = 8
    per_zone: int = 0
    per_adapter: dict[str, int] = field(default_factory=dict)
    failures: int = 0
    share_percent: int = 20
    approval_ms: int = 900_000
    backup_ms: int = 86_400_000


@dataclass(frozen=True, slots=True)
class Stage:
    """One gate of a recovery. categories: whose services it brings back; probes: what must be good as well."""

    name: str
    title: str
    categories: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FleetBreaker:
    """When `watches` (a dependency of the service, or itself) fails too often, `fallback` is pulled, a lever of
    the service; and taken back when it is well again.

    failures: bad samples in a row of one of its probes; open_ms: until it is tried again; trials: rounds of
    good samples that close it.
    """

    service: str
    watches: str
    fallback: str
    failures: int = 5
    open_ms: int = 300_000
    trials: int = 3

    @property
    def name(self) -> str:
        """`web:search`, as people name it."""
        return f"{self.service}:{self.watches}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """All services and how they are watched. own: what the coordinator itself needs; stages: of a recovery,
    in order; isolation: domains or services in the order they are cut off; circuits: when calls
    to a failing service are kept back; breakers: see `FleetBreaker`."""

    services: tuple[Service, ...] = ()
    functions: tuple[Function, ...] = ()
    meters: tuple[Meter, ...] = ()
    monitor: MonitorSettings = field(default=MonitorSettings(2000, 600_000))
    sets: tuple[ServiceSet, ...] = ()
    limits: FleetLimits = field(default_factory=FleetLimits)
    own: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    isolation: tuple[str, ...] = ()
    circuits: BreakerRules = field(default_factory=BreakerRules)
    breakers: tuple[FleetBreaker, ...] = ()

    def service(self, name: str) -> Service | None:
        return _by_name(self).get(name)

    def probe(self, name: str) -> ProbeSpec | None:
        return next((probe for probe in self.probes() if probe.name == name), None)

    def probes(self) -> tuple[ProbeSpec, ...]:
        return tuple(probe for service in self.services for probe in service.probes)


# Services by name, of the fleets asked about last: a plan of ten thousand asks for each of them. A fleet is
# immutable, so the same one has the same services.
_INDEXED: list[tuple[Fleet, dict[str, Service]]] = []
_INDEXED_AT_MOST = 4


def _by_name(fleet: Fleet) -> dict[str, Service]:
    for known, services in _INDEXED:
        if known is fleet:
            return services
    services = {service.name: service for service in fleet.services}
    _INDEXED.append((fleet, services))
    del _INDEXED[:-_INDEXED_AT_MOST]
    return services

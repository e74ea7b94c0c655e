"""The fleet as faces show it: what stands in fleet.yaml, what probes say, what plans have left it in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EdgeLine:
    """A dependency from one side. service: on the other side; kind: hard | soft | startup."""

    service: str
    kind: str


@dataclass(frozen=True, slots=True)
class FleetService:
    """One service. rto, rpo: its own objectives or those of its class, in words, empty for none;
    policy: what happens when a stop of it fails; by_default: nobody wrote that; policy_works: whether
    what it wants can be done and proven, else a failed stop waits for a person; lacking: what a
    stop of it would want and does not find; needs, needed_by: direct dependencies; stop_ms: how long its
    stop is expected to take; state: up | down | unknown, empty where nobody looks; standing: what plans have
    left it in, empty for as usual; plan: whose doing that is.
    """

    name: str
    title: str
    category: str
    importance: int
    service_class: str
    rto: str
    rpo: str
    domain: str
    host: str
    zone: str
    stage: str
    protected: bool
    stateful: bool
    policy: str
    by_default: bool
    policy_works: bool
    actions: tuple[str, ...]
    lacking: tuple[str, ...]
    levers: tuple[str, ...]
    probes: tuple[str, ...]
    functions: tuple[str, ...]
    needs: tuple[EdgeLine, ...]
    needed_by: tuple[EdgeLine, ...]
    stop_ms: int
    state: str
    standing: str
    plan: str


@dataclass(frozen=True, slots=True)
class SetLine:
    """Services of which so many must stay up."""

    name: str
    title: str
    members: tuple[str, ...]
    alive: int


@dataclass(frozen=True, slots=True)
class FleetView:
    """All services, by category and importance; cycles: services that need each other, with their edges in
    words; own: what the coordinator itself needs; watched: False where only the documents were read."""

    services: tuple[FleetService, ...]
    sets: tuple[SetLine, ...]
    stages: tuple[str, ...]
    own: tuple[str, ...]
    cycles: tuple[str, ...]
    watched: bool


@dataclass(frozen=True, slots=True)
class HitLine:
    """A service that is hit. way: from it to what is lost, each needing the next; `...` where it is long."""

    service: str
    title: str
    category: str
    importance: int
    way: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FunctionLine:
    """A function of the business that is lost. core: its loss is a core function down; services: of those it
    runs through, the ones that are gone."""

    name: str
    title: str
    core: bool
    services: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What is lost with some services. broken: cannot work without them; degraded: work with less; revenue:
    services among the lost and broken ones that earn; stop_ms: how long a stop of all of these is expected
    to take; unstoppable: those among them that nothing can stop."""

    services: tuple[str, ...]
    broken: tuple[HitLine, ...]
    degraded: tuple[HitLine, ...]
    functions: tuple[FunctionLine, ...]
    revenue: tuple[str, ...]
    of: int
    stop_ms: int
    unstoppable: tuple[str, ...]

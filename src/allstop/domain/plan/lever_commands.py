"""Everything that can be asked about levers that are pulled, and about circuits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExtendLever:
    """A person lets a pulled lever stay for so long from now. lever: `search:cached-answers`, or its name alone
    where only one service has it pulled."""

    lever: str
    for_ms: int
    because: str


@dataclass(frozen=True, slots=True)
class AskAboutLever:
    """Internal: its time will soon be over, and nobody was asked yet."""

    service: str
    lever: str


@dataclass(frozen=True, slots=True)
class ExpireLever:
    """Internal: its time is over."""

    service: str
    lever: str


@dataclass(frozen=True, slots=True)
class SayLeverOverdue:
    """Internal: it is pulled beyond its time, and nothing takes it back."""

    service: str
    lever: str


@dataclass(frozen=True, slots=True)
class ForceCircuit:
    """A person's word about a circuit. circuit: `payments@supervisor` of calls, `web:search` of a breaker of
    the fleet; state: open | closed | off."""

    circuit: str
    state: str
    because: str


@dataclass(frozen=True, slots=True)
class NoteCircuit:
    """Internal: the circuit of calls to a service through an adapter has changed.

    state: open | half-open | closed; failures: in a row; open_ms: until it is tried again; stream: of what
    was called for, `plan/PLAN-1` or `incident/INC-1`.
    """

    service: str
    via: str
    state: str
    failures: int
    because: str
    open_ms: int
    stream: str


@dataclass(frozen=True, slots=True)
class MoveBreaker:
    """Internal: a breaker of the fleet opens, is tried again, or closes, as the samples of an incident say."""

    incident: str
    breaker: str

"""Levers and circuits as faces show them: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LeverLine:
    """One lever. level, limit: as fleet.yaml says; since, until: null where it is not pulled, until also where no
    end is known; overdue: pulled beyond its time; kept: a person said that it stays; plan, incident: that pulled
    it; taker: the plan that takes it back, and blocked: why none could (protected, stopped, busy, preflight, refused)."""

    name: str
    service: str
    lever: str
    title: str
    level: str
    limit: str
    pulled: bool
    since: datetime | None = None
    until: datetime | None = None
    overdue: bool = False
    kept: bool = False
    plan: str = ""
    incident: str = ""
    taker: str = ""
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class CircuitLine:
    """A circuit. kind: calls (through the adapter `via`) or breaker (on the service `watches`, which pulls the lever
    `fallback`); state: closed, open, half-open, forced-open or disabled; failures: in a row, that opened it; until:
    it is tried again then; by: who changed it last, empty for never."""

    name: str
    kind: str
    service: str
    via: str
    watches: str
    state: str
    fallback: str = ""
    since: datetime | None = None
    until: datetime | None = None
    failures: int = 0
    because: str = ""
    by: str = ""

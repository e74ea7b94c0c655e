"""What is owed after an emergency, and what keeps the protocol itself alive."""

from __future__ import annotations

from dataclasses import dataclass, field

from allstop.domain.policy.spans import Span, Spans


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something owed, by `owner` (a role).

    within: from `begins` (stood-down | declared); met_by: the mark that meets it (`report`,
    `form:post-mortem`, `statement:cause`, `action-items`; empty: a person says so); severities,
    kinds: only for these (empty: all), named or shown by the impact; remind: so long before it is due; meeting: its time is
    scheduled at the beginning and can be moved.
    """

    id: str
    title: str
    owner: str
    within: Span
    begins: str = "stood-down"
    met_by: str = ""
    severities: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    remind: Span | None = None
    meeting: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """A part of the aftercare: for `lasts_ms` from standing down somebody looks whether it stays well.

    every_ms: the distance between two looks (0: each round of the monitor); probes: names, empty for
    every probe of the fleet, None for those of what the incident was about; failed_share_percent: bad
    when a larger share of the requests fails (None: not asked); fall: so many bad looks in a row make
    it bad, and a bad look is repeated at the next round; when_bad: reopen | tell; severities: only for
    these (empty: all).
    """

    id: str
    title: str
    lasts_ms: int
    every_ms: int = 0
    probes: tuple[str, ...] | None = None
    failed_share_percent: int | None = None
    fall: int = 3
    when_bad: str = "reopen"
    severities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Closing:
    """Marks that must be reached before an incident may be closed, by severity."""

    requires: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LedgerRule:
    """Points at stand-down. to: resolver | supporter | causer; may be negative."""

    id: str
    to: str
    points: int
    because: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """rules: what is awarded; resolver: the crew whose team counts as the one that resolved it."""

    rules: tuple[LedgerRule, ...] = ()
    resolver: str = ""


@dataclass(frozen=True, slots=True)
class Objective:
    """Recovery objectives of a class of services. rto by severity; rpo: None when none is set."""

    service_class: str
    rto: Spans
    rpo: Span | None = None


@dataclass(frozen=True, slots=True)
class Drill:
    """An exercise that is due every so many days. kinds: scenarios to choose from."""

    id: str
    title: str
    every_days: int
    scenarios: tuple[str, ...] = ()
    announced: bool = True


@dataclass(frozen=True, slots=True)
class Review:
    """The protocol's own review. every_days: 0 for never; last: ISO date of the last one, or empty."""

    every_days: int = 0
    last: str = ""

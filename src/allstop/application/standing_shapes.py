"""Read shapes of what stands beside the incidents: proposals, mode, points, the protocol itself and
who knows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.application.work_shapes import ModeLine, PointsLine


@dataclass(frozen=True, slots=True)
class ProposalLine:
    """state: open | confirmed | dismissed; because: what was recognised; asked: who may confirm;

    incident: the one it became; reason: why it was dismissed.
    """

    id: str
    text: str
    source: str
    because: str
    kind: str
    asked: tuple[str, ...]
    services: tuple[str, ...]
    at: datetime
    by: str
    state: str
    incident: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReadinessLine:
    """Whether the whole preflight passed when the coordinator looked last, and since when that is so.

    bad: how many of its results had not passed when it turned; failing: the first of them, in words.
    """

    passed: bool
    since: datetime
    bad: int
    failing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModeNow:
    """What is suspended and enabled now, title by id, and the incidents it is because of."""

    suspended: dict[str, str]
    enabled: dict[str, str]
    incidents: tuple[ModeLine, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    """The points of a team."""

    team: str
    title: str
    points: int


@dataclass(frozen=True, slots=True)
class PointsView:
    """entries: newest first."""

    balances: tuple[Balance, ...]
    entries: tuple[PointsLine, ...]


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """The protocol's own review. every_days: 0 when none is due ever; last: ISO date, or empty;

    due_at: null when it was never reviewed, which counts as late.
    """

    every_days: int
    last: str
    due_at: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class DrillLine:
    """last_at: when it was held last, null for never, which counts as late."""

    id: str
    title: str
    every_days: int
    scenarios: tuple[str, ...]
    announced: bool
    last_at: datetime | None
    due_at: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class ProtocolView:
    """The protocol for incidents declared from now on.

    kept_because: the first problem of the documents on disk, when this is the last good policy and they
    could not be taken; empty otherwise.
    """

    name: str
    title: str
    extends: tuple[str, ...]
    digest: str
    review: ReviewLine
    drills: tuple[DrillLine, ...]
    kept_because: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmationLine:
    """How somebody who is asked stands to the protocol in force. state: confirmed | expired | other (of
    another protocol) | missing; protocol, at: what they confirmed and when, empty and null for never;

    until: when it runs out, null where it does not; text: the same in words.
    """

    person: str
    name: str
    state: str
    protocol: str
    at: datetime | None
    until: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class ConfirmationsView:
    """Who has confirmed that they know the protocol in force, and who has not.

    every_days: how old their word may be, 0 where the protocol asks nobody; people: whoever can hold a
    role or is an owner, and is not away.
    """

    protocol: str
    title: str
    every_days: int
    people: tuple[ConfirmationLine, ...]

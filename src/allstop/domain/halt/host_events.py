"""What can be recorded about hosts: changes only, never that nothing has changed."""

from __future__ import annotations

from dataclasses import dataclass

from allstop.domain.registry import event


@event("host.enrolled")
@dataclass(frozen=True, slots=True)
class HostEnrolled:
    """It was given a token of its own. A host that is enrolled again begins anew."""

    host: str


@event("host.reached")
@dataclass(frozen=True, slots=True)
class HostReached:
    """These hosts have accepted the standing order with this number."""

    seq: int
    hosts: tuple[str, ...]


@event("host.refused")
@dataclass(frozen=True, slots=True)
class HostRefused:
    """It would not take an order, or a part of one. seq: the order's number, 0 where it had none; code: why."""

    host: str
    seq: int
    code: str
    because: str


@event("host.lost")
@dataclass(frozen=True, slots=True)
class HostLost:
    """Nothing was heard of it for so long. What stood on it stands."""

    host: str
    silent_ms: int

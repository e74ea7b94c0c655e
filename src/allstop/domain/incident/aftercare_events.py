"""What can be recorded about the time after standing down: looks, what they found, how a watch ended."""

from __future__ import annotations

from dataclasses import dataclass

from allstop.domain.registry import event
from allstop.domain.samples import Sample


@dataclass(frozen=True, slots=True)
class Look:
    """One look of a watch. slot: which one was due; good: None when it could not be judged; text: what
    was seen; missed: looks between the last one and this that nobody took."""

    watch: str
    slot: int
    good: bool | None
    text: str
    missed: int = 0


@event("aftercare.looked")
@dataclass(frozen=True, slots=True)
class AftercareLooked:
    """looks: of every watch whose time it was; samples: of the probes they are judged by;
    failed_share_percent: as the meters say, None when no watch asks or no meter answers."""

    looks: tuple[Look, ...]
    samples: tuple[Sample, ...]
    failed_share_percent: int | None = None


@event("aftercare.failed")
@dataclass(frozen=True, slots=True)
class AftercareFailed:
    """A watch was bad so often in a row that it counts. seen: at the last look."""

    watch: str
    title: str
    seen: str


@event("aftercare.ended")
@dataclass(frozen=True, slots=True)
class AftercareEnded:
    """The time of a watch is over. verdict: clean | bad | inconclusive; missed: looks that nobody took
    since the last one; text: all its looks, in words."""

    watch: str
    title: str
    verdict: str
    missed: int
    text: str

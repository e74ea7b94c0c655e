"""What the coordinator's own parts report of the time after standing down."""

from __future__ import annotations

from dataclasses import dataclass

from allstop.domain.samples import Sample


@dataclass(frozen=True, slots=True)
class RecordAftercare:
    """Internal: a round of the monitor, for every watch whose look is due. failed_share_percent: as the
    meters say, None when none answers; interval_ms: the intended distance between rounds."""

    incident: str
    samples: tuple[Sample, ...]
    failed_share_percent: int | None
    interval_ms: int


@dataclass(frozen=True, slots=True)
class EndAftercare:
    """Internal: the time of a watch is over."""

    incident: str
    watch: str

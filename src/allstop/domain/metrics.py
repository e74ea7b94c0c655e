"""Times to detect, acknowledge, contain, mitigate and resolve, each with its formula and its target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.domain.incident.state import Incident
from allstop.domain.moment import between
from allstop.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Measure:
    """measured_ms: None while it has not happened (or cannot be known); target_ms: None without one."""

    name: str
    formula: str
    measured_ms: int | None
    target_ms: int | None

    @property
    def met(self) -> bool | None:
        """None while nothing can be said."""
        if self.measured_ms is None or self.target_ms is None:
            return None
        return self.measured_ms <= self.target_ms


def measures(incident: Incident, policy: Policy) -> tuple[Measure, ...]:
    """The five times of an incident, measured from the record."""
    targets = policy.protocol.severity(incident.severity).targets
    declared = incident.declared_at

    def since(start: datetime | None, end: datetime | None) -> int | None:
        return between(start, end) if start is not None and end is not None else None

    marks = incident.milestones
    return (
        Measure(
            "detect",
            "declared - last seen well",
            since(incident.began_at, declared),
            targets.detect_ms,
        ),
        Measure(
            "acknowledge",
            "acknowledged - declared",
            since(declared, incident.acknowledged_at),
            targets.respond_ms,
        ),
        Measure(
            "contain",
            "isolation proven - declared",
            since(declared, marks.get("contained")),
            targets.contain_ms,
        ),
        Measure(
            "mitigate",
            "traffic gate passed - declared",
            since(declared, marks.get("mitigated")),
            None,
        ),
        Measure(
            "resolve",
            "last gate passed or overridden - declared",
            since(declared, marks.get("resolved")),
            targets.resolve_ms,
        ),
    )

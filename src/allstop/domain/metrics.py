"""Times to detect, acknowledge, contain, mitigate and resolve, each with its formula and its target.

An incident that was opened again has had several responses. Each is measured from its own beginning: the
days it rested in between are nobody's time to respond.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from allstop.domain.gates import begins_behind_containment
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
    """The five times of an incident from the record: of the present response, and below them whatever the
    earlier ones reached, as `acknowledge (response 1)`. Targets are those of the present severity."""
    targets = policy.protocol.severity(incident.severity).targets
    contain_ms = None if begins_behind_containment(policy, incident) else targets.contain_ms
    target = {
        "acknowledge": targets.respond_ms, "contain": contain_ms, "resolve": targets.resolve_ms,
    }  # fmt: skip
    detected = Measure(
        "detect", "declared - last seen well", _since(incident.began_at, incident.declared_at),
        targets.detect_ms,
    )  # fmt: skip
    now = _reached(incident.begun, incident.acknowledged_at, incident.milestones)
    began = "opened again" if incident.reopened else "declared"
    found = [
        Measure(name, f"{what} - {began}", measured, target.get(name))
        for name, what, measured in now
    ]
    return (detected, *found, *_earlier(incident))


def _earlier(incident: Incident) -> Iterator[Measure]:
    for number, one in enumerate(incident.responses, 1):
        began = "opened again" if number > 1 else "declared"
        for name, what, measured in _reached(one.began, one.acknowledged_at, one.milestones):
            if measured is not None:
                yield Measure(f"{name} (response {number})", f"{what} - {began}", measured, None)


def _reached(
    began: datetime, acknowledged_at: datetime | None, milestones: Mapping[str, datetime]
) -> tuple[tuple[str, str, int | None], ...]:
    """Name, what it is measured to, and the time it took, of everything a response comes to."""
    return (
        ("acknowledge", "acknowledged", _since(began, acknowledged_at)),
        ("contain", "isolation proven", _since(began, milestones.get("contained"))),
        ("mitigate", "traffic gate passed", _since(began, milestones.get("mitigated"))),
        ("resolve", "last gate passed or overridden", _since(began, milestones.get("resolved"))),
    )


def _since(start: datetime | None, end: datetime | None) -> int | None:
    return between(start, end) if start is not None and end is not None else None

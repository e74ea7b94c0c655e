"""What somebody asks of a plan, and what is to be expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants. purpose: one of `deciding.plan_drawing.DRAWERS`; targets: as people write them, see
    `planning.selecting`.

    dependents: take along whoever is broken without a target; orphans: leave those that are, by name;
    level: of a degradation; to: a step, of an undo; plan: whose steps are undone; deadline_ms: until when
    it must have ended, counted from its start, 0 for no deadline; release: of a rollback, empty for the last
    known good one; until: of a restore, an instant in ISO 8601, empty for the newest proven copy; playbook:
    whose steps are played, empty for the one of the incident's kind; levers: of a degradation or a release, such
    as `search:cached-answers`, instead of a level.
    """

    purpose: str
    targets: tuple[str, ...] = ()
    dependents: bool = False
    orphans: tuple[str, ...] = ()
    level: str = ""
    plan: str = ""
    to: str = ""
    deadline_ms: int = 0
    release: str = ""
    until: str = ""
    playbook: str = ""
    levers: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """What of it differs from the default, for the log."""
        found: dict[str, Any] = {
            "purpose": self.purpose, "targets": list(self.targets), "dependents": self.dependents, "orphans": list(self.orphans),
            "level": self.level, "plan": self.plan, "to": self.to, "deadline_ms": self.deadline_ms,
            "release": self.release, "until": self.until, "playbook": self.playbook,
            "levers": list(self.levers),
        }  # fmt: skip
        return {name: value for name, value in found.items() if value}

    @staticmethod
    def recorded(found: Mapping[str, Any]) -> Asked:
        """The inverse of `record`."""
        return Asked(
            found["purpose"], tuple(found.get("targets", ())), bool(found.get("dependents")),
            tuple(found.get("orphans", ())), found.get("level", ""), found.get("plan", ""),
            found.get("to", ""), found.get("deadline_ms", 0), found.get("release", ""),
            found.get("until", ""), found.get("playbook", ""),
            levers=tuple(found.get("levers", ())),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected. whole_ms: until the last node has ended; bound_ms: the longest path, which no
    number of hands makes shorter; critical: its services; radius: services outside the plan that are broken
    by it; units: cycles handled as one; dropped: soft dependencies left out because of a cycle; at_risk:
    stateful services whose data no step of the plan keeps safe; forced: nodes that are killed so that the plan ends by its deadline; late:
    nodes that will not have ended by then, and that nothing may force;
    lacking: what services do not offer; learned: what similar incidents of the last twelve months taught;
    notes: what else whoever approves it should know.
    """

    whole_ms: int = 0
    bound_ms: int = 0
    critical: tuple[str, ...] = ()
    radius: tuple[str, ...] = ()
    units: tuple[tuple[str, ...], ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    at_risk: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    learned: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    late: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As the log keeps it: lists, as they are read back."""
        return {
            "whole_ms": self.whole_ms, "bound_ms": self.bound_ms, "critical": list(self.critical),
            "radius": list(self.radius), "units": [list(unit) for unit in self.units],
            "dropped": [list(edge) for edge in self.dropped], "at_risk": list(self.at_risk),
            "forced": list(self.forced), "lacking": list(self.lacking), "learned": list(self.learned),
            "notes": list(self.notes), "late": list(self.late),
        }  # fmt: skip

"""Rollback, fix or investigate: a decision that explains itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from allstop.domain.conditions import all_hold, sentence
from allstop.domain.policy.protocol import Protocol
from allstop.domain.policy.tables import Scalar

REMEDIES = ("rollback", "fix", "investigate")

# Facts a decision table may test, and their sort. Unknown ones are None and are listed as such.
REMEDY_FACTS: dict[str, str] = {
    "severity_rank": "number",
    "core_functions_down": "number",
    "data_loss": "yes/no",
    "breach": "yes/no",
    "recent_deployment": "yes/no",
    "known_good_release": "yes/no",
    "rollback_available": "yes/no",
    "restart_available": "yes/no",
    "process_running": "yes/no",
    "cause_understood": "yes/no",
    "schema_changed": "yes/no",
    "fix_minutes": "number",
    "isolated": "yes/no",
    "fix_safe": "yes/no",
    "rollback_disrupts": "yes/no",
}

# What a person may state; the rest is observed.
STATED_FACTS: dict[str, str] = {
    name: REMEDY_FACTS[name]
    for name in (
        "recent_deployment", "known_good_release", "process_running", "cause_understood",
        "schema_changed", "fix_minutes", "isolated", "fix_safe", "rollback_disrupts", "data_loss",
        "breach",
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """remedy: rollback | fix | investigate; row: -1 when no row matched; unknown: facts nobody knew."""

    remedy: str
    row: int
    because: str
    unknown: tuple[str, ...]


def decide_by_table(protocol: Protocol, facts: Mapping[str, Scalar]) -> Decision:
    """The first row that holds. Total: where none does, investigate, because nothing irreversible follows."""
    unknown = tuple(name for name in REMEDY_FACTS if facts.get(name) is None)
    remedy, place = row_by_table(protocol, facts)
    if place < 0:
        return Decision(remedy, place, "no row of the decision table matched", unknown)
    row = protocol.remedy.rows[place]
    tests = ", ".join(sentence(condition) for condition in row.when)
    return Decision(remedy, place, f"{row.because} ({tests})" if tests else row.because, unknown)


def row_by_table(protocol: Protocol, facts: Mapping[str, Scalar]) -> tuple[str, int]:
    """What the table decides, and the row that says so, without any words."""
    for place, row in enumerate(protocol.remedy.rows):
        if all_hold(row.when, facts):
            return row.remedy, place
    return "investigate", -1

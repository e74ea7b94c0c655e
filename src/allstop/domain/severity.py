"""Severity from measured impact, by the protocol's table."""

from __future__ import annotations

from dataclasses import dataclass

from allstop.domain.conditions import all_hold, sentence
from allstop.domain.impact import Impact
from allstop.domain.policy.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Classification:
    """severity: name; row: index of the deciding row, -1 when none matched; because: its reason."""

    severity: str
    row: int
    because: str


def classify(protocol: Protocol, impact: Impact) -> Classification:
    """The first row that holds. Total: where no row matches, the worst severity, for a person to lower.

    Not knowing is no reason to be calm: a table with a hole must not make an emergency small.
    """
    facts = impact.facts()
    for place, row in enumerate(protocol.classification):
        if all_hold(row.when, facts):
            tests = ", ".join(sentence(condition) for condition in row.when)
            return Classification(
                row.severity, place, f"{row.because} ({tests})" if tests else row.because
            )
    worst = min(protocol.severities, key=lambda rule: rule.rank)
    return Classification(
        worst.name, -1, "no row of the classification table matched, so the worst is assumed"
    )


def worse(protocol: Protocol, left: str, right: str) -> str:
    """The worse of two severities."""
    return min((left, right), key=lambda name: protocol.severity(name).rank)

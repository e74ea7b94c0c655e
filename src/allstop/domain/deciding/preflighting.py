"""Preflight checks before anything is executed."""

from __future__ import annotations

from allstop.domain.draft import Draft, Rules
from allstop.domain.effects import Outcome


def preflight_outcome(draft: Draft, incident: str, number: str, outcome: Outcome) -> None:
    del draft, incident, number, outcome


RULES: Rules = {}
INTERNAL: frozenset[type] = frozenset()

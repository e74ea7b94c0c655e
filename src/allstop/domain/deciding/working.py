"""Tasks, evidence added by hand, and facts a person states."""

from __future__ import annotations

from allstop.domain.draft import Rules

RULES: Rules = {}
INTERNAL: frozenset[type] = frozenset()

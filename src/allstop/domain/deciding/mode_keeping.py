"""Emergency mode: begun with the incident, extended, ended, expired."""

from __future__ import annotations

from allstop.domain.draft import Rules

RULES: Rules = {}
INTERNAL: frozenset[type] = frozenset()

"""Stop rules: a plan that runs against one is held."""

from __future__ import annotations

from allstop.domain.draft import Rules

RULES: Rules = {}
INTERNAL: frozenset[type] = frozenset()

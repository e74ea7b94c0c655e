"""A person looks: real or a false alarm, and how bad."""

from __future__ import annotations

from allstop.domain.draft import Rules

RULES: Rules = {}
INTERNAL: frozenset[type] = frozenset()

"""Proposals, and who may declare which kind of emergency."""

from __future__ import annotations

from allstop.domain.draft import Rules

RULES: Rules = {}
INTERNAL: frozenset[type] = frozenset()

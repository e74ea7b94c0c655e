"""Tests of facts to conditions of the core."""

from __future__ import annotations

from collections.abc import Mapping

from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.policy import Condition
from allstop.domain.stop_rules import PLAN_MINUTES, PLAN_PHASES
from allstop.protocol.document_conditions import When
from allstop.protocol.scalars import parse_money

# What a stop rule may test: the impact, and the plan that runs.
STOP_FACTS: dict[str, str] = {**IMPACT_FACTS, PLAN_MINUTES: "number", PLAN_PHASES: "number"}


def conditions(when: When, facts: Mapping[str, str]) -> tuple[Condition, ...]:
    """The tests of a row. facts: sorts by name; amounts of money lose their currency to `unit`."""
    found = []
    for fact, test in when.items():
        for op, value in test.written():
            money = (
                parse_money(value)
                if facts.get(fact) == "money" and isinstance(value, str)
                else None
            )
            if money is not None:
                found.append(Condition(fact, op, money[0], money[1]))
            else:
                found.append(Condition(fact, op, value))
    return tuple(found)

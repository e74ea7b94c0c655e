"""Conditions of classification and decision tables, over facts that may be unknown."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from itertools import repeat

from allstop.domain.policy.tables import Condition, Scalar

_COMPARES: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "at_least": operator.ge, "more_than": operator.gt, "at_most": operator.le, "less_than": operator.lt,
}  # fmt: skip
OPERATORS = ("is", "is_not", *_COMPARES)


def holds(condition: Condition, facts: Mapping[str, Scalar]) -> bool:
    """Whether one condition holds; an unknown fact satisfies only `is: null`."""
    value = facts.get(condition.fact)
    if condition.op == "is":
        return value == condition.value and isinstance(value, bool) == isinstance(
            condition.value, bool
        )
    if value is None:
        return False
    if condition.op == "is_not":
        return value != condition.value
    left, right = _number(value, condition.unit), _number(condition.value, "")
    if left is None or right is None:
        return False
    return _COMPARES[condition.op](left, right)


def all_hold(conditions: tuple[Condition, ...], facts: Mapping[str, Scalar]) -> bool:
    """Whether every condition holds; an empty row always does."""
    return all(map(holds, conditions, repeat(facts)))


def sentence(condition: Condition) -> str:
    """`lost_per_hour at least 10000 USD`."""
    value = condition.value
    if value is None:
        value = "unknown"
    elif isinstance(value, bool):
        value = "yes" if value else "no"
    return f"{condition.fact} {condition.op.replace('_', ' ')} {value} {condition.unit}".rstrip()


def _number(value: Scalar, unit: str) -> Decimal | None:
    """A number, or None when it is none, is not finite, or is money of another currency."""
    if isinstance(value, bool) or value is None:
        return None
    text = str(value)
    if unit:
        amount, _, currency = text.partition(" ")
        if currency != unit:
            return None
        text = amount
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None

"""Limits people write: whole numbers, or decimal numbers as text, because documents hold no others."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

_MOST_DIGITS = 40


def limit_of(value: int | str) -> Decimal:
    """The number. Raises ValueError for what is none, is not finite, or has digits beyond reason."""
    try:
        number = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation as error:
        raise ValueError("write it as a number, such as 3 or 0.25") from error
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise ValueError("write it as a number, such as 3 or 0.25")
    return number


def is_limit(value: int | str | None) -> int | str | None:
    """`value` as it is, for a validator. Raises ValueError."""
    if value is not None:
        limit_of(value)
    return value

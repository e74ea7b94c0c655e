"""JSON from outside, and the small facts in it that decisions may use."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from allstop.adapters.mechanisms.text import one_line
from allstop.domain.policy.tables import Scalar

LARGEST_WHOLE = 2**53 - 1  # beyond this, canonical JSON (RFC 8785) has no exact whole numbers
_MOST_FACTS = 64
_LONGEST_NAME = 100
_LONGEST_TEXT = 500
_MOST_DIGITS = 40


def read_json(body: bytes) -> Any:
    """The value of a JSON text; numbers with a point or an exponent become Decimal.

    Raises ValueError for anything that is not JSON: NaN and Infinity, nesting beyond reason, whole
    numbers of thousands of digits, bytes that are not UTF-8.
    """
    try:
        return json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=_no_such_number)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _no_such_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def fact_of(value: Any) -> Scalar:
    """A scalar as it appears in facts; None for what has no place there.

    Decimals become plain decimal strings, whole numbers beyond 2^53 strings, texts one bounded line.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if abs(value) <= LARGEST_WHOLE:
            return value
        return str(value) if abs(value) < 10**_MOST_DIGITS else None
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, str):
        return one_line(value, _LONGEST_TEXT)
    return None


def _decimal(value: Decimal) -> str | None:
    # 1e999999999 is a short number to write and a gigabyte to write out.
    if not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
        return None
    return format(value, "f") if len(value.as_tuple().digits) <= _MOST_DIGITS else None


def facts_of(value: Any) -> dict[str, Scalar]:
    """The top-level scalars of a JSON object, at most 64 of them; of anything else nothing."""
    if not isinstance(value, dict):
        return {}
    facts: dict[str, Scalar] = {}
    for key, item in value.items():
        fact = fact_of(item)
        if fact is not None and len(facts) < _MOST_FACTS:
            facts[one_line(key, _LONGEST_NAME)] = fact
    return facts


def facts_in(body: bytes) -> dict[str, Scalar]:
    """The facts of a body that may or may not be a JSON object."""
    try:
        return facts_of(read_json(body))
    except ValueError:
        return {}


_ABSENT = object()


def mismatch(value: Any, expected: dict[str, Scalar]) -> str:
    """The first of `expected` (path `a.b.0` to exact scalar) that `value` disagrees with, or empty.

    Compared as facts are: `1.50` in the answer is the string "1.50" here, and true is not 1.
    """
    for path, wanted in expected.items():
        found = _at(value, path)
        if found is _ABSENT:
            return f"{path} is missing"
        if found is None and wanted is None:
            continue
        seen = fact_of(found)
        if seen is None or seen != wanted or type(seen) is not type(wanted):
            shown = json.dumps(seen, ensure_ascii=False) if seen is not None else "something else"
            return one_line(f"{path} is {shown}, not {json.dumps(wanted, ensure_ascii=False)}")
    return ""


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isascii() and part.isdigit() and len(part) < 9:
            place = int(part)
            if place >= len(value):
                return _ABSENT
            value = value[place]
        else:
            return _ABSENT
    return value

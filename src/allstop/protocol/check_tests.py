"""Checks of tests of facts, wherever they stand: known facts, values that suit, tests that can hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from allstop.domain.conditions import OPERATORS
from allstop.domain.policy import Condition
from allstop.domain.verdict import nearest
from allstop.protocol.compile_conditions import conditions
from allstop.protocol.document_conditions import When
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.findings import Findings
from allstop.protocol.scalars import parse_money
from allstop.protocol.shape import Document, Path
from allstop.protocol.tables import truth

_EQUALITY = ("is", "is_not")
# No exponents: 1e99999999 is short to write and long to compute with.
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")


def check_tests(
    document: Document[ProtocolDocument], path: Path, when: When, facts: Mapping[str, str],
    found: Findings,
) -> tuple[Condition, ...]:  # fmt: skip
    """The conditions of tests that stand outside of a table; empty when they mean nothing."""
    if not well_formed(document, path, when, facts, found):
        return ()
    tests = conditions(when, facts)
    if truth(tests, facts) == "never":
        hint = "they exclude each other, or ask for an unknown that is always known"
        found.add("AP134", document.at(*path), "these tests can never hold", hint)
        return ()
    return tests


def well_formed(
    document: Document[ProtocolDocument], path: Path, when: When, facts: Mapping[str, str],
    found: Findings,
) -> bool:  # fmt: skip
    """Whether every test names a fact and suits it. Each objection is recorded."""
    before = len(found.problems)
    for fact, test in when.items():
        for op, value in test.written():
            _check_test(document, (*path, fact), facts, (fact, op, value), found)
    return len(found.problems) == before


def _check_test(
    document: Document[ProtocolDocument], path: Path, facts: Mapping[str, str],
    test: tuple[str, str, Any], found: Findings,
) -> None:  # fmt: skip
    fact, op, value = test
    place = document.at(*path)
    if fact not in facts:
        found.add("AP064", place, f"there is no fact {fact} here", nearest(fact, facts))
        return
    sort = facts[fact]
    wanted = _unsuitable(sort, op, value)
    if wanted:
        place = document.at(*path, op)
        found.add("AP065", place, f"{fact} is {_sort(sort)}, so `{op}` {wanted}", "")


def _sort(sort: str) -> str:
    if sort in {"number", "money", "yes/no"}:
        return {"number": "a number", "money": "an amount of money", "yes/no": "true or false"}[
            sort
        ]
    return f"one of {sort.replace('|', ', ')}"


def _unsuitable(sort: str, op: str, value: Any) -> str:
    """What the test should look like instead, or nothing when it is fine."""
    assert op in OPERATORS, op
    if op in _EQUALITY and value is None:
        return ""
    if sort == "yes/no":
        return (
            ""
            if op in _EQUALITY and isinstance(value, bool)
            else "must be `is: true` or `is: false`"
        )
    if sort == "money":
        amount = parse_money(value) if isinstance(value, str) else None
        return (
            ""
            if op not in _EQUALITY and amount
            else "must compare with an amount and its currency: `at_least: 10000 USD`"
        )
    if sort == "number":
        if isinstance(value, int) and not isinstance(value, bool):
            return ""
        decimal = isinstance(value, str) and _DECIMAL.fullmatch(value) is not None
        return "" if op not in _EQUALITY and decimal else "needs a number"
    fine = op in _EQUALITY and value in sort.split("|")
    return "" if fine else "must name one of them"

"""Checks of the classification and of the decision table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from allstop.domain.conditions import OPERATORS
from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.policy import Condition
from allstop.domain.remedy import REMEDY_FACTS
from allstop.domain.verdict import nearest
from allstop.protocol.compile import conditions
from allstop.protocol.document_protocol import (
    ClassificationDocument,
    ProtocolDocument,
    RemedyRowDocument,
)
from allstop.protocol.findings import Findings
from allstop.protocol.scalars import parse_money
from allstop.protocol.shape import Document
from allstop.protocol.tables import TableReport, described, examine

# More examples of one gap do not help to close it.
_MOST_GAPS = 3
_EQUALITY = ("is", "is_not")
_Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """One of the two tables. facts: sort by name; gap: code of a gap in it."""

    document: Document[ProtocolDocument]
    path: _Path
    rows: Sequence[ClassificationDocument | RemedyRowDocument]
    facts: dict[str, str]
    gap: str

    def line(self, row: int) -> str:
        """A row as people find it."""
        at = self.document.at(*self.path, row)
        return f"the row in line {at.line}" + (
            "" if at.file == self.document.file else f" of {at.file}"
        )


def check_tables(
    document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings
) -> None:
    """Both tables: facts, tests, rows that never match, situations nobody thought of."""
    ranks = len(model.severities)
    rows = model.classification
    _check(_Table(document, ("classification",), rows, IMPACT_FACTS, "AP068"), ranks, found)
    decisions = model.remedy.table
    _check(_Table(document, ("remedy", "table"), decisions, REMEDY_FACTS, "AP069"), ranks, found)


def _check(table: _Table, ranks: int, found: Findings) -> None:
    before = len(found.problems)
    for place, row in enumerate(table.rows):
        for fact, test in row.when.items():
            for op, value in test.written():
                path = (*table.path, place, "when", fact)
                _check_test(table.document, path, table.facts, (fact, op, value), found)
    if len(found.problems) > before:
        # Rows that mean nothing cannot be compared.
        return
    compiled = [conditions(row.when, table.facts) for row in table.rows]
    _report(table, examine(compiled, table.facts, ranks), compiled, found)


def _report(
    table: _Table, report: TableReport, rows: list[tuple[Condition, ...]], found: Findings
) -> None:
    at, path = table.document.at, table.path
    for row, earlier in report.doubles:
        text = f"the conditions are those of {table.line(earlier)}, which comes first"
        found.add("AP067", at(*path, row), text, "remove one of the two")
    for row, cover in report.dead:
        if cover is not None and cover < 0:
            text, hint = "the tests of this row exclude each other", "no situation can satisfy them"
        else:
            who = "the rows before it together" if cover is None else table.line(cover)
            text, hint = f"this row can never match: every situation goes to {who}", "move it up"
        found.add("AP066", at(*path, row), text, hint)
    for situation in report.gaps[:_MOST_GAPS]:
        more = len(report.gaps) - _MOST_GAPS
        hint = "end the table with a row without `when`" + (
            f"; {more} more gaps" if more > 0 else ""
        )
        found.add(
            table.gap, at(*path), f"no row matches, for example: {described(situation)}", hint
        )
    if not report.exact and rows[-1]:
        text = "the table is too large to be searched for gaps"
        found.add("AP089", at(*path), text, "end it with a row without `when`")


def _check_test(
    document: Document[ProtocolDocument], path: _Path, facts: dict[str, str],
    test: tuple[str, str, Any], found: Findings,
) -> None:  # fmt: skip
    fact, op, value = test
    place = document.at(*path)
    if fact not in facts:
        found.add("AP064", place, f"there is no fact {fact}", nearest(fact, facts))
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
        return "" if op not in _EQUALITY and _is_decimal(value) else "needs a number"
    fine = op in _EQUALITY and value in sort.split("|")
    return "" if fine else "must name one of them"


def _is_decimal(value: Any) -> bool:
    try:
        return isinstance(value, str) and Decimal(value).is_finite() and len(value) < 20
    except InvalidOperation:
        return False

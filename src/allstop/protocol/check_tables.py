"""Checks of the decision tables: classification, remedy, approvals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from allstop.domain.approvals import APPROVAL_FACTS
from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.policy import Condition
from allstop.domain.remedy import REMEDY_FACTS
from allstop.protocol.check_tests import well_formed
from allstop.protocol.compile_conditions import conditions
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_remedy import ApprovalRowDocument, RemedyRowDocument
from allstop.protocol.document_severities import ClassificationDocument
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document, Path
from allstop.protocol.tables import TableReport, described, examine

# More examples of one gap do not help to close it.
_MOST_GAPS = 3
_Row = ClassificationDocument | RemedyRowDocument | ApprovalRowDocument


@dataclass(frozen=True, slots=True)
class _Table:
    """One of the tables. facts: sort by name; gap: code of a gap in it."""

    document: Document[ProtocolDocument]
    path: Path
    rows: Sequence[_Row]
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
    """All tables: facts, tests, rows that never match, situations nobody thought of."""
    ranks = len(model.severities)
    rows = model.classification
    _check(_Table(document, ("classification",), rows, IMPACT_FACTS, "AP068"), ranks, found)
    decisions = model.remedy.table
    _check(_Table(document, ("remedy", "table"), decisions, REMEDY_FACTS, "AP069"), ranks, found)
    approvals = model.approvals.table
    if approvals:
        table = _Table(document, ("approvals", "table"), approvals, APPROVAL_FACTS, "AP144")
        _check(table, ranks, found)


def _check(table: _Table, ranks: int, found: Findings) -> None:
    # Every row is looked at, so a list; rows that mean nothing cannot be compared.
    fine = [
        well_formed(table.document, (*table.path, place, "when"), row.when, table.facts, found)
        for place, row in enumerate(table.rows)
    ]
    if all(fine):
        compiled = [conditions(row.when, table.facts) for row in table.rows]
        _report(table, examine(compiled, table.facts, ranks), compiled, found)


def outcome(row: _Row) -> str:
    """What a row decides, in words."""
    if isinstance(row, ClassificationDocument):
        return row.severity
    if isinstance(row, RemedyRowDocument):
        return row.remedy
    who = f"{row.people} of {', '.join(row.by) or 'whoever may approve'}"
    return f"{who}, reviewed by {', '.join(row.reviewers)}" if row.reviewers else who


def _report(
    table: _Table, report: TableReport, rows: Sequence[tuple[Condition, ...]], found: Findings
) -> None:
    at, path = table.document.at, table.path
    for row, earlier in report.doubles:
        text = f"the conditions are those of {table.line(earlier)}, which comes first"
        mine, theirs = outcome(table.rows[row]), outcome(table.rows[earlier])
        if mine != theirs:
            text += f" and says otherwise: {theirs}, not {mine}"
        found.add("AP067", at(*path, row), text, "remove one of the two")
    for row, cover in report.dead:
        if cover is not None and cover < 0:
            text = "the tests of this row can never hold"
            hint = "they exclude each other, or ask for an unknown that is always known"
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
    if not report.exact:
        text = "the table is too large to be searched to its end"
        hint = "end it with a row without `when`" if rows[-1] else "fewer rows, or fewer tests"
        found.add("AP089", at(*path), text, hint)

"""Recovery objectives: tables of RTO and RPO by class of services, and by severity."""

from __future__ import annotations

import re

from allstop.protocol.importing.assuming import worst
from allstop.protocol.importing.draft import Draft
from allstop.protocol.importing.naming import same, strict_severity
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.tables import cell, column, others, span_of, tables
from allstop.protocol.importing.words import after_label, slug, span_in

MOST = 40


def read_objectives(found: list[Piece], draft: Draft) -> None:
    """Tables with a column RTO, or with one column a severity; single lines with both."""
    for rows in tables(found):
        if (
            rows[0].topic == "template"
            or rows[0].line in draft.claimed
            or all(strict_severity(cell(row, 0)) for row in rows)
        ):
            continue
        rto, rpo = column(rows, r"\brto\b|recovery time"), column(rows, r"\brpo\b|recovery point")
        across = {
            at: name for at, head in enumerate(rows[0].head) if at and (name := _known(draft, head))
        }
        if rto is not None and rto > 0:
            _by_class(rows, rto, rpo, draft)
        elif across and rows[0].topic == "objectives":
            _by_severity(rows, across, rpo, draft)
    for piece in draft.free(found, "objectives", kinds=("item", "text")):
        _line(piece, draft)


def _known(draft: Draft, head: str) -> str:
    """The severity of the draft that a head names."""
    name = strict_severity(head)
    return next((one for one in worst(draft) if name and same(one, name)), "")


def _by_class(rows: list[Piece], rto: int, rpo: int | None, draft: Draft) -> None:
    for row in rows:
        span = span_of(cell(row, rto))
        name = slug(cell(row, 0), "")
        if span and name and draft.count("objectives") < MOST:
            _put(draft, name, span, span_of(cell(row, rpo)), row)
            for head, text in others(row, 0, rto, rpo):
                draft.note(row, f"{head}: {text}", "an objective has no place for it")


def _put(draft: Draft, name: str, rto: str, rpo: str, piece: Piece) -> None:
    if draft.has("objectives", name):
        draft.note(piece, piece.text, f"{name} has objectives from another line already")
        return
    draft.put(("objectives", name, "rto"), rto, piece)
    if rpo:
        draft.put(("objectives", name, "rpo"), rpo, piece)


def _by_severity(rows: list[Piece], across: dict[int, str], rpo: int | None, draft: Draft) -> None:
    for row in rows:
        name = slug(cell(row, 0), "")
        spans = {
            severity: span for at, severity in across.items() if (span := span_of(cell(row, at)))
        }
        if (
            not name
            or not spans
            or draft.has("objectives", name)
            or draft.count("objectives") >= MOST
        ):
            continue
        for severity, span in spans.items():
            draft.put(("objectives", name, "rto", severity), span, row)
        point = span_of(cell(row, rpo))
        if point:
            draft.put(("objectives", name, "rpo"), point, row)


def _line(piece: Piece, draft: Draft) -> None:
    """`- **Core**: RTO 15 minutes, RPO 1 minute`."""
    label = piece.strong or after_label(piece.text)[0]
    rto = re.search(r"\bRTO\b[^,;.]{0,40}", piece.text)
    rpo = re.search(r"\bRPO\b[^,;.]{0,40}", piece.text)
    name = slug(re.sub(r"\bR[TP]O\b", "", label), "")
    span = span_in(rto[0]) if rto else ""
    if name and span and draft.count("objectives") < MOST:
        _put(draft, name, span, span_in(rpo[0]) if rpo else "", piece)

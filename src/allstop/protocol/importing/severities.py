"""Severities: from tables in either direction, from headings with lists, from single lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from allstop.protocol.importing.assuming import classify
from allstop.protocol.importing.draft import Draft, Value
from allstop.protocol.importing.facts import facts_in
from allstop.protocol.importing.naming import (
    in_order,
    same,
    severity_in,
    strict_severity,
    without_name,
)
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.tables import (
    column_kind,
    others,
    span_of,
    speaks_of_severity,
    tables,
)
from allstop.protocol.importing.words import after_label, seconds, span_in, wall_span_in

MOST = 12
_OFTEN = re.compile(r"\b(?:every|each|hourly|daily)\b", re.IGNORECASE)
_RESPONSE = re.compile(
    r"(?:respon\w*|acknowledg\w*|react\w*|within|in under|sla)\b[^.;,]{0,60}", re.IGNORECASE
)
_UPDATES = re.compile(
    r"(?:updates?|status)\b[^.;,]{0,60}|\bevery\b[^.;,]{0,40}\bupdates?\b", re.IGNORECASE
)
_RESOLVE = re.compile(r"\b(?:resolv|resolution|restor)\w*\b[^.;,]{0,60}", re.IGNORECASE)


@dataclass(slots=True)
class _Told:
    """texts: of each severity, what describes it, with the piece; first: where it was named first."""

    texts: dict[str, list[tuple[Piece, str]]] = field(default_factory=dict)
    first: dict[str, Piece] = field(default_factory=dict)

    def add(self, name: str, piece: Piece, text: str) -> None:
        self.texts.setdefault(name, []).append((piece, text))


def read_severities(found: list[Piece], draft: Draft) -> None:
    """Fill `severities` and `classification`, the worst first."""
    told = _Told()
    for rows in tables(found):
        if rows[0].line not in draft.claimed:
            _table(rows, draft, told)
    for piece in draft.free(found, kinds=("item", "text", "heading", "lead")):
        _line(piece, draft, told)
    severities = draft.at("severities")
    titles: dict[str, str] = {}
    spans: dict[str, int | None] = {}
    for name in severities:
        if not draft.at("severities", name) and name in told.first:
            draft.put(("severities", name, "title"), name, told.first[name])
        title = draft.get("severities", name, "title")
        labels = [after_label(text)[0] for _, text in told.texts.get(name, [])]
        titles[name] = str(title.value) if title else " ".join(labels)
        span = draft.get("severities", name, "respond_within")
        spans[name] = seconds(str(span.value)) if span else None
    names = in_order(titles, spans)
    draft.root["severities"] = {name: severities[name] for name in names}
    classify(draft, names, told.texts)
    if not names:
        del draft.root["severities"]


# --- tables ----------------------------------------------------------------------------------------


def _table(rows: list[Piece], draft: Draft, told: _Told) -> None:
    if rows[0].topic in ("template", "escalation", "roles", "points", "drills"):
        return
    column = _name_column(rows)
    if any(re.search(r"\brpo\b|recovery point", head, re.IGNORECASE) for head in rows[0].head) or (
        rows[0].topic == "objectives"
    ):
        # Classes of services have names such as `Tier 1` and `Critical` too.
        there = list(draft.at("severities"))
        named = column is not None and all(
            any(same(_named(row.cells[column], loose=True), one) for one in there)
            or strict_severity(row.cells[column])
            for row in rows
        )
        column = column if named else None
        if column is None:
            return
    if column is not None:
        for row in rows:
            name = _named(row.cells[column], loose=True) if column < len(row.cells) else ""
            known = _known(draft, name, row, told) if name else ""
            if known:
                _row(row, column, known, draft, told)
        return
    across = {
        place: _named(cell, loose=rows[0].topic == "severity")
        for place, cell in enumerate(rows[0].head)
    }
    across = {place: name for place, name in across.items() if name and place > 0}
    kinds = [column_kind(row.cells[0]) for row in rows if row.cells]
    if len(across) > 1 and any(
        kind in ("respond", "update", "describe", "title", "resolve") for kind in kinds
    ):
        _transposed(rows, across, draft, told)


def _name_column(rows: list[Piece]) -> int | None:
    """The column that holds the severities' names, when the table has one."""
    head = rows[0].head
    for place in range(min(len(head), 4)):
        cells = [row.cells[place] for row in rows if place < len(row.cells)]
        strict = sum(1 for cell in cells if len(cell) <= 60 and strict_severity(cell))
        loose = sum(1 for cell in cells if _named(cell, loose=True))
        if strict == len(cells) or (strict > 1 and strict * 2 > len(cells)):
            return place
        spoken = speaks_of_severity(head[place]) or (place == 0 and rows[0].topic == "severity")
        if loose and spoken and loose * 2 > len(cells) and _about_severities(rows, place):
            return place
    return None


def _about_severities(rows: list[Piece], place: int) -> bool:
    """Whether anything else in the table says what a severity means."""
    kinds = {column_kind(head) for at, head in enumerate(rows[0].head) if at != place}
    often = rows[0].topic == "updates" and any(_OFTEN.search(row.text) for row in rows)
    return often or bool(kinds & {"respond", "update", "describe", "title", "resolve", "stop"})


def _row(row: Piece, column: int, name: str, draft: Draft, told: _Told) -> None:
    _title(draft, name, row.cells[column], row)
    for head, cell in others(row, column):
        _attribute(draft, name, head, cell, row, told)


def _transposed(rows: list[Piece], across: dict[int, str], draft: Draft, told: _Told) -> None:
    names = {place: _known(draft, name, rows[0], told) for place, name in across.items()}
    for place, name in names.items():
        if name:
            _title(draft, name, rows[0].head[place], rows[0])
    for row in rows:
        for place, name in names.items():
            if name and place < len(row.cells) and row.cells[place].strip(" -–—"):
                _attribute(draft, name, row.cells[0], row.cells[place], row, told)


def _attribute(draft: Draft, name: str, head: str, cell: str, piece: Piece, told: _Told) -> None:
    """One cell: a time, a title, or words that describe the severity."""
    kind, span = column_kind(head), span_of(cell)
    if piece.topic == "updates" and _OFTEN.search(cell):
        kind = "update"
    if kind in ("respond", "update") and span:
        _time(
            draft,
            name,
            "respond_within" if kind == "respond" else "update_every",
            span,
            piece,
            f"{head}: {cell}",
        )
    elif kind == "resolve" and wall_span_in(cell):
        _time(draft, name, "targets.resolve", wall_span_in(cell), piece, f"{head}: {cell}")
    elif kind == "title" and len(cell) <= 80:
        _again(
            draft.put(("severities", name, "title"), cell, piece),
            draft,
            piece,
            f"{head}: {cell}",
            name,
        )
    elif kind == "stop" and re.match(r"(?:yes|no|true|false|✅|❌)", cell, re.IGNORECASE):
        yes = bool(re.match(r"(?:yes|true|✅)", cell, re.IGNORECASE))
        _again(
            draft.put(("severities", name, "all_stop"), yes, piece),
            draft,
            piece,
            f"{head}: {cell}",
            name,
        )
    else:
        _describe(
            draft, name, cell if kind == "describe" else f"{head}: {cell}" if head else cell, piece
        )
        if kind == "describe":
            told.add(name, piece, cell)


def _time(draft: Draft, name: str, key: str, span: str, piece: Piece, text: str) -> None:
    path = ("severities", name, *key.split("."))
    before = draft.get(*path)
    if before is None:
        draft.put(path, span, piece)
    elif before.value == span:
        draft.at(*path[:-1])[path[-1]] = Value(span, tuple(sorted({*before.lines, *piece.lines})))
        draft.claimed |= set(piece.lines)
    else:
        _again(False, draft, piece, text, name)


def _again(taken: bool, draft: Draft, piece: Piece, text: str, name: str) -> None:
    if not taken:
        draft.note(piece, text, f"{name} has that from another line already")


# --- headings, lists and lines -----------------------------------------------------------------------


def _line(piece: Piece, draft: Draft, told: _Told) -> None:
    """`- **SEV1** - Critical: everything is down`, or a line under a heading that is a severity."""
    if piece.kind in ("heading", "lead"):
        if piece.topic == "severity" and piece.where.severity:
            name = _known(draft, piece.where.severity, piece, told)
            if name:
                _title(
                    draft,
                    name,
                    after_label(piece.text)[0]
                    if ":" in piece.text and "response" in piece.text.lower()
                    else piece.text,
                    piece,
                )
                _facts(draft, name, without_name(piece.text), piece, told, describe=False)
        return
    label = _label(piece)
    own = _named(label, loose=piece.topic == "severity") if len(label) <= 60 else ""
    if own and (
        piece.topic in ("severity", "updates", "")
        or any(same(own, one) for one in draft.at("severities"))
    ):
        if piece.topic not in ("severity", "updates", "", "phase", "timeline"):
            return
        _entry(piece, own, draft, told)
    elif piece.topic == "severity" and piece.where.severity:
        name = _known(draft, piece.where.severity, piece, told)
        if name:
            _labelled(draft, name, piece, told)


def _label(piece: Piece) -> str:
    if piece.strong:
        return piece.strong
    label = after_label(piece.text)[0]
    if label:
        return label
    # `SEV1 is when everything is down`: the name stands at the beginning.
    begins = re.match(r"\W*(?:sev(?:erity)?|p)[\s-]?[0-5]\b", piece.text, re.IGNORECASE)
    return begins[0] if begins else (piece.text if len(piece.text) <= 30 else "")


def _entry(piece: Piece, own: str, draft: Draft, told: _Told) -> None:
    label, text = after_label(piece.text)
    if piece.strong and piece.strong not in label:
        label, text = piece.strong, piece.text.removeprefix(piece.strong).lstrip(" :–—-")
    elif not label and text == _label(piece):
        label, text = text, ""
    cadence = piece.topic == "updates"
    if piece.topic in ("", "phase", "timeline") and not (facts_in(text) or span_in(text)):
        return
    if cadence and not span_in(text):
        return
    name = _known(draft, own, piece, told)
    if not name:
        return
    if cadence:
        _time(draft, name, "update_every", span_in(text), piece, piece.text)
        return
    _title(draft, name, label, piece)
    _facts(draft, name, text, piece, told, describe=True)


def _labelled(draft: Draft, name: str, piece: Piece, told: _Told) -> None:
    label, rest = after_label(piece.text)
    kind = column_kind(label) if label else ""
    if kind in ("respond", "update", "resolve", "title", "stop"):
        _attribute(draft, name, label, rest, piece, told)
        if piece.line not in draft.claimed and not any(
            line == piece.line for line, _ in draft.notes
        ):
            _describe(draft, name, piece.text, piece)
        return
    # What is done is not what it means: only descriptions become rows of the classification.
    _facts(draft, name, rest if kind == "describe" else piece.text, piece, told, describe=True)


def _facts(
    draft: Draft, name: str, text: str, piece: Piece, told: _Told, *, describe: bool
) -> None:
    for pattern, key in (
        (_UPDATES, "update_every"),
        (_RESOLVE, "targets.resolve"),
        (_RESPONSE, "respond_within"),
    ):
        match = pattern.search(text)
        span = span_in(match[0]) if match else ""
        if match and span and not (key == "targets.resolve" and span[-2:] in ("bh", "bd")):
            _time(draft, name, key, span, piece, match[0])
            text = text.replace(match[0], "")
    text = re.sub(r"\(\s*\)", "", text).strip(" ;,.-–—")
    if describe and text:
        _describe(draft, name, text, piece)
        told.add(name, piece, text)


# --- names, titles, descriptions ---------------------------------------------------------------------


def _named(label: str, *, loose: bool) -> str:
    if len(label) > 60:
        return ""
    return severity_in(label) if loose else strict_severity(label)


def _known(draft: Draft, name: str, piece: Piece, told: _Told) -> str:
    """The severity under the name it already has: `SEV-1` and `SEV1` are one, and so is `Critical` when
    that is the title of one. Empty when there are too many."""
    for known in draft.at("severities"):
        title = draft.get("severities", known, "title")
        if same(known, name) or (title and str(title.value).lower() == name.lower()):
            return known
    if draft.count("severities") >= MOST:
        return ""
    draft.at("severities", name)
    told.first.setdefault(name, piece)
    return name


def _title(draft: Draft, name: str, label: str, piece: Piece) -> None:
    """What stands beside the name; a name alone is no title."""
    numbered = strict_severity(label) or re.search(r"\d", name)
    rest = (
        without_name(label)
        if numbered
        else re.sub(rf"^\W*{re.escape(name)}\b", "", label, flags=re.IGNORECASE)
    )
    rest = re.sub(r"\(([^()]*\d[^()]*)\)", "", rest)
    rest = re.sub(r"^[^\w(]+|[\s(:–—-]+$", "", rest).strip("()* ")
    if rest and not same(rest, name) and len(rest) <= 60:
        draft.put(("severities", name, "title"), rest, piece)


def _describe(draft: Draft, name: str, text: str, piece: Piece) -> None:
    if text and not draft.extend(("severities", name, "description"), text, piece):
        draft.note(piece, text, f"the description of {name} is long enough")

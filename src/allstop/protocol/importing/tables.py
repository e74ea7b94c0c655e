"""Tables of a text: which rows belong together, and what a column is about by its head."""

from __future__ import annotations

import re
from collections.abc import Iterator

from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.words import span_in

# The first that is found in a head is what the column is about.
_COLUMNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("people", r"\bwho\b|\bcontacts?\b|\bowners?\b|\bnotif\w+|\bescalat\w*|\binform\w*|\bapprov\w*|\bteams?\b|\bchannels?\b|\baudience"),
        ("stop", r"\ball[\s-]?stop\b|\bhalt\b|\bstop (?:all|agents|work)"),
        ("resolve", r"\bresol\w*|\brestor\w*|\bfix\b|\brto\b|\brecover\w*"),
        ("update", r"\bupdates?\b|\bcadence\b|\bfrequency\b|\bcommunicat\w*|\binterval\b|\breport every"),
        ("describe", r"\bdescri\w*|\bdefinition|\bcriteri\w*|\bimpact\b|\bconditions?\b|\bmeaning\b|\bwhen\b|\bwhat\b|\bexamples?\b|\bscope\b|\bsymptoms?\b|\beffects?\b"),
        ("respond", r"\brespon\w*|\breact\w*|\backnowledg\w*|\back\b|\bsla\b|\bwithin\b|\btime\b|\btarget\b|\bslo\b"),
        ("title", r"\bnames?\b|\blabels?\b|\btitles?\b|\btypes?\b"),
    )
)  # fmt: skip
_SEVERITY = re.compile(
    r"\bsev|\bpriorit|\blevel\b|\bthreat|\bclass\b|\btier\b|^p$|\bcode\b|\bcolou?r\b|\bgrade\b",
    re.IGNORECASE,
)
_NO_TIME = re.compile(r"\s*(?:n/?a|none|as needed|best effort|-+|–|—)\s*", re.IGNORECASE)


def tables(found: list[Piece]) -> list[list[Piece]]:
    """The rows of each table that has any."""
    groups: dict[int, list[Piece]] = {}
    for piece in found:
        if piece.kind == "row" and piece.head:
            groups.setdefault(piece.table, []).append(piece)
    return list(groups.values())


def column_kind(head: str) -> str:
    """people, stop, resolve, update, describe, respond, title, or empty."""
    if len(head) > 60:
        return ""
    return next((kind for kind, pattern in _COLUMNS if pattern.search(head)), "")


def speaks_of_severity(head: str) -> bool:
    """Whether a column's head says that severities stand in it."""
    return bool(_SEVERITY.search(head))


def span_of(cell: str) -> str:
    """The time in a cell, empty when it says that there is none."""
    return "" if _NO_TIME.fullmatch(cell) else span_in(cell)


def column(rows: list[Piece], *patterns: str) -> int | None:
    """The first column whose head holds one of the patterns."""
    for pattern in patterns:
        for place, head in enumerate(rows[0].head):
            if re.search(pattern, head, re.IGNORECASE):
                return place
    return None


def others(row: Piece, *placed: int | None) -> Iterator[tuple[str, str]]:
    """(head, text) of every cell that says something, but for those in these columns."""
    for place, text in enumerate(row.cells):
        if place not in placed and text.strip(" -–—."):
            yield (row.head[place] if place < len(row.head) else "", text)


def cell(row: Piece, place: int | None) -> str:
    """A cell, or nothing where there is none."""
    return row.cells[place].strip() if place is not None and place < len(row.cells) else ""

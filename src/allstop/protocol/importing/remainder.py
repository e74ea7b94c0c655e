"""What found no place: every line of the text that no value came from, and that is not only structure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from allstop.protocol.importing.draft import Draft, clean
from allstop.protocol.importing.naming import severity_in
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.topics import Where, where
from allstop.protocol.importing.words import is_role

_LABELS = {"code": "block", "quote": "quotation", "html": "HTML", "head": "head of a table"}
_SPOKEN = re.compile(r"[^\W_]")
_BORDER = re.compile(r"\s*(?:`{3,}|~{3,})[\w+-]*\s*")


@dataclass(frozen=True, slots=True)
class Left:
    """text: in short, with the heading it stood under and the reason where there is one."""

    line: int
    last: int
    text: str


def remainder(
    lines: list[str], found: list[Piece], draft: Draft, refused: dict[int, str]
) -> tuple[list[Left], set[int]]:
    """Everything that found no place, in order; and the lines that are structure."""
    used = draft.lines()
    told = {line for line, _ in draft.notes}
    structure = _structure(found, used | told) - told
    known = used | structure
    left = [
        Left(line, line, _short(f"{text} - {why}")) for (line, text), why in draft.notes.items()
    ]
    for piece in found:
        own = set(piece.lines)
        if piece.kind == "heading" or own & known or not piece.text.strip():
            continue
        if piece.line not in told:
            left.append(Left(piece.line, piece.last, _told(piece, refused.get(piece.line, ""))))
            known |= own
        elif piece.line == piece.last:
            known |= own
    known |= {line for one in left for line in range(one.line, one.last + 1)}
    for number, line in enumerate(lines, 1):
        if number in known or not line.strip():
            continue
        if _SPOKEN.search(line) and not _BORDER.fullmatch(line):
            left.append(Left(number, number, _short(line)))
        else:
            structure.add(number)
    return sorted(left, key=lambda one: (one.line, one.last)), structure


def _structure(found: list[Piece], used: set[int]) -> set[int]:
    """Headings; and leads, labels and heads of tables below which something found a place."""
    structure = {line for one in found if one.kind == "heading" for line in one.lines}
    held = {line for one in found if set(one.lines) & used for line in (*one.parents, one.table)}
    for one in found:
        label = one.kind == "lead" or (one.kind == "item" and _only_label(one))
        if (label and one.line in held) or (one.kind == "head" and one.table in held):
            structure |= set(one.lines)
    return structure - used


def _only_label(one: Piece) -> bool:
    """Whether an item says nothing beside the name of what stands under it."""
    text = one.text.rstrip(":").strip()
    if text == one.strong or one.text.endswith(":"):
        return len(text) <= 80
    meant = where((text,)) if len(text) <= 40 else Where()
    return bool(meant.topic or is_role(text) or severity_in(text))


def _told(piece: Piece, why: str) -> str:
    label = (
        f"front matter {piece.cells[0]}" if piece.kind == "front" else _LABELS.get(piece.kind, "")
    )
    if piece.last > piece.line and label:
        label = f"{label}, lines {piece.line}-{piece.last}"
    where = f" (under {piece.section})" if piece.section else ""
    text = f"{label}: {piece.text}" if label else piece.text
    return _short(text, 100) + _short(where, 60) + (f" - {_short(why, 120)}" if why else "")


def _short(text: str, most: int = 240) -> str:
    text = (
        " ".join(clean(text[: 4 * most]).split())
        if not text.startswith(" (")
        else f" {' '.join(clean(text).split())}"
    )
    return text if len(text) <= most else f"{text[: most - 3]}..."

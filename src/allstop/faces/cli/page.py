"""What a command says: lines and tables with a tone for each piece, printed plainly or in colour."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from allstop.faces.cli.safe_text import safe

GAP = "  "


class Piece(NamedTuple):
    """tone: plain | good | bad | notice | dim | strong."""

    text: str
    tone: str = "plain"


Cell = str | Piece


@dataclass(frozen=True, slots=True)
class Line:
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """head: column titles, or empty; indent: spaces before each row."""

    head: tuple[str, ...]
    rows: tuple[tuple[Piece, ...], ...]
    indent: int = 0


@dataclass(slots=True)
class Page:
    """Collects what to print."""

    blocks: list[Line | Table] = field(default_factory=list)

    def line(self, *cells: Cell) -> None:
        self.blocks.append(Line(pieces(cells)))

    def blank(self) -> None:
        """A blank line, unless there is one already or nothing stands above it."""
        if self.blocks and self.blocks[-1] != Line():
            self.blocks.append(Line())

    def title(self, text: str) -> None:
        self.blank()
        self.line(Piece(text, "strong"))

    def table(self, head: Sequence[str], rows: Iterable[Sequence[Cell]], indent: int = 0) -> None:
        """A table; nothing at all when there are no rows."""
        found = tuple(pieces(row) for row in rows)
        if found:
            self.blocks.append(Table(tuple(head), found, indent))


def pieces(cells: Iterable[Cell]) -> tuple[Piece, ...]:
    """Every text is made safe here, on its way to any printer."""
    return tuple(
        Piece(safe(cell.text), cell.tone) if isinstance(cell, Piece) else Piece(safe(cell))
        for cell in cells
    )


def width(text: str) -> int:
    """How many columns a terminal needs for it."""
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def plain(page: Page) -> str:
    """Aligned text without colours, one row a line, for files, pipes and small terminals."""
    lines: list[str] = []
    for block in page.blocks:
        if isinstance(block, Line):
            lines.append("".join(piece.text for piece in block.pieces).rstrip())
        else:
            lines += _plain_table(block)
    return "\n".join(lines) + "\n" if lines else ""


def columns_of(table: Table) -> list[int]:
    """The width of each column but the last, which needs none."""
    rows = [[piece.text for piece in row] for row in table.rows]
    if table.head:
        rows.insert(0, list(table.head))
    count = max(len(row) for row in rows)
    return [
        max((width(row[place]) for row in rows if place < len(row)), default=0)
        for place in range(count)
    ]


def _plain_table(table: Table) -> list[str]:
    widths = columns_of(table)
    rows = [[piece.text for piece in row] for row in table.rows]
    if table.head:
        rows.insert(0, list(table.head))
    return [" " * table.indent + _row(row, widths) for row in rows]


def _row(texts: list[str], widths: list[int]) -> str:
    padded = [text + " " * (wide - width(text)) for text, wide in zip(texts, widths, strict=False)]
    return GAP.join(padded).rstrip()

"""What a command says: lines and tables with a tone for each piece, printed plainly or in colour."""

from __future__ import annotations

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
    """hang: indent of what does not fit; negative for a little more than the line has."""

    pieces: tuple[Piece, ...] = ()
    hang: int = -1


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

    def line(self, *cells: Cell, hang: int = -1) -> None:
        self.blocks.append(Line(pieces(cells), hang))

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

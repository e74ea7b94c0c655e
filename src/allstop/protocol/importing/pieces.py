"""What a Markdown text consists of, as the readers see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from allstop.protocol.importing.topics import Where


@dataclass(frozen=True, slots=True)
class Piece:
    """kind: heading | lead | item | text | row | head | code | quote | html | front.

    line, last: in the file, from 1; text: without markup (code and quote: as it stands); raw: with it;
    headings: titles above it, leads among them, outermost first; where: what these mean; parents: lines
    of the leads, heads and items above it; level: of a heading, or how deep an item is nested; number:
    of an item in an ordered list; cells: of a row or a head; head: of the row's table; table: first line
    of it; strong: what was bold at the beginning; boxed: whether it had a box to tick.
    """

    kind: str
    line: int
    text: str
    last: int
    raw: str = ""
    headings: tuple[str, ...] = ()
    where: Where = field(default_factory=Where)
    parents: tuple[int, ...] = ()
    level: int = 0
    number: int = 0
    cells: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    table: int = 0
    strong: str = ""
    boxed: bool = False

    @property
    def lines(self) -> tuple[int, ...]:
        """Every line it stands in."""
        return tuple(range(self.line, self.last + 1))

    @property
    def topic(self) -> str:
        """What the headings above it say that it is about."""
        return self.where.topic

    @property
    def section(self) -> str:
        """The nearest heading."""
        return self.headings[-1] if self.headings else ""

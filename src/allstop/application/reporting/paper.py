"""A document as data: sections of paragraphs, lists and tables, before anybody decides on a format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """items: (mark, text); mark: `done`, `open` or empty for an ordinary one."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms with what is said of each."""

    items: tuple[tuple[str, str], ...]


Block = Paragraph | Bullets | Table | Terms


@dataclass(frozen=True, slots=True)
class Section:
    """id: stable, such as `root-cause`; level: 2 below the title, 3 below that."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    level: int = 2


@dataclass(frozen=True, slots=True)
class Paper:
    """kind: report | post-mortem; made_at: when it was written."""

    kind: str
    incident: str
    title: str
    subtitle: str
    made_at: datetime
    sections: tuple[Section, ...]


def bullets(*texts: str) -> Bullets:
    return Bullets(tuple(("", text) for text in texts))


def lines_of(text: str) -> Block:
    """What a person wrote: a list when it has several lines, else a paragraph."""
    lines = [line.strip(" -*•\t") for line in text.splitlines() if line.strip(" -*•\t")]
    return bullets(*lines) if len(lines) > 1 else Paragraph(lines[0] if lines else "")


def reworded(paper: Paper, say: Callable[[str], str]) -> Paper:
    """The same paper with everything that it says put through `say`."""
    sections = tuple(
        replace(
            one, title=say(one.title), blocks=tuple(_reworded(block, say) for block in one.blocks)
        )
        for one in paper.sections
    )
    return replace(paper, title=say(paper.title), subtitle=say(paper.subtitle), sections=sections)


def _reworded(block: Block, say: Callable[[str], str]) -> Block:
    match block:
        case Paragraph(text):
            return Paragraph(say(text))
        case Bullets(items):
            return Bullets(tuple((mark, say(text)) for mark, text in items))
        case Terms(items):
            return Terms(tuple((say(term), say(text)) for term, text in items))
        case Table(head, rows):
            return Table(head, tuple(tuple(say(cell) for cell in row) for row in rows))

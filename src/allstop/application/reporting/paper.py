"""A document as data: sections of paragraphs, lists and tables, before anybody decides on a format."""

from __future__ import annotations

from dataclasses import dataclass
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

"""Reports as PDF, with reportlab (the extra `pdf`)."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import reportlab
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, SimpleDocTemplate, Spacer, TableStyle
from reportlab.platypus import Paragraph as Flow
from reportlab.platypus import Table as Grid

from allstop.application.reporting.paper import Block, Bullets, Paper, Paragraph, Table, Terms

# The fonts that come with reportlab; a letter they lack is shown as a question mark, never left out.
FONTS = {"Body": "Vera.ttf", "Strong": "VeraBd.ttf"}
MARKS = {"done": "[x] ", "open": "[ ] ", "": ""}
WIDTH = A4[0] - 30 * mm
NARROWEST = 9 * mm
# A cell higher than a page cannot be laid out; the whole text stands in the other formats.
LONGEST_CELL = 1500


def typeset(paper: Paper) -> bytes:
    """The paper as PDF, A4. Never fails for what stands in the record."""
    letters = _fonts()
    made = BytesIO()
    document = SimpleDocTemplate(
        made, pagesize=A4, leftMargin=15 * mm, rightMargin=15 * mm, topMargin=15 * mm, bottomMargin=15 * mm,
        title=_shown(paper.title, letters), author="Allstop", invariant=1,
    )  # fmt: skip
    flow: list[Flowable] = [_text(paper.title, "Strong", 15, letters), Spacer(0, 2 * mm)]
    flow += [_text(paper.subtitle, "Body", 8, letters), Spacer(0, 4 * mm)]
    for section in paper.sections:
        flow += [
            Spacer(0, 3 * mm),
            _text(section.title, "Strong", 14 - 2 * section.level + 2, letters),
        ]
        for block in section.blocks:
            flow += [Spacer(0, 1 * mm), *_flow(block, letters)]
    document.build(flow)
    return made.getvalue()


def _fonts() -> frozenset[int]:
    """Register the fonts once; returns the letters the body font has."""
    folder = Path(reportlab.__file__).parent / "fonts"
    for name, file in FONTS.items():
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, folder / file))
    body: Any = pdfmetrics.getFont("Body")
    return frozenset(body.face.charToGlyph)


def _shown(text: str, letters: frozenset[int]) -> str:
    printable = (letter if letter.isprintable() else " " for letter in text)
    return "".join(letter if ord(letter) in letters else "?" for letter in printable)


def _text(text: str, font: str, size: int, letters: frozenset[int]) -> Flow:
    style = ParagraphStyle(font, fontName=font, fontSize=size, leading=size * 1.3, splitLongWords=1)
    return Flow(escape(_shown(text, letters)), style)


def _flow(block: Block, letters: frozenset[int]) -> list[Flowable]:
    match block:
        case Paragraph(text):
            return [_text(text, "Body", 9, letters)]
        case Bullets(items):
            return [
                _text(f"{MARKS[mark] or '- '}{text}", "Body", 9, letters) for mark, text in items
            ]
        case Terms(items):
            return [_text(f"{term}: {text}", "Body", 9, letters) for term, text in items]
        case Table(head, rows):
            return _grid(head, rows, letters)


def _grid(
    head: tuple[str, ...], rows: tuple[tuple[str, ...], ...], letters: frozenset[int]
) -> list[Flowable]:
    widths = _widths(head, rows)
    lines = [[_text(cell, "Strong", 7, letters) for cell in head]]
    lines += [
        [
            _text(
                cell if len(cell) <= LONGEST_CELL else f"{cell[:LONGEST_CELL]}...",
                "Body",
                7,
                letters,
            )
            for cell in row
        ]
        for row in rows
    ]
    style = TableStyle(
        [
            ("GRID", (0, 0), (-1, -1), 0.3, colors.grey),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ]
    )
    # A row may be split: in a narrow column even a cell that was cut can be higher than a page.
    return [Grid(lines, colWidths=widths, repeatRows=1, splitInRow=1, style=style)]


def _widths(head: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> list[float]:
    """Columns by what stands in them, none narrower than a short word."""
    needs = [
        max(4, min(60, max((len(row[place]) for row in (head, *rows)), default=4)))
        for place in range(len(head))
    ]
    left = WIDTH - NARROWEST * len(needs)
    return [NARROWEST + left * need / sum(needs) for need in needs]

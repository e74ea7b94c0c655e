"""A page fitted to a width: long texts go on below themselves, names and states stay whole."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import groupby

from allstop.faces.cli.page import GAP, Line, Page, Piece, Table

# The last column, the sentence, is the first to give way, down to this; then the widest of all.
SENTENCE, LEAST = 28, 10
Row = tuple[Piece, ...]


def plain(page: Page, columns: int = 0) -> str:
    """Aligned text without colours. columns: of the terminal; 0 for files and pipes, one row a line."""
    lines = ["".join(piece.text for piece in row).rstrip() for row in laid_out(page, columns)]
    return "\n".join(lines) + "\n" if lines else ""


def laid_out(page: Page, columns: int = 0) -> Iterator[Row]:
    """The page line by line."""
    for block in page.blocks:
        if isinstance(block, Line):
            yield from _line(block, columns)
        else:
            yield from _table(block, columns)


def width(text: str) -> int:
    """How many columns a terminal needs for it."""
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _line(line: Line, columns: int) -> Iterator[Row]:
    text = "".join(piece.text for piece in line.pieces)
    hang = line.hang if line.hang >= 0 else len(text) - len(text.lstrip(" ")) + 2
    hang = hang if hang < columns // 2 else 2
    tones = [piece.tone for piece in line.pieces for _ in piece.text]
    for number, (start, end) in enumerate(_cuts(text, columns, columns - hang)):
        indent = (Piece(" " * hang),) if number else ()
        yield (*indent, *_toned(text, tones, start, end))


def _toned(text: str, tones: list[str], start: int, end: int) -> Iterator[Piece]:
    for tone, letters in groupby(range(start, end), key=lambda place: tones[place]):
        yield Piece("".join(text[place] for place in letters), tone)


def _cuts(text: str, first: int, rest: int) -> Iterator[tuple[int, int]]:
    """Where each line of a text begins and ends, `first` columns for the first one."""
    start, room = 0, first
    while True:
        end = _cut(text, start, room) if first > 0 else len(text)
        yield start, end
        if end >= len(text):
            return
        start = end + len(text[end:]) - len(text[end:].lstrip(" "))
        room = rest


def _cut(text: str, start: int, room: int) -> int:
    used = space = 0
    begun = False
    for place in range(start, len(text)):
        if text[place] != " ":
            begun = True
        elif begun:
            space = place
        used += _columns(text[place])
        if used > room:
            return space or max(place, start + 1)
    return len(text)


def _table(table: Table, columns: int) -> Iterator[Row]:
    rows = list(table.rows)
    if table.head:
        rows.insert(0, tuple(Piece(title, "dim") for title in table.head))
    widths = _fitted(_natural(rows), columns - table.indent) if columns else _natural(rows)
    for row in rows:
        yield from _row(row, widths, table.indent, wrap=columns > 0)


def _natural(rows: list[Row]) -> list[int]:
    count = max(len(row) for row in rows)
    return [
        max((width(row[place].text) for row in rows if place < len(row)), default=0)
        for place in range(count)
    ]


def _fitted(widths: list[int], columns: int) -> list[int]:
    """The widths of columns, together no wider than that, if that can be."""
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - columns
    if excess > 0:
        given = min(excess, max(0, widths[-1] - SENTENCE))
        widths[-1] -= given
        excess -= given
    while excess > 0 and max(widths) > LEAST:
        widths[widths.index(max(widths))] -= 1
        excess -= 1
    return widths


def _row(row: Row, widths: list[int], indent: int, *, wrap: bool) -> Iterator[Row]:
    cells = [
        [piece.text[start:end] for start, end in _cuts(piece.text, wide, wide)]
        if wrap and wide
        else [piece.text]
        for piece, wide in zip(row, widths, strict=False)
    ]
    for number in range(max(len(lines) for lines in cells)):
        texts = [lines[number] if number < len(lines) else "" for lines in cells]
        found = [Piece(" " * indent)]
        for text, piece, wide in zip(texts, row, widths, strict=False):
            found += [Piece(text, piece.tone), Piece(" " * (wide - width(text)) + GAP)]
        yield tuple(found[:-1])

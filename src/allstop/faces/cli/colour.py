"""The same page in colour, wrapped to the terminal. Rich is loaded only for a person's terminal."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from allstop.faces.cli.page import Line, Page, Piece, Table

STYLES = {
    "plain": "",
    "good": "green",
    "bad": "bold red",
    "notice": "yellow",
    "dim": "dim",
    "strong": "bold",
}


def show(page: Page, console: Console | None = None) -> None:
    """Print a page. Texts are never read as markup."""
    console = console or Console(highlight=False, soft_wrap=False)
    for block in page.blocks:
        if isinstance(block, Line):
            console.print(_line(block), highlight=False)
        else:
            console.print(_table(block), highlight=False)


def _text(piece: Piece) -> Text:
    return Text(piece.text, style=STYLES[piece.tone], overflow="fold")


def _line(line: Line) -> Text:
    return Text.assemble(
        *((piece.text, STYLES[piece.tone]) for piece in line.pieces), overflow="fold"
    )


def _table(table: Table) -> Padding:
    columns = max(len(row) for row in table.rows)
    found = RichTable(
        box=None,
        show_header=bool(table.head),
        header_style="dim",
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for place in range(columns):
        title = table.head[place] if place < len(table.head) else ""
        # Names and states stay whole; the last column, the sentence, is the one that wraps.
        found.add_column(Text(title), no_wrap=place < columns - 1, overflow="fold")
    for row in table.rows:
        found.add_row(*(_text(piece) for piece in row))
    return Padding(found, (0, 0, 0, table.indent))

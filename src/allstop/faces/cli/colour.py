"""The same page in colour, wrapped to the terminal. Rich is loaded only for a person's terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from allstop.faces.cli.layout import laid_out
from allstop.faces.cli.page import Page

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
    console = console or Console(highlight=False)
    for row in _rows(page, console.width):
        console.print(row, highlight=False, soft_wrap=True)


def rendered(page: Page, width: int) -> Text:
    """A page as one text, for what is drawn again in its place."""
    return Text("\n").join(_rows(page, width))


def _rows(page: Page, width: int) -> Iterator[Text]:
    for row in laid_out(page, width):
        text = Text.assemble(*((piece.text, STYLES[piece.tone]) for piece in row))
        text.rstrip()
        yield text

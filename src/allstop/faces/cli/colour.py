"""The same page in colour, wrapped to the terminal. Rich is loaded only for a person's terminal."""

from __future__ import annotations

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
    for row in laid_out(page, console.width):
        text = Text.assemble(*((piece.text, STYLES[piece.tone]) for piece in row))
        text.rstrip()
        console.print(text, highlight=False, soft_wrap=True)

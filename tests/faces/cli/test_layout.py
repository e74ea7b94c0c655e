"""Pages on a terminal: nothing runs over its edge, and what goes on is indented."""

import io

import pytest
from rich.console import Console

from allstop.faces.cli import session
from allstop.faces.cli.colour import show
from allstop.faces.cli.layout import plain, width
from allstop.faces.cli.page import Page, Piece
from tests.faces.cli.conftest import Run
from tests.faces.cli.coordinator import Recorded


def page() -> Page:
    found = Page()
    found.line("  label  ", Piece("one two three four five six seven", "bad"), hang=9)
    found.table(
        ("id", "title", "what"), [("T1", "a title", "a sentence that is much longer than all")]
    )
    return found


def test_long_texts_go_on_below_themselves() -> None:
    assert plain(page(), 40) == (
        "  label  one two three four five six\n"
        "         seven\n"
        "id  title    what\n"
        "T1  a title  a sentence that is much\n"
        "             longer than all\n"
    )


def test_files_and_pipes_get_one_row_a_line() -> None:
    assert plain(page()).count("\n") == 3


@pytest.mark.parametrize("columns", [1, 2, 5, 10, 20, 40, 79, 80, 200])
@pytest.mark.parametrize(
    "text", ["", " ", "x" * 300, "a b " * 90, "日本語" * 40, "  deep    gaps   ", "e\u0301" * 90]
)
def test_no_width_and_no_text_breaks_it(columns: int, text: str) -> None:
    found = Page()
    found.line(text)
    found.line("    ", text, hang=60)
    found.table(("a", "b"), [(text, text), ("x", text)], indent=2)
    lines = plain(found, columns).splitlines()
    kept = "".join(lines).replace(" ", "")
    assert kept.count(text.replace(" ", "")[:1] or "a") >= 1
    if columns >= 40:
        assert all(width(line) <= columns for line in lines)


def test_colour_says_the_same() -> None:
    out = io.StringIO()
    show(page(), Console(file=out, width=30, force_terminal=False))
    assert out.getvalue() == plain(page(), 30)


def test_a_terminal_of_eighty_columns_is_not_run_over(
    allstop: Run, rich: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "columns", lambda: 80)
    for words in (
        ("show", "--all"),
        ("status",),
        ("forms",),
        ("owed", "--incident", "INC-0"),
        ("crew",),
        ("plans",),
        ("plan", "show", "PLAN-1"),
        ("tasks", "--all"),
        ("change",),
        ("rollcall",),
        ("services",),
        ("agents",),
        ("timeline",),
        ("proposals",),
        ("action",),
        ("protocol", "list"),
        ("protocol", "show", "standard"),
        ("protocol", "diff", "standard", "pioneer"),
        ("protocol", "conformance"),
    ):
        out = allstop(*words).out
        told = [line for line in out.splitlines() if not line.startswith("next: ")]
        assert [line for line in told if width(line) > 80] == [], words

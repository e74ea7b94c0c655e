"""The PDF of a paper: whole, the same each time, and never beaten by what stands in it."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime

import pytest

from allstop.adapters.report_pdf import typeset
from allstop.application.reporting.paper import (
    Block,
    Bullets,
    Paper,
    Paragraph,
    Section,
    Table,
    Terms,
)

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def paper(*blocks: Block, title: str = "INC-1: buying fails") -> Paper:
    section = Section("summary", "Summary", blocks or (Paragraph("All is well."),))
    return Paper("report", "INC-1", title, "SEV1 · open", NOW, (section,))


def pages(pdf: bytes) -> int:
    return pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ")


def test_a_paper_becomes_a_pdf_and_the_same_one_each_time() -> None:
    every = paper(
        Paragraph("It failed."), Bullets((("done", "isolated"), ("open", "reviewed"))),
        Terms((("Duration", "17m"),)), Table(("time", "what"), (("03:00", "declared"),)),
    )  # fmt: skip
    made = typeset(every)
    assert made.startswith(b"%PDF-")
    assert made.rstrip().endswith(b"%%EOF")
    assert typeset(every) == made


@pytest.mark.parametrize(
    "text",
    [
        "<b>bold</b> & <para>", "</para></font>", "\u202egnp.exe", "\x00\x07", "🚨 日本語 grüße",
        "x" * 5000, "a\nb\r\nc", "",
    ],
)  # fmt: skip
def test_nothing_that_stands_in_the_record_keeps_it_from_being_made(text: str) -> None:
    blocks = (
        Paragraph(text), Bullets((("", text),)), Terms(((text, text),)),
        Table(("what", "who"), ((text, text),)),
    )  # fmt: skip
    assert typeset(paper(*blocks, title=text)).startswith(b"%PDF-")


@pytest.mark.parametrize("row", [
    ("w" * 1500,) * 7, ("word " * 300,) * 7, ("&" * 1500,) * 7, ("1", *("w" * 60,) * 6),
    ("1", "w" * 1500, "", "w" * 1500, "x", "w" * 1500, "2026-11-21"),
], ids=["letters", "words", "signs", "number", "mixed"])  # fmt: skip
def test_a_wide_table_of_long_texts_is_made_all_the_same(row: tuple[str, ...]) -> None:
    """Given many columns, some of long texts and some of a letter or two, as for action items, then each has
    a width, and what is higher than a page goes on upon the next one."""
    assert typeset(paper(Table(tuple("abcdefg"), (row, row)))).startswith(b"%PDF-")


def test_a_long_timeline_runs_over_pages() -> None:
    rows = tuple((f"03:{number % 60:02}", "person:ada", f"entry {number}") for number in range(600))
    made = typeset(paper(Table(("time", "who", "what"), rows)))
    assert pages(made) > 5


def test_a_cell_longer_than_a_page_is_cut_and_says_so() -> None:
    made = typeset(paper(Table(("what",), (("word " * 5000,),))))
    assert made.startswith(b"%PDF-")
    assert zlib.crc32(made) == zlib.crc32(typeset(paper(Table(("what",), (("word " * 6000,),)))))

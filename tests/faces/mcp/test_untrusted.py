"""Whatever somebody wrote reaches an agent on one line, cut short, seen as it is, without markup."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allstop.faces.mcp.untrusted import CUT, LONGEST, clean, word, words

FOLDER = Path(__file__).parent / "hostile"
CASES = [
    pytest.param(case["text"], case["shown"], id=f"{file.stem}: {case['why']}")
    for file in sorted(FOLDER.glob("*.json"))
    for case in json.loads(file.read_text("utf-8"))
]
HOSTILE = [str(param.values[0]) for param in CASES]
# What the corpus is made of, in any order.
PIECES = st.lists(
    st.one_of(st.sampled_from([*HOSTILE, *"<>&;#[](){}$!%*~`|/\x1b\x9b\x07\n\u202e\u0301"]), st.text(max_size=8)),
    max_size=12,
)  # fmt: skip


@pytest.mark.parametrize(("text", "shown"), CASES)
def test_the_corpus_is_made_harmless_and_stays_readable(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(PIECES, st.integers(1, 80))
def test_no_text_at_all_keeps_what_is_not_seen_or_is_markup(pieces: list[str], most: int) -> None:
    """Given any text, then nothing hidden, no bracket of markup and no second line is left, it is short enough, and
    cleaning it again changes nothing."""
    found = clean("".join(pieces), most)
    assert len(found) <= most
    assert not set(found) & set("<>`＜＞\n\r\t\x1b")
    kinds = {unicodedata.category(letter) for letter in found}
    assert not {kind for kind in kinds if kind[0] == "C" or kind in ("Zl", "Zp")}
    assert clean(found, most) == found


def test_a_long_text_is_cut_where_one_can_see_it() -> None:
    assert clean("ab " * 100, 10) == f"ab ab ab{CUT}"
    assert clean("x" * 10, 10) == "x" * 10


def test_a_text_that_is_nested_without_end_is_not_looked_at_for_ever() -> None:
    """Given markup in markup a thousand deep, then nothing of it is left."""
    assert clean("[IN" * 5_000 + "[INST]" + "ST]" * 5_000, 50).count("INST]") == 0
    assert "<" not in clean("&" + "amp;" * 4_000 + "lt;b>")
    assert len(clean("a" * LONGEST * 3, LONGEST * 3)) == LONGEST


@pytest.mark.parametrize("text", ["INC-1", "person:ada", "2026-11-21T02:55:00+00:00", "SEV1", "7"])
def test_names_numbers_and_times_are_words(text: str) -> None:
    assert word(text) == text


@pytest.mark.parametrize(
    "text", ["", None, "all clear", "a\nb", "<b>", "-rf", "x" * 101, "ada\u202e", "a;b", 'a"b']
)
def test_what_could_say_something_is_no_word(text: str | None) -> None:
    assert word(text) == ""
    assert words([text, "ada"]) == ["ada"]

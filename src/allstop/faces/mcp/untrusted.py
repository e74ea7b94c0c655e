"""Text that people, alerts and other agents wrote, made fit to stand in what an agent reads.

An agent reads everything as if it might be meant for it. So such text stands only in fields called `untrusted`, on one
line, cut short, without anything that is not seen, reorders what is seen, or is markup to somebody further on. No
cleaning makes a sentence harmless: what it says stays what somebody said.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

LINE, TEXT = 300, 1_000
# More than this of one text is not even looked at.
LONGEST = 20_000
CUT = "…"
PASSES = 10
MARKS = 3

# Escape sequences of terminals, whole: without their first character the rest would stay as litter.
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]{0,2000}(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[@-Z\\-_]?"
)
# However often it was escaped before: `&amp;amp;lt;` is `<`.
_ENTITY = re.compile(
    r"&(?:amp;|#0{0,9}38;|#x0{0,9}26;)*(?:(?:lt|gt|amp|quot|apos|grave|nbsp);|#[0-9]{1,7};|#x[0-9a-f]{1,6};)",
    re.IGNORECASE,
)
_AMPERSANDS = re.compile(r"&(?:amp;|#0{0,9}38;|#x0{0,9}26;)+", re.IGNORECASE)
_ADDRESS = re.compile(r"<(https?://[^\s<>]{0,500})>")
# Tags, comments, and the marks between turns that models know; `a < 300 ms` is none of them.
_TAG = re.compile(r"</?[A-Za-z!?|][^<>]{0,2000}>|\[/?(?:INST|SYS|TOOL_CALLS)\]", re.IGNORECASE)
_EMPHASIS = re.compile(r"\*{2,}|~{2,}")
_HEADING = re.compile(r"^(?:#{1,6} +|> *)+")
_OPENING = re.compile(r"([!\]${])(?=[(\[{%])")
# Angle brackets in all their widths, and the quote that begins code.
_LOOKALIKE = str.maketrans({
    "<": "‹", ">": "›", "＜": "‹", "＞": "›", "﹤": "‹", "﹥": "›", "`": "'", "｀": "'",
})  # fmt: skip
_BLANK = re.compile(r"\s+")
# Seen by nobody, although they count as letters, marks or signs.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,99}")


def clean(text: object, most: int = TEXT) -> str:
    """One line of at most `most` characters, of what can be seen, without markup."""
    found = unicodedata.normalize("NFC", str(text)[:LONGEST])
    for _ in range(PASSES):
        before = found
        found = _seen(_plain(_ESCAPES.sub("", found)))
        if found == before:
            break
    else:
        # Whoever nests so deep means no harm to be understood.
        found = found.translate(str.maketrans("", "", "&<>[]"))
    found = _OPENING.sub(r"\1 ", found.translate(_LOOKALIKE)).strip()
    return found if len(found) <= most else f"{found[: most - 1].rstrip()}{CUT}"


def cleaned(texts: Iterable[object], most: int = LINE) -> list[str]:
    """Each of several texts."""
    return [clean(one, most) for one in texts]


def word(value: Any) -> str:
    """A name, a number or a state as the coordinator makes them; empty for what is none: that is text."""
    text = "" if value is None else str(value)
    return text if _WORD.fullmatch(text) else ""


def words(values: Iterable[Any]) -> list[str]:
    """Those of several values that are names."""
    return [found for found in map(word, values) if found]


def _plain(text: str) -> str:
    """Without markup, as far as one look goes."""
    text = _ENTITY.sub(lambda one: html.unescape(_AMPERSANDS.sub("&", one[0])), text)
    text = _TAG.sub("", _ADDRESS.sub(r"\1", text))
    return _HEADING.sub("", _EMPHASIS.sub("", text))


def _seen(text: str) -> str:
    """On one line, without what is not seen, and without towers of marks on one letter."""
    shown = "".join(letter for letter in map(_shown, text) if letter)
    return _low(_BLANK.sub(" ", unicodedata.normalize("NFC", shown))).strip()


def _shown(letter: str) -> str:
    if letter.isspace():
        return " "
    kind = unicodedata.category(letter)
    hidden = kind[0] == "C" or letter in _UNSEEN or "\ufe00" <= letter <= "\ufe0f"
    return "" if hidden or "\U000e0000" <= letter <= "\U000e0fff" else letter


def _low(text: str) -> str:
    found: list[str] = []
    height = 0
    for letter in text:
        height = height + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if height <= MARKS:
            found.append(letter)
    return "".join(found)

"""Texts from outside, made fit for a log: one line, bounded, no control characters."""

from __future__ import annotations

import unicodedata

_UNFIT = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, invisible formatting, surrogates, separators


def one_line(text: str, limit: int = 300) -> str:
    """`text` on one line of at most `limit` characters.

    Lone surrogates would break canonical JSON, and direction marks or escape sequences would let an
    outside text rewrite what people see on a terminal.
    """
    # What most adapters say has nothing to mend, and this is asked of every outcome.
    if len(text) <= limit and text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    fit = "".join(
        " " if letter.isspace() else letter
        for letter in text[: limit * 4]
        if letter.isspace() or unicodedata.category(letter) not in _UNFIT
    )
    line = " ".join(fit.split())
    cut = len(line) > limit or len(text) > limit * 4
    return line[: limit - 1].rstrip() + "…" if cut else line


def many_lines(text: str, limit: int = 20_000) -> str:
    """`text` with its line breaks, without control characters and lone surrogates, bounded."""
    kept = "".join(
        letter
        for letter in text[:limit].replace("\r\n", "\n").replace("\r", "\n")
        if letter in "\n\t" or unicodedata.category(letter) not in _UNFIT
    )
    return kept + "\n…" if len(text) > limit else kept


def decoded(body: bytes) -> str:
    """UTF-8 with what is not UTF-8 marked as such."""
    return body.decode("utf-8", "replace")


def last_line(body: bytes) -> str:
    """The last line that says something, fit for a sentence; empty when there is none."""
    lines = [line for line in decoded(body).splitlines() if line.strip()]
    return one_line(lines[-1]) if lines else ""


def seconds(milliseconds: int) -> str:
    """`10s`, `0.4s`: a time-out as people say it."""
    whole, rest = divmod(milliseconds, 1000)
    return f"{whole}s" if not rest else f"{milliseconds / 1000:g}s"

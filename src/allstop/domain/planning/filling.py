"""What takes the place of words such as `{release}` in the options of an action, and of its proof."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# A value for each word, to check documents with: what an adapter accepts of it, it accepts of what comes later.
SAMPLES: dict[str, str] = {"until": "2026-01-01T00:00:00+00:00", "copy": "newest"}
# What a release or a copy may be called: it goes into arguments of programs, so it never begins with a dash.
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+:/@~-]{0,199}")
_WORD = re.compile(r"\{([a-z]+)\}")
_LONGEST_LINE = 120


def filled_in(options: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Options with the words of `values` in place, in every text, however deep.

    An entry whose text has a word with an empty value is left out: there is nothing to say there. Words that
    are not among the values stay.
    """

    def fill(value: Any) -> Any:
        if isinstance(value, str):
            return _WORD.sub(lambda found: values.get(found[1], found[0]), value)
        if isinstance(value, dict):
            return {name: fill(inner) for name, inner in value.items() if not _is_void(inner)}
        if isinstance(value, list):
            return [fill(inner) for inner in value]
        return value

    def _is_void(value: Any) -> bool:
        return isinstance(value, str) and any(
            values.get(word) == "" for word in _WORD.findall(value)
        )

    filled = fill(dict(options))
    assert isinstance(filled, dict)
    return filled


def has_word(options: Mapping[str, Any], word: str) -> bool:
    """Whether `{word}` stands anywhere in options."""

    def found(value: Any) -> bool:
        if isinstance(value, str):
            return f"{{{word}}}" in value
        if isinstance(value, dict):
            return any(map(found, value.values()))
        return isinstance(value, list) and any(map(found, value))

    return found(dict(options))


def one_line(text: str) -> str:
    """Somebody's words as one short line without control characters, fit for the subject of a commit."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(plain.split())[:_LONGEST_LINE].rstrip()


def slug(text: str) -> str:
    """Somebody's words as part of a branch's name: `checkout-times-out`."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words[:40].rstrip("-") or "fix"

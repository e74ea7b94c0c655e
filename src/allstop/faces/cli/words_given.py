"""`name=value` words, as several commands take them."""

from __future__ import annotations

from collections.abc import Iterable

import click

_YES_NO = {"yes": True, "true": True, "no": False, "false": False, "unknown": None}


def pairs(words: Iterable[str], example: str) -> dict[str, str]:
    """Text by name. Raises UsageError for a word that is no pair, and for a name given twice."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.strip()
        if not equals or not name:
            raise click.UsageError(f"{word!r} is not NAME=VALUE; write {example}")
        if name in found:
            raise click.UsageError(f"{name} is given twice")
        found[name] = text
    return found


def fact(text: str) -> bool | int | str | None:
    """`yes`, `no`, a number, `unknown`, or a word."""
    word = text.strip()
    if word.lower() in _YES_NO:
        return _YES_NO[word.lower()]
    return int(word) if word.isascii() and word.isdigit() else word

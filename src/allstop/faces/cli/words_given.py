"""`name=value` words, as several commands take them."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

from allstop.faces.cli.exit_codes import ProblemAnswer

# How a coordinator asks for a field.
_FIELD = re.compile(r"--field ([^=]+)=")
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


def with_command(error: ProblemAnswer, command: str, field: str) -> ProblemAnswer:
    """A refusal for want of fields, with the one command that gives them in place of a hint for each.

    command: as it was typed; field: how one that is missing is added, its name for `{}`.
    """
    found = [_FIELD.match(hint) for _, hint in error.reasons]
    missing = [field.format(one[1]) for one in found if one]
    if not missing:
        return error
    reasons = [
        (text, "" if one else hint) for (text, hint), one in zip(error.reasons, found, strict=True)
    ]
    last = max(place for place, one in enumerate(found) if one)
    reasons[last] = (reasons[last][0], " ".join((command, *missing)))
    return error.instead(*reasons)


def fact(text: str) -> bool | int | str | None:
    """`yes`, `no`, a number, `unknown`, or a word."""
    word = text.strip()
    if word.lower() in _YES_NO:
        return _YES_NO[word.lower()]
    return int(word) if word.isascii() and word.isdigit() else word

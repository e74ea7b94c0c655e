"""What differs between two protocols, as a page: by part, and long parts field by field."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from allstop.domain.moment import words
from allstop.faces.cli.page import Page, Piece
from allstop.protocol.differences import Difference, in_words

if TYPE_CHECKING:
    from allstop.domain.policy import Protocol

# A part in more letters than that is easier to read field by field.
SENTENCE = 140
# `classification[3]`, `severities (order)` and `severities.SEV1.respond`: the part, and what of it.
_PATH = re.compile(r"(?P<part>\w+)(?:\[(?P<row>\d+)\]|\.?(?P<rest>.*))", re.DOTALL)
_ROWS = re.compile(r"^rows\[(\d+)\]$")


def difference_page(before: Protocol, after: Protocol, found: Iterable[Difference]) -> Page:
    """Each difference under its part of the protocol; `-` is the first protocol's, `+` the second's."""
    page = Page()
    page.line(Piece(f"- {before.name}: {before.title}", "bad"))
    page.line(Piece(f"+ {after.name}: {after.title}", "good"))
    old, new = _by_words(before), _by_words(after)
    part = ""
    for one in found:
        path = _PATH.fullmatch(one.path)
        assert path is not None
        if path["part"] != part:
            part = path["part"]
            page.title(part)
        where = f"row {path['row']}" if path["row"] else (path["rest"] or "").strip()
        where = _ROWS.sub(r"row \1", where)
        if where and one.before and one.after:
            page.line(Piece(f"  {where}", "strong"))
            where = ""
        _side(page, "-", where, one.before, old)
        _side(page, "+", where, one.after, new)
    return page


def _side(page: Page, sign: str, where: str, text: str, parts: Mapping[str, Any]) -> None:
    """What one of the two protocols says, or nothing."""
    if not text:
        return
    tone = "bad" if sign == "-" else "good"
    part = parts.get(text) if len(text) > SENTENCE else None
    if part is None:
        begin = f"  {sign} {where}: " if where else f"    {sign} "
        page.line(Piece(f"{begin}{text}", tone), hang=6)
        return
    rows = [(Piece(name, tone), Piece(value, tone)) for name, value in _fields(part)]
    if where:
        page.line(Piece(f"  {sign} {where}", tone))
        page.table((), rows, indent=6)
        return
    signs = [sign, *(" " for _ in rows[1:])]
    page.table((), [(Piece(one, tone), *row) for one, row in zip(signs, rows, strict=True)], 4)


def _fields(part: Any) -> Iterator[tuple[str, str]]:
    """Its fields in words; lists of parts a line for each."""
    for one in dataclasses.fields(part):
        value = getattr(part, one.name)
        name = one.name.removesuffix("_ms")
        if isinstance(value, tuple) and value and all(map(dataclasses.is_dataclass, value)):
            for number, each in enumerate(value):
                yield (name if number == 0 else "", in_words(each))
            continue
        counted = one.name != name and isinstance(value, int) and not isinstance(value, bool)
        text = words(value) if counted else in_words(value)
        if text:
            yield name, text


def _by_words(protocol: Protocol) -> dict[str, Any]:
    """Every part of a protocol by what is said of it in one line."""
    return {in_words(one): one for one in _parts(protocol)}


def _parts(value: Any) -> Iterator[Any]:
    if dataclasses.is_dataclass(value):
        yield value
        for one in dataclasses.fields(value):
            yield from _parts(getattr(value, one.name))
    elif isinstance(value, tuple):
        for each in value:
            yield from _parts(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _parts(each)

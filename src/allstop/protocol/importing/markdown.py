"""A Markdown text as pieces with the line each stands in, and the headings above it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

_INLINE = re.compile(r"(\*\*|__|`|~~)")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_BOX = re.compile(r"\[[ xX]\]\s*")
LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Piece:
    """kind: heading | item | row | text | code | front.

    line: 1-based; text: without markup (code: as it stands); headings: titles above it, outermost
    first; level: of a heading, or how deep an item is nested (0 outermost); cells: of a row; head: the
    table's head; strong: what was bold at the beginning of the text, or empty.
    """

    kind: str
    line: int
    text: str
    headings: tuple[str, ...] = ()
    level: int = 0
    cells: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    strong: str = ""
    boxed: bool = False

    def under(self, *words: str) -> bool:
        """Whether a heading above it (or the heading itself) holds one of these words."""
        return any(word in title.lower() for title in self.headings for word in words)

    @property
    def section(self) -> str:
        """The nearest heading."""
        return self.headings[-1] if self.headings else ""


def pieces(text: str) -> list[Piece]:
    """Everything a Markdown text holds, in order. Raises ValueError for more than a megabyte."""
    if len(text) > LARGEST:
        raise ValueError("the file is larger than 1 MB")
    front, body, offset = _front_matter(text)
    found = list(front)
    parser = MarkdownIt("commonmark").enable("table")
    found += _Walker(parser.parse(body), offset).pieces()
    return found


def bare(text: str) -> str:
    """Text without bold, code marks and links."""
    return " ".join(_INLINE.sub("", _LINK.sub(r"\1", text)).split())


def _front_matter(text: str) -> tuple[list[Piece], str, int]:
    """The mapping between two lines of dashes at the top, as one piece a key."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---":
        return [], text, 0
    end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() in ("---", "...")), 0)
    if not end:
        return [], text, 0
    try:
        found = yaml.safe_load("\n".join(lines[1:end]))
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        return [], text, 0
    front = []
    for key, value in found.items():
        place = next((n for n, one in enumerate(lines[:end], 1) if one.startswith(f"{key}:")), 1)
        front.append(Piece("front", place, bare(str(value)), cells=(str(key),)))
    return front, "\n".join(lines[end + 1 :]), end + 1


class _Walker:
    """Goes through the parser's tokens once, and remembers where it is."""

    def __init__(self, tokens: list[Token], offset: int) -> None:
        self._tokens = tokens
        self._offset = offset
        self._headings: list[tuple[int, str]] = []
        self._depth = 0
        self._head: tuple[str, ...] = ()
        self._row: list[str] = []
        self._row_line = 0
        self._in_head = False

    def pieces(self) -> Iterator[Piece]:
        for place, token in enumerate(self._tokens):
            line = (token.map[0] if token.map else 0) + self._offset + 1
            if token.type == "inline":
                yield from self._inline(token, line, self._tokens[place - 1])
            elif token.type in ("fence", "code_block"):
                yield Piece("code", line, token.content.rstrip("\n"), self._titles)
            elif token.type.startswith(("tr_", "thead_")):
                yield from self._table(token, line)
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                self._depth += 1
            elif token.type in ("bullet_list_close", "ordered_list_close"):
                self._depth -= 1

    @property
    def _titles(self) -> tuple[str, ...]:
        return tuple(title for _, title in self._headings)

    def _table(self, token: Token, line: int) -> Iterator[Piece]:
        match token.type:
            case "thead_open":
                self._in_head = True
            case "thead_close":
                self._in_head = False
            case "tr_open":
                self._row, self._row_line = [], line
            case _ if self._in_head:
                self._head = tuple(self._row)
            case _:
                cells = tuple(self._row)
                text = " | ".join(cells)
                yield Piece("row", self._row_line, text, self._titles, 0, cells, self._head)

    def _inline(self, token: Token, line: int, before: Token) -> Iterator[Piece]:
        if before.type in ("th_open", "td_open"):
            self._row.append(bare(token.content))
        elif before.type == "heading_open":
            level = int(before.tag[1])
            self._headings = [one for one in self._headings if one[0] < level]
            self._headings.append((level, bare(token.content)))
            yield Piece("heading", line, bare(token.content), self._titles, level)
        else:
            yield from _lines(token, line, self._titles, self._depth)


def _lines(token: Token, line: int, titles: tuple[str, ...], depth: int) -> Iterator[Piece]:
    """A paragraph. Outside of lists each of its lines is a piece: people write lists without marks."""
    if depth:
        yield _piece("item", line, token.content.replace("\n", " "), titles, depth - 1)
        return
    for number, text in enumerate(token.content.split("\n")):
        if text.strip():
            yield _piece("text", line + number, text, titles, 0)


def _piece(kind: str, line: int, text: str, titles: tuple[str, ...], level: int) -> Piece:
    boxed = bool(_BOX.match(text))
    text = _BOX.sub("", text, count=1) if boxed else text
    strong = re.match(r"\s*(?:\*\*|__)(.+?)(?:\*\*|__)", text)
    return Piece(
        kind,
        line,
        bare(text),
        titles,
        level,
        strong=bare(strong[1]).rstrip(":") if strong else "",
        boxed=boxed,
    )

"""A Markdown text as pieces, each with its lines and the headings above it."""

from __future__ import annotations

import re
from dataclasses import replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

from allstop.protocol.importing.front import front_matter
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.topics import where
from allstop.protocol.importing.words import after_label

LARGEST = 1_000_000
# Longer lines are kept as they are and never understood: no protocol has a sentence like that.
LONGEST_LINE = 2_000
_INLINE = re.compile(r"\*\*|__|`|~~|<br\s?/?>|</?(?:b|i|em|strong|code|sup|sub|span|p|u)>")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]{1,300})(?<=\S)\*(?![\w*])")
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\([^()\n]{0,500}\)")
_BOX = re.compile(r"\s*(?:\[[ xX]\]|[☐☑✅⬜□])\s*")
_STRONG = re.compile(r"\W{0,6}?(?:\*\*|__)([^*_\n]{1,120}?)(?:\*\*|__)")
_ALONE = re.compile(r"(?:\*\*|__)([^*_\n]{1,80})(?:\*\*|__)\s*:?")
_CAPITALS = re.compile(r"[A-Z0-9][A-Z0-9 &/,.()'-]{3,60}:?")
_CHAPTER = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,2})+\.?\s+[A-Z][^.\n]{2,70}")
_OWN_LINE = re.compile(
    r"\s*(?:\*\*|__|[-*•·▪☐☑✅⬜]|(?:sev|p)[\s-]?[0-5]\b|[A-Za-z][\w /&()'-]{0,40}:\s|[0-9]{1,2}[.)]\s)", re.IGNORECASE
)  # fmt: skip
_BLOCKS = (
    "bullet_list_open", "ordered_list_open", "fence", "code_block", "table_open", "blockquote_open",
)  # fmt: skip
# Pseudo headings stand below all real ones: bold lines, then lines that end with a colon.
_BOLD_LEVEL, _COLON_LEVEL = 7, 8


def split_lines(text: str) -> list[str]:
    """The lines as an editor counts them. Raises ValueError for more than a megabyte.

    NUL becomes the replacement character, as CommonMark asks: a space would make a line look empty.
    """
    if len(text) > LARGEST or len(text.encode("utf-8", "replace")) > LARGEST:
        raise ValueError("the file is larger than 1 MB")
    plain = (
        text.removeprefix("\ufeff")
        .replace("\r\n", "\n")
        .replace("\r", "\n")
        .replace("\x00", "\ufffd")
    )
    return plain.split("\n")


def pieces(lines: list[str]) -> list[Piece]:
    """Everything a Markdown text holds, in order."""
    front, skipped = front_matter(lines)
    body = [line if len(line) <= LONGEST_LINE else "" for line in lines[skipped:]]
    # Without the inline parser: readers want the text, and nested brackets cannot make it slow.
    parser = MarkdownIt("commonmark").enable("table").disable(["inline", "reference", "text_join"])
    walker = _Walker(parser.parse("\n".join(body)), body, skipped)
    return [*front, *_placed(walker.walk())]


def bare(text: str) -> str:
    """Text without bold, code marks, links and breaks."""
    text = _LINK.sub(r"\1", text[:LONGEST_LINE])
    return " ".join(_EMPHASIS.sub(r"\1", _INLINE.sub(" " if "<br" in text else "", text)).split())


def _placed(found: list[Piece]) -> list[Piece]:
    """With what the headings mean. The one title of the whole text says nothing about its sections."""
    first = next((one for one in found if one.kind == "heading"), None)
    tops = sum(1 for one in found if one.kind == "heading" and one.level == 1)
    title = first.text if first is not None and first.level == 1 and tops == 1 else None
    done = []
    for one in found:
        above = (
            one.headings[1:] if title is not None and one.headings[:1] == (title,) else one.headings
        )
        done.append(replace(one, where=where(above[-8:])))
    return done


class _Walker:
    """Goes through the parser's tokens once, and remembers where it is."""

    def __init__(self, tokens: list[Token], body: list[str], offset: int) -> None:
        self._tokens, self._body, self._offset = tokens, body, offset
        self._headings: list[tuple[int, str, int]] = []
        # Of each open item: its label when others may stand under it, its line, and its number.
        self._items: list[tuple[str, int, int]] = []
        self._first = False
        self._quote = 0
        self._lead_spent = False
        self._head: tuple[str, ...] = ()
        self._row: list[str] = []
        self._in_head = False
        self._table = self._row_line = 0
        self._found: list[Piece] = []

    def walk(self) -> list[Piece]:
        """All pieces."""
        for place, token in enumerate(self._tokens):
            if token.level == 0 and token.type in _BLOCKS:
                self._block_begins()
            if token.type == "blockquote_open":
                self._quote += 1
                if self._quote == 1:
                    self._block("quote", token)
            elif token.type == "blockquote_close":
                self._quote -= 1
            elif self._quote:
                continue
            elif token.type == "inline":
                self._inline(place)
            elif token.type in ("fence", "code_block", "html_block"):
                self._block("html" if token.type == "html_block" else "code", token)
            elif token.type.startswith(("tr_", "thead_", "table_")):
                self._tables(token)
            else:
                self._lists(token)
        return self._found

    # --- where it stands ---------------------------------------------------------------------------

    def _lines(self, token: Token) -> tuple[int, int]:
        """The first and the last line of a token in the file; blank ones at the end do not count."""
        first, end = token.map or (0, 1)
        while end - 1 > first and not self._body[end - 1].strip():
            end -= 1
        return first + self._offset + 1, max(first + 1, end) + self._offset

    def _block_begins(self) -> None:
        """A line that ends with a colon speaks of the one list or block that follows it."""
        if self._lead_spent:
            self._headings = [one for one in self._headings if one[0] < _COLON_LEVEL]
        self._lead_spent = True

    def _add(self, kind: str, line: int, last: int, text: str, **more: object) -> None:
        titles = (*(title for _, title, _ in self._headings), *(t for t, _, _ in self._items if t))
        parents = (
            *(at for _, _, at in self._headings if at),
            *(at for _, at, _ in self._items if at and at != line),
        )
        self._found.append(
            Piece(kind, line, text, last, headings=titles, parents=parents, **more)  # type: ignore[arg-type]  # names of its fields
        )

    def _lists(self, token: Token) -> None:
        if token.type == "list_item_open":
            number = int(token.info) if token.info.isdigit() and len(token.info) < 6 else 0
            self._items.append(("", 0, number))
            self._first = True
        elif token.type == "list_item_close":
            self._items.pop()
            self._first = False

    def _tables(self, token: Token) -> None:
        match token.type:
            case "table_open":
                self._table = self._lines(token)[0]
            case "thead_open" | "thead_close":
                self._in_head = token.type == "thead_open"
            case "tr_open":
                self._row = []
                self._row_line = self._lines(token)[0]
            case "tr_close":
                self._row_ends()

    def _row_ends(self) -> None:
        cells = tuple(self._row)
        kind = "head" if self._in_head else "row"
        if self._in_head:
            self._head = cells
        head = () if self._in_head else self._head
        self._add(
            kind,
            self._row_line,
            self._row_line,
            " | ".join(cells),
            cells=cells,
            head=head,
            table=self._table,
        )

    # --- what stands there -------------------------------------------------------------------------

    def _block(self, kind: str, token: Token) -> None:
        line, last = self._lines(token)
        if kind == "quote":
            inside = self._body[line - 1 - self._offset : last - self._offset]
            text = "\n".join(re.sub(r"^\s{0,12}>\s?", "", one) for one in inside)
        else:
            text = token.content.rstrip("\n")
        self._add(kind, line, last, text, raw=text)

    def _inline(self, place: int) -> None:
        token, before = self._tokens[place], self._tokens[place - 1]
        line, last = self._lines(token)
        if before.type in ("th_open", "td_open"):
            self._row.append(
                token.content if len(token.content) > LONGEST_LINE else bare(token.content)
            )
        elif before.type == "heading_open":
            line, last = self._lines(before)
            self._heading(int(before.tag[1]), bare(token.content), 0)
            self._add("heading", line, last, bare(token.content), level=int(before.tag[1]))
        elif self._items and self._first:
            self._item(token, line, last)
        else:
            self._paragraph(token.content, line, last, place)

    def _heading(self, level: int, title: str, lead: int) -> None:
        """lead: line of what only looks like a heading, 0 for a real one."""
        self._headings = [one for one in self._headings if one[0] < level]
        self._headings.append((level, title, lead))

    def _item(self, token: Token, line: int, last: int) -> None:
        self._first = False
        text = " ".join(token.content.split("\n"))
        boxed = bool(_BOX.match(text))
        text = _BOX.sub("", text, count=1) if boxed else text
        number = self._items[-1][2]
        strong = _strong(text)
        plain = bare(text)
        # A short item, or the label of a longer one, is a title for those nested in it.
        label = strong or after_label(plain)[0] or plain
        self._add("item", line, last, plain, raw=text, level=len(self._items) - 1, number=number, strong=strong, boxed=boxed)  # fmt: skip
        self._items[-1] = (label if len(label) <= 80 else "", line, number)

    def _paragraph(self, content: str, line: int, last: int, place: int) -> None:
        title, level = self._pseudo(content, place)
        if title and not self._items:
            self._heading(level, title, line)
            self._lead_spent = False
            self._add("lead", line, last, title, raw=content, level=level)
            return
        if not self._items:
            self._headings = [one for one in self._headings if one[0] < _COLON_LEVEL]
            content, line = self._bold_first(content, line)
        for first, end, text in _sentences(content):
            plain = bare(text)
            self._add(
                "text",
                line + first,
                line + end,
                plain,
                raw=text,
                strong=_strong(text),
                level=len(self._items),
            )

    def _bold_first(self, content: str, line: int) -> tuple[str, int]:
        """Takes a bold first line of a longer paragraph for the heading that it is."""
        first, _, rest = content.partition("\n")
        alone = _ALONE.fullmatch(first.strip())
        if not rest or not alone or alone[1].rstrip().endswith("."):
            return content, line
        title = bare(alone[1]).rstrip(":")
        self._heading(_BOLD_LEVEL, title, line)
        self._add("lead", line, line, title, raw=first, level=_BOLD_LEVEL)
        return rest, line + 1

    def _pseudo(self, content: str, place: int) -> tuple[str, int]:
        """The title in a paragraph that is one: bold, numbered or in capitals; or before a list or block."""
        line = content.strip()
        if "\n" in line or len(line) > 90:
            return "", 0
        alone = _ALONE.fullmatch(line)
        if alone and not alone[1].rstrip().endswith("."):
            return bare(alone[1]).rstrip(":"), _BOLD_LEVEL
        if _CHAPTER.fullmatch(line) or (
            _CAPITALS.fullmatch(line) and (" " in line or line.endswith(":"))
        ):
            return bare(line).rstrip(":"), _BOLD_LEVEL
        following = self._tokens[place + 2].type if place + 2 < len(self._tokens) else ""
        if line.endswith(":") and following in _BLOCKS:
            return bare(line).rstrip(":"), _COLON_LEVEL
        return "", 0


def _strong(text: str) -> str:
    strong = _STRONG.match(text[:300])
    return bare(strong[1]).rstrip(":") if strong else ""


def _sentences(content: str) -> list[tuple[int, int, str]]:
    """(first line, last line, text) of a paragraph: lines that are written as entries stand by themselves,
    lines that were only wrapped are joined."""
    found: list[tuple[int, int, str]] = []
    before = ""
    for number, line in enumerate(content.split("\n")):
        wrapped = (
            found
            and not _OWN_LINE.match(line)
            and not before.endswith(("  ", "\\", ":", ".", "!", "?", ";"))
        )
        if wrapped and len(found[-1][2]) + len(line) < LONGEST_LINE:
            found[-1] = (found[-1][0], number, f"{found[-1][2]} {line.strip()}")
        elif line.strip():
            found.append((number, number, line.strip().rstrip("\\")))
        before = line
    return found

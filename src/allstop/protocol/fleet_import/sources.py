"""Files to be imported, and the ledger that says what became of each of their lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

# What no document may hold (`protocol.reader`), beside line ends and tabs; and what YAML takes for line ends
# and editors do not.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ud800-\udfff\ufeff\ufffe\uffff]"
)
# One label is listed once, with a range, however many lines of it follow each other.
LONGEST_LABEL = 120


class SourceFile(NamedTuple):
    """name: as people know it; where it stands says what a systemd unit is called."""

    name: str
    text: str


class Origin(NamedTuple):
    """Where a value comes from. line: counts from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Left:
    """Lines that found no place in the draft. label: what stands there, never a value of it."""

    file: str
    first: int
    last: int
    label: str
    why: str


@dataclass(slots=True)
class Ledger:
    """One file: its lines, which of them a value came from, which only hold others together, which are left."""

    name: str
    lines: list[str]
    placed: set[int] = field(default_factory=set)
    structure: set[int] = field(default_factory=set)
    left: list[Left] = field(default_factory=list)

    def use(self, first: int, last: int = 0) -> None:
        """A value came from these lines."""
        self.placed |= set(range(first, max(first, last) + 1))

    def frame(self, first: int, last: int = 0) -> None:
        """These lines hold others together."""
        self.structure |= set(range(first, max(first, last) + 1))

    def leave(self, first: int, last: int, label: str, why: str) -> None:
        """These lines have no place. Neighbours of one label and reason become one entry."""
        label = clean(label)[:LONGEST_LABEL]
        before = self.left[-1] if self.left else None
        if before and (before.label, before.why) == (label, why) and first <= before.last + 1:
            first, last = min(first, before.first), max(last, before.last)
            self.left.pop()
        self.left.append(Left(self.name, first, last, label, why))

    def left_lines(self) -> set[int]:
        return {line for one in self.left for line in range(one.first, one.last + 1)}

    def close(self, is_comment: re.Pattern[str]) -> None:
        """List what nobody has spoken of: blank lines and comments say nothing, everything else is listed."""
        known = self.placed | self.structure | self.left_lines()
        for number, line in enumerate(self.lines, 1):
            if number in known:
                continue
            if not line.strip() or is_comment.match(line):
                self.structure.add(number)
            else:
                self.leave(number, number, _label(line), "it was not understood")


def _label(line: str) -> str:
    """The first word of a line: enough to find it, and no value, which might be a secret."""
    word = re.match(r"\s*-?\s*\[?([A-Za-z0-9_./-]{1,60})", line)
    return word[1] if word else "a line"


def ledger_of(source: SourceFile) -> Ledger:
    """The lines of a file, whatever ends them."""
    text = source.text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return Ledger(clean(source.name) or "file", text.split("\n"))


def clean(text: str) -> str:
    """Text that may stand in a document."""
    return _FORBIDDEN.sub("?", text).replace("\t", " ")


def may_stand(text: str) -> bool:
    """Whether a text can be written into a document as it is."""
    return not _FORBIDDEN.search(text) and "\t" not in text

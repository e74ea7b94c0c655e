"""Files to be imported, and the ledger that says what became of each of their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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


class Left(NamedTuple):
    """Lines that found no place in the draft. label: what stands there, never a value of it."""

    file: str
    first: int
    last: int
    label: str
    why: str


class Use(NamedTuple):
    """Lines that a value should come from. at: the one its origin names."""

    first: int
    last: int
    at: int
    label: str


@dataclass(slots=True)
class Ledger:
    """One file: its lines, what should have come from them, which only hold others together, which are left.

    placed: lines that a value of the draft really came from; known once the file is closed.
    """

    name: str
    lines: list[str]
    uses: list[Use] = field(default_factory=list)
    structure: set[int] = field(default_factory=set)
    left: list[Left] = field(default_factory=list)
    placed: set[int] = field(default_factory=set)

    def use(self, first: int, last: int = 0, label: str = "", at: int = 0) -> None:
        """A value should come from these lines."""
        self.uses.append(Use(first, max(first, last), at or first, label))

    def frame(self, first: int, last: int = 0) -> None:
        """These lines hold others together."""
        self.structure |= set(range(first, max(first, last) + 1))

    def leave(self, first: int, last: int, label: str, why: str) -> None:
        """These lines have no place. Neighbours of one label and reason become one entry."""
        label = clean(label)[:LONGEST_LABEL]
        before = self.left[-1] if self.left else None
        if (
            before
            and (before.label, before.why) == (label, why)
            and before.first <= first <= before.last + 1
        ):
            first, last = before.first, max(last, before.last)
            self.left.pop()
        self.left.append(Left(self.name, first, max(first, last), label, why))

    def close(
        self, origins: set[int], gone: Mapping[int, str], is_comment: re.Pattern[str]
    ) -> tuple[Left, ...]:
        """Everything that has no place, in order: what was said to have none, what should have had one and came
        to nothing, and what nobody has spoken of. Blank lines and comments say nothing.

        origins: lines that values of the draft name; gone: of those that were taken out again, why.
        """
        for use in self.uses:
            if use.at in origins:
                self.placed |= set(range(use.first, use.last + 1))
            else:
                why = gone.get(use.at, "it says nothing that is not there already")
                self.left.append(
                    Left(self.name, use.first, use.last, clean(use.label)[:LONGEST_LABEL], why)
                )
        known = self.placed | self.structure
        known |= {line for one in self.left for line in range(one.first, one.last + 1)}
        for number, line in enumerate(self.lines, 1):
            if number in known:
                continue
            if not line.strip() or is_comment.match(line):
                self.structure.add(number)
            else:
                self.leave(number, number, _label(line), "it was not understood")
        found = dict.fromkeys(part for one in self.left for part in self._without_placed(one))
        return tuple(sorted(found, key=lambda one: (one.first, one.last, one.label)))

    def _without_placed(self, left: Left) -> Iterator[Left]:
        """The stretches of lines that nothing came from: a block may hold one value that found its place.

        What was left of one line stays named, though something else on it found its place.
        """
        if left.first == left.last:
            yield left
            return
        lines = [line for line in range(left.first, left.last + 1) if line not in self.placed]
        start = 0
        for at in range(1, len(lines) + 1):
            if at == len(lines) or lines[at] != lines[at - 1] + 1:
                yield left._replace(first=lines[start], last=lines[at - 1])
                start = at


def _label(line: str) -> str:
    """The first word of a line: enough to find it, and no value, which might be a secret."""
    word = re.match(r"\s*-?\s*\[?([A-Za-z0-9_./-]{1,60})", line)
    return word[1] if word else "a line"


def ledger_of(source: SourceFile) -> Ledger:
    """The lines of a file, whatever ends them."""
    text = source.text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return Ledger(file_name(source.name), text.split("\n"))


def file_name(name: str) -> str:
    """A name of a file as it may stand in a comment."""
    return " ".join(clean(name).split()) or "file"


def clean(text: str) -> str:
    """Text that may stand in a document."""
    return _FORBIDDEN.sub("?", text).replace("\t", " ")


def may_stand(text: str) -> bool:
    """Whether a text can be written into a document as it is."""
    return not _FORBIDDEN.search(text) and "\t" not in text

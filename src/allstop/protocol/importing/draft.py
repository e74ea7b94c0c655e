"""The draft under construction: values with the lines they come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from allstop.protocol.importing.pieces import Piece

Path = tuple[str | int, ...]
# What no document may hold (`protocol.reader`), and a tab.
_FORBIDDEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u206f\ud800-\udfff\ufeff\ufffe\uffff]"
)
LONGEST = 900
# The kinds of pieces that say something in a line of their own.
LINES = ("item", "text", "row")


class Raw(str):
    """YAML that is written as it stands, such as `{at_least: 1}`."""

    __slots__ = ()


Scalar = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar. lines: of the source, none for what the importer had to assume; assumed: why."""

    value: Scalar
    lines: tuple[int, ...] = ()
    assumed: str = ""


Tree = dict[str, "Tree | Value | list[Value] | list[Tree]"]
Branch = Tree | Value | list[Value] | list[Tree]


def clean(text: str) -> str:
    """Text that may stand in a document."""
    return _FORBIDDEN.sub(" ", text)


@dataclass(slots=True)
class Draft:
    """root: the document; claimed: lines a reader has taken; notes: by (line, text), why something that
    was understood has no place."""

    root: Tree = field(default_factory=dict)
    claimed: set[int] = field(default_factory=set)
    notes: dict[tuple[int, str], str] = field(default_factory=dict)

    def put(
        self, path: tuple[str, ...], value: Scalar, piece: Piece | None, assumed: str = ""
    ) -> bool:
        """Set a value from a piece, or one that was assumed. What stands there already stays: the first
        mention wins, and False says that this one was not taken."""
        return self.put_lines(path, value, piece.lines if piece else (), assumed)

    def put_lines(
        self, path: tuple[str, ...], value: Scalar, lines: tuple[int, ...], assumed: str = ""
    ) -> bool:
        """The same for the lines themselves."""
        here = self.root
        if isinstance(value, str):
            value = value if isinstance(value, Raw) else clean(value)
        for name in path[:-1]:
            following = here.setdefault(name, {})
            assert isinstance(following, dict), path
            here = following
        if path[-1] in here:
            return False
        here[path[-1]] = Value(value, lines, assumed)
        self.claimed |= set(lines)
        return True

    def add(self, path: tuple[str, ...], value: str, piece: Piece, most: int = 60) -> bool:
        """Append to a list of texts; False when it is full or has it already."""
        here = self.at(*path[:-1])
        found = here.setdefault(path[-1], [])
        assert isinstance(found, list), path
        texts = [one.value for one in found if isinstance(one, Value)]
        if len(texts) >= most or clean(value) in texts:
            return False
        found.append(Value(clean(value), piece.lines))  # type: ignore[arg-type]  # a list of values, as asserted
        self.claimed |= set(piece.lines)
        return True

    def extend(self, path: tuple[str, ...], value: str, piece: Piece, between: str = "; ") -> bool:
        """Join to a text that stands there; False when it would grow too long."""
        before = self.get(*path)
        if before is None:
            return len(value) <= LONGEST and self.put(path, value, piece)
        text = f"{before.value}{between}{clean(value)}"
        if len(text) > LONGEST:
            return False
        self.at(*path[:-1])[path[-1]] = Value(text, tuple(sorted({*before.lines, *piece.lines})))
        self.claimed |= set(piece.lines)
        return True

    def at(self, *path: str) -> Tree:
        """The mapping at a path, made when it is not there."""
        here = self.root
        for name in path:
            following = here.setdefault(name, {})
            assert isinstance(following, dict), path
            here = following
        return here

    def get(self, *path: str) -> Value | None:
        """The value at a path, or None."""
        here: object = self.root
        for name in path:
            here = here.get(name) if isinstance(here, dict) else None
        return here if isinstance(here, Value) else None

    def has(self, *path: str) -> bool:
        """Whether anything stands at a path."""
        here: object = self.root
        for name in path:
            if not isinstance(here, dict) or name not in here:
                return False
            here = here[name]
        return True

    def fresh(self, path: tuple[str, ...], id: str, taken: frozenset[str] = frozenset()) -> str:
        """An id that nothing at the path has, and nothing in `taken`."""
        known = self.at(*path) if self.has(*path) else {}
        number, name = 1, id
        while name in known or name in taken:
            number += 1
            name = f"{id}-{number}"
        return name

    def count(self, *path: str) -> int:
        """How many entries the mapping at a path has."""
        return len(self.at(*path)) if self.has(*path) else 0

    def note(self, piece: Piece, text: str, why: str) -> None:
        """Something that was understood and could not be placed."""
        self.notes[(piece.line, " ".join(clean(text).split())[:200])] = why

    def free(
        self, found: Iterable[Piece], *topics: str, kinds: tuple[str, ...] = LINES
    ) -> Iterator[Piece]:
        """The pieces of these kinds and topics (any, when none is named) that no reader has taken. What is
        taken on the way is not given out any more."""
        for piece in found:
            if piece.kind not in kinds or piece.line in self.claimed:
                continue
            if not topics or piece.topic in topics:
                yield piece

    def lines(self) -> set[int]:
        """The lines that something in the document came from."""
        return {line for _, value in values(self.root) for line in value.lines}

    def drop(self, path: Path) -> list[Value]:
        """Take out what stands at a path, and give back what it was made of."""
        here: Any = self.root
        for name in path[:-1]:
            here = _step(here, name)
        last = path[-1] if path else ""
        gone: Any = None
        if isinstance(here, dict):
            gone = here.pop(str(last), None)
        elif isinstance(here, list) and isinstance(last, int) and last < len(here):
            gone = here.pop(last)
        if gone is None:
            return []
        return [value for _, value in values(cast("Tree", {"gone": gone}))]


def _step(here: Any, name: str | int) -> Any:
    if isinstance(here, dict):
        return here.get(str(name))
    if isinstance(here, list) and isinstance(name, int) and name < len(here):
        return here[name]
    return None


def values(tree: Tree, path: str = "") -> Iterator[tuple[str, Value]]:
    """(path in words, value) of everything in a tree."""
    for name, child in tree.items():
        here = f"{path}.{name}" if path else name
        if isinstance(child, Value):
            yield here, child
        elif isinstance(child, list):
            for number, one in enumerate(child):
                if isinstance(one, Value):
                    yield f"{here}[{number}]", one
                else:
                    yield from values(cast("Tree", one), f"{here}[{number}]")
        else:
            yield from values(child, here)

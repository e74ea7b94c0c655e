"""YAML as other programs write it: anchors, merge keys, tags and several documents, each node with its lines.

Read by PyYAML's parser alone: nothing is constructed, so a tag runs nothing. An alias is the node itself, and a
document that would unfold to too many nodes is not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from allstop.protocol.fleet_import.sources import Ledger
from allstop.protocol.reader import QUICK

DEEPEST = 64
# How many nodes a document may have once its aliases are unfolded.
LARGEST = 200_000
_BREAKS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
_BOUNDARY = re.compile(r"---(?=\s|$)|\.\.\.\s*$")
# Lines that say nothing: comments, boundaries, directives, and brackets alone.
COMMENT = re.compile(r"\s*(#|---\s*(#.*)?$|\.\.\.\s*$|%|[\[\]{},\s]+(#.*)?$)")


class Unreadable(Exception):
    """A document that is no YAML, or too much of it. line: where that shows."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


@dataclass(slots=True)
class Twig:
    """One node. value: text, None, or nodes; first, last: its lines; key: the line of its key, 0 for none;
    quoted: text that is nothing but text; tag: as written; size: nodes below it with aliases unfolded;
    handled: keys somebody has asked for."""

    value: str | dict[str, Twig] | list[Twig] | None
    first: int
    last: int
    key: int = 0
    quoted: bool = False
    tag: str = ""
    size: int = 1
    handled: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Tree:
    """One document of a file. root: None where it could not be read; first, last: its lines."""

    root: Twig | None
    first: int
    last: int
    error: str = ""


def trees(ledger: Ledger) -> list[Tree]:
    """The documents of a file. Never raises; each is read by itself, so that a broken one spoils no other."""
    found: list[Tree] = []
    for first, last in _documents(ledger.lines):
        text = "\n".join(ledger.lines[first - 1 : last])
        composer = _Composer(_BREAKS.sub("?", text), first - 1)
        try:
            root = composer.document()
        except Unreadable as error:
            found.append(Tree(None, first, last, f"{error.text} (line {error.line})"))
            continue
        for line in composer.merges:
            ledger.frame(line)
        found.append(Tree(root, first, last))
    return found


def _documents(lines: list[str]) -> Iterator[tuple[int, int]]:
    """First and last line of each: what stands between two lines that begin with `---`."""
    first = 1
    for number, line in enumerate(lines, 1):
        if _BOUNDARY.match(line):
            if first < number:
                yield first, number - 1
            # Text behind the dashes belongs to the document; without any, the line says nothing.
            first = number if line.startswith("---") and line[3:].strip() else number + 1
    if first <= len(lines):
        yield first, len(lines)


class _Composer:
    """Builds nodes from parser events. shift: lines of the file before this document; merges: lines of `<<`."""

    def __init__(self, text: str, shift: int) -> None:
        self._loader = QUICK(text)
        self._shift = shift
        self._end = shift + text.count("\n") + 1
        self._anchors: dict[str, Twig] = {}
        self.merges: list[int] = []

    def document(self) -> Twig | None:
        """The root, None for a document without content. Raises Unreadable."""
        try:
            self._next()
            if isinstance(self._next(), yaml.StreamEndEvent):
                return None
            root = self._node(self._next(), 1)
            if not isinstance(self._next(), yaml.DocumentEndEvent):
                raise Unreadable(root.last, "more than one root")
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            line = self._line(mark) if mark else self._shift + 1
            said = getattr(error, "problem", None) or "not valid YAML"
            raise Unreadable(line, f"no YAML: {said}") from None
        except (ValueError, OverflowError):
            raise Unreadable(self._shift + 1, "no YAML: an escape that is no character") from None
        except RecursionError:
            raise Unreadable(self._shift + 1, "nested too deep") from None
        return root

    def _next(self) -> Any:
        return self._loader.get_event()

    def _node(self, event: Any, depth: int) -> Twig:
        first = self._line(event.start_mark)
        if depth > DEEPEST:
            raise Unreadable(first, f"nested deeper than {DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(str(event.anchor))
            if known is None:
                raise Unreadable(first, "an alias of something that does not exist")
            return Twig(known.value, first, first, 0, known.quoted, known.tag, known.size)
        twig = Twig(None, first, first, tag=event.tag or "")
        if isinstance(event, yaml.ScalarEvent):
            twig.quoted = bool(event.style)
            twig.value = (
                None if not event.style and event.value in ("", "~", "null") else event.value
            )
            twig.last = self._last(event, first)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._list(twig, depth)
        else:
            self._mapping(twig, depth)
        if twig.size > LARGEST:
            raise Unreadable(first, f"more than {LARGEST:,} nodes")
        if event.anchor:
            self._anchors[event.anchor] = twig
        return twig

    def _line(self, mark: Any) -> int:
        """The line of a place in the file. What libyaml finds behind the end stands in the last one."""
        return min(self._shift + int(mark.line) + 1, self._end)

    def _last(self, event: Any, first: int) -> int:
        """The last line of a node; an end at the beginning of a line belongs to the line before."""
        line = self._shift + int(event.end_mark.line) + (1 if event.end_mark.column else 0)
        return max(first, min(line, self._end))

    def _list(self, twig: Twig, depth: int) -> None:
        items: list[Twig] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
            twig.size += items[-1].size
            twig.last = max(twig.last, items[-1].last)
        twig.value = items
        self._closed(twig, event)

    def _mapping(self, twig: Twig, depth: int) -> None:
        items: dict[str, Twig] = {}
        merged: list[Twig] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = self._line(event.start_mark)
            key = event.value if isinstance(event, yaml.ScalarEvent) else None
            if key is None and not isinstance(event, yaml.AliasEvent):
                self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            value.key = line
            twig.size += value.size
            twig.last = max(twig.last, value.last)
            if key == "<<" and not event.style:
                self.merges.append(line)
                merged += value.value if isinstance(value.value, list) else [value]
            elif key is not None:
                items[key] = value
        for one in merged:
            if isinstance(one.value, dict):
                for name, inner in one.value.items():
                    items.setdefault(name, inner)
        twig.value = items
        self._closed(twig, event)

    def _closed(self, twig: Twig, event: Any) -> None:
        """A collection within brackets ends with its bracket; another one with its last entry."""
        if event.end_mark.index > event.start_mark.index:
            twig.last = max(twig.last, self._last(event, twig.first))


@dataclass(slots=True)
class Part:
    """A node where it stands: in which file, and under which words."""

    ledger: Ledger
    twig: Twig
    path: tuple[str, ...] = ()

    def get(self, name: str) -> Part | None:
        """A value of a mapping; it counts as handled then."""
        if not isinstance(self.twig.value, dict) or name not in self.twig.value:
            return None
        self.twig.handled.add(name)
        return Part(self.ledger, self.twig.value[name], (*self.path, name))

    def at(self, *names: str) -> Part | None:
        """A value further down. Keys on the way hold it together."""
        here: Part | None = self
        for number, name in enumerate(names):
            here = here.get(name) if here is not None else None
            if here is not None and number + 1 < len(names):
                here.frame()
        return here

    def items(self) -> list[tuple[str, Part]]:
        """The values of a mapping, none of something else."""
        found = self.twig.value
        names = list(found) if isinstance(found, dict) else []
        return [(name, part) for name in names if (part := self.get(name)) is not None]

    def entries(self) -> list[Part]:
        """The entries of a list, none of something else."""
        if not isinstance(self.twig.value, list):
            return []
        return [Part(self.ledger, one, self.path) for one in self.twig.value]

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.twig.value, dict)

    @property
    def text(self) -> str | None:
        """A scalar as text; None for anything else."""
        return self.twig.value if isinstance(self.twig.value, str) else None

    @property
    def first(self) -> int:
        return self.twig.key or self.twig.first

    @property
    def last(self) -> int:
        return max(self.twig.last, self.first)

    @property
    def label(self) -> str:
        return ".".join(self.path)

    def use(self) -> None:
        """Something in the draft comes from it."""
        first = self.first
        if first <= self.twig.first:
            self.ledger.use(first, self.last, self.label)
        else:
            # What an alias stands for is written further up.
            self.ledger.use(first, first, self.label)
            self.ledger.use(self.twig.first, self.twig.last, self.label, first)

    def frame(self) -> None:
        """Its key holds others together."""
        self.ledger.frame(self.first)
        if self.twig.first > self.first and not isinstance(self.twig.value, str):
            # Such as a tag or an anchor on a line of its own.
            self.ledger.frame(self.first, self.twig.first - 1)

    def leave(self, why: str) -> None:
        self.ledger.leave(self.first, max(self.last, self.first), self.label, why)

    def leave_rest(self, why: str) -> None:
        """Every value of a mapping that nobody has asked for, by itself."""
        if isinstance(self.twig.value, dict):
            for name in list(self.twig.value):
                if name not in self.twig.handled and (part := self.get(name)) is not None:
                    part.leave(why)

"""Strict YAML that keeps file, line and column of every node.

Deliberately less than YAML: no anchors, tags or guessing. `on`, `yes`, `15:30`,
`09:00-17:00`, `017`, `1.5` and `2026-12-25` stay text; only `true`, `false`, `null` and decimal whole numbers are anything else.
PyYAML scans and parses; composing and resolving is done here, on its events.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from allstop.protocol.problems import Place, Problem, problem

LARGEST_BYTES = 1_000_000
DEEPEST = 64
# Canonical JSON (RFC 8785) cannot hold more without loss.
LARGEST_INTEGER = 2**53 - 1

# libyaml where it is there: many times faster, and its complaints are less exact. A test compares what the
# two make of every built-in protocol.
QUICK: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
# C0 controls but line ends and tab (which has a problem of its own), C1 controls, surrogates,
# non-characters, the line ends that YAML counts and editors do not (NEL, LS, PS), and what turns the
# direction of text around, so that a document shows something else than it says.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a document.

    value: text, whole number, boolean, None, or nodes in a mapping or list; at: where the value
    begins; key: where its key begins, for values in a mapping; empty: a value that is not written
    out at all, as opposed to `null`.
    """

    value: str | int | bool | dict[str, Node] | list[Node] | None
    at: Place
    key: Place | None = None
    empty: bool = False

    @property
    def place(self) -> Place:
        """Where to point a reader: the key when there is one."""
        return self.key or self.at


def content(path: Path, limit: int = LARGEST_BYTES) -> bytes:
    """What a file holds, cut off after `limit` bytes and one more, which shows that it is too long.

    Raises OSError, also for what is no ordinary file: whoever reads a pipe may wait for ever.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "is no ordinary file", str(path))
        return file.read(limit + 1)


def plain(node: Node) -> Any:
    """The node as dicts, lists and scalars, without places."""
    if isinstance(node.value, dict):
        return {name: plain(child) for name, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child) for child in node.value]
    return node.value


def find(node: Node, path: tuple[str | int, ...]) -> Node:
    """The deepest node along a path; what does not exist ends the walk, so there is always a place."""
    for step in path:
        if isinstance(node.value, dict) and str(step) in node.value:
            node = node.value[str(step)]
        elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
        else:
            break
    return node


def read(
    source: bytes | str, file: str, loader: Any = yaml.SafeLoader
) -> tuple[Node | None, tuple[Problem, ...]]:
    """The document's root mapping, and every problem found. Never raises.

    loader: QUICK for what is known to be good. None when the text cannot be parsed; with duplicate keys and the like there is still a tree
    (the first of two keys stays), so that the later checks can speak too.
    """
    start = Place(file, 1, 1)
    if len(source) > LARGEST_BYTES:
        return None, (problem("AP009", start, f"the file has more than {LARGEST_BYTES:,} bytes"),)
    if isinstance(source, bytes):
        try:
            text = source.decode("utf-8")
        except UnicodeDecodeError as error:
            place = _place(file, source[: error.start].decode("utf-8"), error.start)
            return None, (problem("AP008", place, "the file is not UTF-8", "save it as UTF-8"),)
    else:
        text = source
    text = text.removeprefix("\ufeff")
    found = _characters(text, file)
    if found:
        return None, found
    composer = _Composer(text, file, loader)
    try:
        root = composer.document()
    except _Stop:
        return None, tuple(composer.problems)
    except yaml.YAMLError as error:
        return None, (*composer.problems, _syntax(error, file))
    except (ValueError, OverflowError):
        # PyYAML does not guard chr() and int() on escapes and directives.
        at = composer.here()
        return None, (*composer.problems, problem("AP002", at, "an escape that is no character"))
    if root is None:
        root = Node({}, start)
    if not isinstance(root.value, dict):
        text_ = "the document must be a mapping (`key: value`)"
        return None, (*composer.problems, problem("AP014", root.at, text_))
    return root, tuple(composer.problems)


def _characters(text: str, file: str) -> tuple[Problem, ...]:
    """The first character that may not be there, and the first tab."""
    found = []
    bad = _FORBIDDEN.search(text)
    if bad:
        name = f"the character U+{ord(bad.group()):04X} may not stand in a document"
        found.append(problem("AP008", _place(file, text, bad.start()), name, "remove it"))
    tab = text.find("\t")
    if tab >= 0:
        place = _place(file, text, tab)
        found.append(
            problem("AP006", place, "a tab character", 'indent with spaces; in text write "\\t"')
        )
    return tuple(found)


def _place(file: str, text: str, index: int) -> Place:
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    line = before.count("\n") + 1
    return Place(file, line, len(before) - (before.rfind("\n") + 1) + 1)


def _syntax(error: yaml.YAMLError, file: str) -> Problem:
    """PyYAML's complaint at its place, in one sentence."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        words = ", ".join(part for part in (error.context, error.problem) if part)
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        hint = "quote text that begins with a special character or holds `: `"
        return problem("AP002", place, f"not valid YAML: {words}", hint)
    return problem("AP002", Place(file, 1, 1), f"not valid YAML: {error}".splitlines()[0])


class _Stop(Exception):
    """The text was understood and refused; going on would only repeat it."""


class _Composer:
    """Builds nodes from parser events, so depth is checked before anything recurses."""

    def __init__(self, text: str, file: str, loader: Any) -> None:
        self._loader = loader(text)
        self._file = file
        self.problems: list[Problem] = []

    def here(self) -> Place:
        """Where the scanner stands."""
        return Place(self._file, self._loader.line + 1, self._loader.column + 1)

    def document(self) -> Node | None:
        """The root, None for a file without content. Raises YAMLError and _Stop."""
        self._next()  # the stream's start
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        if event.version or event.tags:
            self._refuse("AP005", self._at(event), "directives (`%...`) are not used here")
        root = self._node(self._next(), 1, None)
        self._next()  # the document's end
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            at = self._at(event)
            self._stop("AP007", at, "a second document begins here", "one file holds one document")
        return root

    def _next(self) -> Any:
        return self._loader.get_event()

    def _at(self, event: Any) -> Place:
        return Place(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _refuse(self, code: str, at: Place, text: str, hint: str = "") -> None:
        self.problems.append(problem(code, at, text, hint))

    def _stop(self, code: str, at: Place, text: str, hint: str = "") -> None:
        self._refuse(code, at, text, hint)
        raise _Stop

    def _node(self, event: Any, depth: int, key: Place | None) -> Node:
        at = self._at(event)
        if depth > DEEPEST:
            self._stop("AP010", at, f"nested deeper than {DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent):
            self._refuse("AP005", at, f"the alias *{event.anchor}", "write the value out")
            return Node(None, at, key)
        if event.anchor is not None:
            self._refuse("AP005", at, f"the anchor &{event.anchor}", "remove it")
        if event.tag is not None:
            self._refuse(
                "AP005", at, f"the tag {event.tag}", "remove it; quote text to keep it text"
            )
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, at, key)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(self._list(depth), at, key)
        return Node(self._mapping(depth), at, key)

    def _list(self, depth: int) -> list[Node]:
        nodes = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            nodes.append(self._node(event, depth + 1, None))
        return nodes

    def _mapping(self, depth: int) -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        first: dict[str, Place] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            at = self._at(event)
            if not isinstance(event, yaml.ScalarEvent):
                self._node(event, depth + 1, None)
                self._node(self._next(), depth + 1, None)
                self._refuse("AP012", at, "a key must be text")
                continue
            if event.anchor is not None or event.tag is not None:
                self._refuse("AP005", at, "an anchor or a tag on a key", "remove it")
            name = event.value
            node = self._node(self._next(), depth + 1, at)
            if name == "<<" and not event.style:
                self._refuse("AP005", at, "the merge key <<", "write the values out")
            elif _FORBIDDEN.search(name):
                self._refuse("AP008", at, "an escape in the key stands for a forbidden character")
            elif name in nodes:
                line = first[name].line
                self._refuse(
                    "AP004", at, f'the key "{name}" stands here again, first in line {line}'
                )
            else:
                nodes[name], first[name] = node, at
        return nodes

    def _scalar(self, event: Any, at: Place, key: Place | None) -> Node:
        text: str = event.value
        if event.style:
            if bad := _FORBIDDEN.search(text):
                name = f"an escape stands for the forbidden character U+{ord(bad.group()):04X}"
                self._refuse("AP008", at, name)
                # Something of text stays, so that nobody hears that it is missing as well.
                return Node(_FORBIDDEN.sub("?", text), at, key)
            return Node(text, at, key)
        if text in {"", "~", "null"}:
            return Node(None, at, key, empty=text == "")
        if text in {"true", "false"}:
            return Node(text == "true", at, key)
        if _INTEGER.match(text):
            # The length comes first: int() refuses thousands of digits with an exception.
            if len(text) > 17 or abs(int(text)) > LARGEST_INTEGER:
                self._refuse(
                    "AP013", at, f"{text[:20]} is too large", "quote it to keep it as text"
                )
                return Node(0, at, key)
            return Node(int(text), at, key)
        return Node(text, at, key)

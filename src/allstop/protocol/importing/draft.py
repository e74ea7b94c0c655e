"""The draft under construction: values with the lines they come from, written as YAML with comments."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

_SAFE = re.compile(r"[A-Za-z][A-Za-z0-9 ,;.()/+'%_-]*")
_GUESSED = {"true", "false", "null", "yes", "no", "on", "off", "~"}
WIDTH = 150


class Raw(str):
    """YAML that is written as it stands, such as `{at_least: 1}`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Value:
    """A scalar or a list of scalars. line: of the source, 0 for what the importer had to assume."""

    value: str | int | bool | list[str] | None
    line: int = 0
    assumed: str = ""


Tree = dict[str, "Tree | Value | list[Tree]"]


@dataclass(slots=True)
class Draft:
    """root: the document; used: lines that went into it; assumptions: (path, why)."""

    root: Tree = field(default_factory=dict)
    used: set[int] = field(default_factory=set)

    def put(self, path: tuple[str, ...], value: Value) -> None:
        """Set a value; what stands there already stays, the first mention wins."""
        here = self.root
        for name in path[:-1]:
            following = here.setdefault(name, {})
            if not isinstance(following, dict):
                return
            here = following
        if path[-1] not in here:
            here[path[-1]] = value
            if value.line:
                self.used.add(value.line)

    def at(self, *path: str) -> Tree:
        """The mapping at a path, made when it is not there."""
        here = self.root
        for name in path:
            following = here.setdefault(name, {})
            if not isinstance(following, dict):
                raise TypeError(f"{'.'.join(path)} is no mapping")
            here = following
        return here

    def has(self, *path: str) -> bool:
        here: object = self.root
        for name in path:
            if not isinstance(here, dict) or name not in here:
                return False
            here = here[name]
        return True

    def rows(self, *path: str) -> list[Tree]:
        """The list of mappings at a path, made when it is not there."""
        parent = self.at(*path[:-1])
        found = parent.setdefault(path[-1], [])
        if not isinstance(found, list):
            raise TypeError(f"{'.'.join(path)} is no list")
        return found


def placed(tree: Tree, path: str = "") -> list[tuple[str, str, int]]:
    """(path, value, line) of everything that was taken from the source."""
    found: list[tuple[str, str, int]] = []
    for name, child in tree.items():
        here = f"{path}.{name}" if path else name
        if isinstance(child, Value):
            if child.line:
                found.append((here, _shown(child.value), child.line))
        elif isinstance(child, list):
            for number, row in enumerate(child):
                found += placed(row, f"{here}[{number}]")
        else:
            found += placed(child, here)
    return found


def _shown(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def as_yaml(tree: Tree, indent: int = 0) -> list[str]:
    """The lines of a mapping. A comment behind each value says where it comes from."""
    pad = "  " * indent
    lines: list[str] = []
    for name, child in tree.items():
        if isinstance(child, Value):
            lines.append(f"{pad}{_key(name)}: {_scalar(child.value)}{_origin(child)}")
        elif isinstance(child, list):
            lines.append(f"{pad}{_key(name)}:")
            for row in child:
                inner = as_yaml(row, indent + 2)
                lines.append(f"{pad}  - {inner[0].strip()}")
                lines += inner[1:]
        elif child:
            lines.append(f"{pad}{_key(name)}:")
            lines += as_yaml(child, indent + 1)
        else:
            lines.append(f"{pad}{_key(name)}: {{}}")
    return lines


def _key(name: str) -> str:
    return name if _SAFE.fullmatch(name) and name.lower() not in _GUESSED else json.dumps(name)


def _origin(value: Value) -> str:
    if value.line:
        return f"  # line {value.line}"
    return f"  # assumed: {value.assumed}" if value.assumed else ""


def _scalar(value: str | int | bool | list[str] | None) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_scalar(one) for one in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value)
    plain = _SAFE.fullmatch(value) and value.lower() not in _GUESSED and not value.endswith(" ")
    # A comma or a colon means something in a list written in one line.
    return (
        value
        if plain and "," not in value and ": " not in value
        else json.dumps(value, ensure_ascii=False)
    )

"""A draft as YAML, with a comment behind each value that says where it comes from."""

from __future__ import annotations

import json
import re
from typing import Any

from allstop.protocol.fleet_import.draft import Path, Tree, Value
from allstop.protocol.fleet_import.sources import Origin, clean

_SAFE = re.compile(r"-{0,2}[A-Za-z0-9_./][A-Za-z0-9_/.%=@+-]*( [A-Za-z0-9_/.%=@+()-]+)*")
_NUMBER = re.compile(r"[-+]?[0-9]+")
_GUESSED = {"true", "false", "null", "yes", "no", "on", "off", "~"}
# Keys of a service that come first, in this order; the others follow as they were found.
_ORDER = (
    "title",
    "category",
    "importance",
    "stateful",
    "domain",
    "host",
    "zone",
    "depends",
    "probes",
    "actions",
    "takes",
    "verify",
)
Written = tuple[str, Path]


def as_yaml(tree: Tree, path: Path = (), depth: int = 0) -> list[Written]:
    """The lines of a mapping, each with the path of what it holds."""
    pad = "  " * depth
    lines: list[Written] = []
    names = sorted(tree, key=_place) if len(path) == 2 else list(tree)
    for name in names:
        child = tree[name]
        here = (*path, name)
        key = f"{pad}{scalar(name)}:"
        if isinstance(child, Value):
            lines.append((f"{key} {flow(child.value)}{comment(child)}", here))
        else:
            lines += [(key, here), *as_yaml(child, here, depth + 1)]
    return lines


def _place(name: str) -> int:
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def flow(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{scalar(str(name))}: {flow(one)}" for name, one in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(flow(one) for one in value) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A scalar the reader gives back as it is: text that could be taken for something else is quoted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    plain = _SAFE.fullmatch(text) and not _NUMBER.fullmatch(text) and len(text) < 200
    plain = plain and text.lower() not in _GUESSED
    return text if plain else json.dumps(text, ensure_ascii=False)


def comment(value: Value) -> str:
    """`# compose.yaml line 3`, `# compose.yaml lines 3, 9; assumed: why`, `# assumed: why`."""
    parts = [told(value.origins)] if value.origins else []
    parts += [f"assumed: {clean(value.assumed)}"] if value.assumed else []
    return f"  # {'; '.join(parts)}" if parts else ""


def told(origins: tuple[Origin, ...]) -> str:
    """`compose.yaml lines 3, 9 and web.service line 4`."""
    by_file: dict[str, list[int]] = {}
    for one in origins:
        by_file.setdefault(one.file, []).append(one.line)
    return " and ".join(
        f"{clean(file)} line{'s' if len(set(lines)) > 1 else ''} {', '.join(str(line) for line in sorted(set(lines)))}"
        for file, lines in by_file.items()
    )

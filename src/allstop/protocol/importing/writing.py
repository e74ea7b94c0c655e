"""A draft as YAML, with a comment behind each value that says where it comes from."""

from __future__ import annotations

import json
import re
from typing import cast

from allstop.protocol.importing.draft import Path, Raw, Scalar, Tree, Value

_SAFE = re.compile(r"[A-Za-z][A-Za-z0-9 ;.()/+'%_-]*")
_GUESSED = {"true", "false", "null", "yes", "no", "on", "off", "~"}
# A list that is longer is written one entry a line.
_WIDTH = 80

Written = tuple[str, Path]


def as_yaml(tree: Tree, path: Path = ()) -> list[Written]:
    """The lines of a mapping, each with the path of what it holds."""
    pad = "  " * len(path)
    lines: list[Written] = []
    for name, child in tree.items():
        here = (*path, name)
        key = f"{pad}{_key(name)}:"
        if isinstance(child, Value):
            lines += _text(key, pad, child, here)
        elif isinstance(child, list):
            lines += _list(key, pad, child, here)
        elif child:
            lines += [(key, here), *as_yaml(child, here)]
        else:
            lines.append((f"{key} {{}}", here))
    return lines


def _list(key: str, pad: str, child: list[Value] | list[Tree], here: Path) -> list[Written]:
    texts = [one for one in child if isinstance(one, Value)]
    flow = ", ".join(_scalar(one.value) for one in texts)
    if len(texts) == len(child) and len(flow) <= _WIDTH:
        return [(f"{key} [{flow}]{origin(*texts)}", here)]
    lines: list[Written] = [(f"{key}{origin(*texts)}", here)]
    for number, one in enumerate(child):
        place = (*here, number)
        if isinstance(one, Value):
            lines.append((f"{pad}  - {_scalar(one.value)}{origin(one)}", place))
            continue
        inner = as_yaml(cast("Tree", one), place)
        # The first key of a row stands behind its dash.
        cut = len(inner[0][0]) - len(inner[0][0].lstrip())
        lines.append((f"{' ' * (cut - 2)}- {inner[0][0].lstrip()}", inner[0][1]))
        lines += inner[1:]
    return lines


def _text(key: str, pad: str, value: Value, here: Path) -> list[Written]:
    text = value.value
    if isinstance(text, str) and not isinstance(text, Raw) and "\n" in text and _literal(text):
        lines = [(f"{key} |-{origin(value)}", here)]
        return [*lines, *((f"{pad}  {line}" if line else "", here) for line in text.split("\n"))]
    return [(f"{key} {_scalar(text)}{origin(value)}", here)]


def _literal(text: str) -> bool:
    """Whether a text can stand as it is, indented."""
    lines = text.split("\n")
    return (
        bool(lines[0].strip() and lines[-1].strip())
        and not lines[0].startswith((" ", "#"))
        and all(line == line.rstrip() for line in lines)
        and all(one == "\n" or one.isprintable() for one in text)
    )


def _key(name: str) -> str:
    return name if _SAFE.fullmatch(name) and name.lower() not in _GUESSED else json.dumps(name)


def origin(*values: Value) -> str:
    """`# line 3`, `# lines 3, 4`, `# lines 3-9`, or `# assumed: why`."""
    lines = sorted({line for value in values for line in value.lines})
    if not lines:
        why = next((value.assumed for value in values if value.assumed), "")
        return f"  # assumed: {why}" if why else ""
    return f"  # line{'s' if len(lines) > 1 else ''} {shown(lines)}"


def shown(lines: list[int]) -> str:
    """Numbers in order, those that follow each other as a range when there are three or more."""
    parts: list[str] = []
    start = 0
    for at in range(1, len(lines) + 1):
        if at < len(lines) and lines[at] == lines[at - 1] + 1:
            continue
        run = lines[start:at]
        parts += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else [str(one) for one in run]
        start = at
    return ", ".join(parts)


def _scalar(value: Scalar) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value)
    plain = _SAFE.fullmatch(value) and value.lower() not in _GUESSED and value == value.strip()
    return value if plain else json.dumps(value, ensure_ascii=False)

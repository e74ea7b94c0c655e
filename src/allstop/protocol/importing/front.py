"""The front matter: the mapping between two lines of dashes at the top of a file."""

from __future__ import annotations

import re

from allstop.protocol.importing.pieces import Piece
from allstop.protocol.reader import Node, plain, read

# More than this is no head of a document; it is then taken line by line.
LARGEST = 32_000
_KEY = re.compile(r"([A-Za-z][\w -]{0,60}):(?:\s+(.*))?$")


def front_matter(lines: list[str]) -> tuple[list[Piece], int]:
    """One piece for each key, and how many lines belong to the front matter.

    Read by the strict reader of the documents: aliases, anchors and tags are refused there, so nothing
    can grow. What it cannot read is taken line by line.
    """
    if not lines or lines[0].strip() != "---":
        return [], 0
    end = next((n for n, line in enumerate(lines[1:400], 1) if line.strip() in ("---", "...")), 0)
    starts = [n for n in range(1, end) if _KEY.match(lines[n])]
    if not starts:
        return [], 0
    inside = "\n".join(lines[1:end])
    root, _ = read(inside, "front matter") if len(inside) <= LARGEST else (None, ())
    nodes = root.value if root is not None and isinstance(root.value, dict) else {}
    found = []
    for at, start in enumerate(starts):
        last = starts[at + 1] if at + 1 < len(starts) else end
        match = _KEY.match(lines[start])
        assert match is not None
        written = _texts(nodes[match[1]]) if match[1] in nodes else [match[2] or ""]
        while last - 1 > start and not lines[last - 1].strip():
            last -= 1
        text = ", ".join(one for one in written if one.strip())
        found.append(
            Piece("front", start + 1, " ".join(text.split()), last, cells=(match[1], *written))
        )
    return found, end + 1


def _texts(node: Node) -> list[str]:
    value = plain(node)
    if isinstance(value, list):
        return [str(one) for one in value if one is not None]
    if isinstance(value, dict):
        return [f"{key}: {one}" for key, one in value.items()]
    return [] if value is None else [str(value)]

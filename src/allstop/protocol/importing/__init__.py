"""A draft pack out of a Markdown protocol: severity tables, checklists, roles, templates.

It is a beginning, not a translation: every value says the line it came from or that it was assumed,
and everything that found no place is listed with its line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from allstop.protocol.importing import course
from allstop.protocol.importing.draft import Draft, Value, as_yaml, placed
from allstop.protocol.importing.markdown import Piece, pieces
from allstop.protocol.importing.severities import read_severities
from allstop.protocol.importing.words import slug


@dataclass(frozen=True, slots=True)
class Imported:
    """text: the draft, as YAML; placed: (path, value, line); unplaced: (line, text)."""

    name: str
    text: str
    placed: tuple[tuple[str, str, int], ...]
    unplaced: tuple[tuple[int, str], ...]


def import_markdown(text: str, name: str = "") -> Imported:
    """Make a draft. name: of the protocol; else from the front matter, or from the first heading.

    Raises ValueError for a text that is larger than a megabyte.
    """
    found = pieces(text)
    draft = Draft()
    _head(found, draft, name)
    for read in (
        read_severities, course.read_beginning, course.read_roles, course.read_escalation,
        course.read_stand_down, course.read_phases, course.read_aftermath, course.read_templates,
        course.read_cadence,
    ):  # fmt: skip
        read(found, draft)
    root = {key: child for key, child in draft.root.items() if child}
    chosen = root["name"]
    lines = [
        "# A draft made from a Markdown text. `# line N` is where a value comes from, `# assumed` what the",
        "# text does not say. Read all of it, then: allstop protocol check FILE --alone",
        *as_yaml(root),
    ]
    unplaced = tuple((one.line, _told(one)) for one in found if _left(one, draft))
    value = chosen.value if isinstance(chosen, Value) else "draft"
    return Imported(str(value), "\n".join(lines) + "\n", tuple(placed(root)), unplaced)


def _head(found: list[Piece], draft: Draft, name: str) -> None:
    front = {one.cells[0]: one for one in found if one.kind == "front"}
    heading = next((one for one in found if one.kind == "heading"), None)
    draft.put(("schema",), Value("allstop/1"))
    given = front.get("name")
    if name:
        draft.put(("name",), Value(slug(name)))
    elif given:
        draft.put(("name",), Value(slug(given.text), given.line))
    elif heading:
        draft.put(("name",), Value(slug(heading.text), heading.line))
    draft.put(("name",), Value("draft", 0, "the text has no name"))
    title = front.get("title") or heading or given
    if title:
        draft.put(("title",), Value(title.text[:100], title.line))
    draft.put(("extends",), Value("base", 0, "for everything the text does not say"))


def _left(piece: Piece, draft: Draft) -> bool:
    return piece.kind != "heading" and piece.line not in draft.used and bool(piece.text.strip())


def _told(piece: Piece) -> str:
    text = " ".join(piece.text.split())
    where = f" (under {piece.section})" if piece.section else ""
    short = text if len(text) <= 100 else f"{text[:97]}..."
    label = {"front": f"front matter {piece.cells[0] if piece.cells else ''}: ", "code": "block: "}
    return re.sub(r"\s+", " ", f"{label.get(piece.kind, '')}{short}{where}")

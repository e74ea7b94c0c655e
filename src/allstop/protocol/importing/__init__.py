"""A draft pack out of a Markdown protocol: severity tables, checklists, roles, templates.

It is a beginning, not a translation: every value says the line it came from or that it was assumed,
and every line that found no place is listed.
"""

from __future__ import annotations

from dataclasses import dataclass

from allstop.protocol.importing.beginning import read_halts, read_phrases
from allstop.protocol.importing.course import read_phases, read_stand_down, read_timeline
from allstop.protocol.importing.deciding import read_approvals, read_remedy
from allstop.protocol.importing.draft import Draft, clean, values
from allstop.protocol.importing.fitting import fit
from allstop.protocol.importing.keeping import (
    read_calendar,
    read_cycles,
    read_mode,
    read_obligations,
    read_points,
)
from allstop.protocol.importing.markdown import pieces, split_lines
from allstop.protocol.importing.objectives import read_objectives
from allstop.protocol.importing.people import read_crews, read_escalation, read_roles, read_roster
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.remainder import remainder
from allstop.protocol.importing.severities import read_severities
from allstop.protocol.importing.telling import read_cadence
from allstop.protocol.importing.templates import read_templates
from allstop.protocol.importing.words import slug

__all__ = ["Imported", "import_markdown"]

# In this order: who comes first takes a line.
_READERS = (
    read_severities, read_objectives, read_templates, read_phrases, read_halts, read_roles, read_crews, read_roster,
    read_escalation, read_mode, read_stand_down, read_timeline, read_phases, read_obligations, read_cadence, read_approvals,
    read_remedy, read_cycles, read_calendar, read_points,
)  # fmt: skip
_HEAD = (
    "# A draft made from a Markdown text. `# line N` is where a value comes from, `# assumed` what the",
    "# text does not say. Read all of it, then: allstop protocol check FILE --alone",
)


@dataclass(frozen=True, slots=True)
class Imported:
    """text: the draft, as YAML; placed: (path, value, line), once for each line a value came from;
    unplaced: (line, text), the first line of what had no place; ranges: first and last line of each;
    structure: lines that only hold the others together, such as headings and heads of tables."""

    name: str
    text: str
    placed: tuple[tuple[str, str, int], ...]
    unplaced: tuple[tuple[int, str], ...]
    ranges: tuple[tuple[int, int], ...] = ()
    structure: frozenset[int] = frozenset()


def import_markdown(text: str, name: str = "") -> Imported:
    """Make a draft. name: of the protocol; else from the front matter, or from the first heading.

    What comes out can always be loaded. Raises ValueError for a text that is larger than a megabyte.
    """
    lines = split_lines(text)
    found = pieces(lines)
    draft = Draft()
    _head(found, draft, name)
    for reader in _READERS:
        reader(found, draft)
    fitted = fit(draft)
    left, structure = remainder(lines, found, draft, fitted.refused)
    placed = [
        (path, str(value.value), line) for path, value in values(draft.root) for line in value.lines
    ]
    chosen = draft.get("name")
    return Imported(
        str(chosen.value) if chosen else "draft",
        "\n".join([*_HEAD, *(line for line, _ in fitted.lines)]) + "\n",
        tuple(placed),
        tuple((one.line, one.text) for one in left),
        tuple((one.line, one.last) for one in left),
        frozenset(structure),
    )


def _head(found: list[Piece], draft: Draft, name: str) -> None:
    front = {one.cells[0].lower(): one for one in found if one.kind == "front" and one.text}
    heading = next(
        (one for one in found if one.kind in ("heading", "lead") and one.text.strip()), None
    )
    draft.put(("schema",), "allstop/1", None)
    given = front.get("name")
    if name:
        draft.put(("name",), slug(name, "draft"), None)
    elif given:
        draft.put(("name",), slug(given.text, "draft"), given)
    elif heading:
        draft.put(("name",), slug(heading.text, "draft"), heading)
    else:
        draft.put(("name",), "draft", None, "the text has no name")
    title = front.get("title") or heading or given
    if title:
        draft.put(("title",), clean(title.text)[:200], title)
    draft.put(("extends",), "base", None, "for everything the text does not say")

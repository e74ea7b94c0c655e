"""A picture of the fleet in languages that other programs draw: Mermaid and DOT."""

from __future__ import annotations

import json
from collections.abc import Iterator

from allstop.application.fleet_pictures.picture import KINDS, Box, Picture
from allstop.domain.fleet.ordering import CATEGORIES

# Border and background of each category: dark letters on a light ground, whatever the page around it.
COLOURS = {
    "revenue": ("#b3261e", "#fde7e4"),
    "customer-facing": ("#8a5a00", "#fdf0d5"),
    "internal": ("#1d5c8f", "#e2effa"),
    "analytics": ("#5f5f66", "#eeeef0"),
}
INK = "#1b1b1f"
_MERMAID = {"hard": "-->", "soft": "-.->", "startup": "-. start .->"}
_DOT = {"hard": "", "soft": 'style="dashed"', "startup": 'style="dotted" label="start"'}


def label(box: Box) -> str:
    """What stands in a box: its name, and what one must know of it."""
    return ", ".join((box.name, *box.marks, *((box.standing,) if box.standing else ())))


def mermaid(picture: Picture) -> str:
    """A flowchart, categories as groups."""
    ids = {box.name: f"s{at}" for at, box in enumerate(picture.boxes)}
    lines = ["flowchart TD"]
    for category, boxes in _by_category(picture):
        lines.append(f'  subgraph {category}["{category}"]')
        lines += [f'    {ids[box.name]}["{_mermaid_text(label(box))}"]' for box in boxes]
        lines.append("  end")
    lines += [
        f"  {ids[one.who]} {_MERMAID.get(one.kind, '-->')} {ids[one.whom]}"
        for one in picture.arrows
    ]
    for category, boxes in _by_category(picture):
        border, ground = COLOURS[category]
        lines.append(f"  classDef {category} fill:{ground},stroke:{border},color:{INK}")
        lines.append(f"  class {','.join(ids[box.name] for box in boxes)} {category}")
    chosen = [ids[box.name] for box in picture.boxes if box.chosen]
    if chosen:
        lines += ["  classDef chosen stroke-width:4px", f"  class {','.join(chosen)} chosen"]
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    """Text within quotes: what Mermaid would read is written as entities."""
    return "".join(
        letter if letter.isalnum() or letter in " .,-_%" else f"#{ord(letter)};" for letter in text
    )


def dot(picture: Picture) -> str:
    """A digraph for Graphviz."""
    lines = [
        "digraph fleet {", "  rankdir=TB;",
        f'  node [shape=box style="rounded,filled" fontname="sans-serif" fontcolor="{INK}"];',
        '  edge [fontname="sans-serif" fontsize=10];',
    ]  # fmt: skip
    for category, boxes in _by_category(picture):
        border, ground = COLOURS[category]
        lines.append(f"  // {category}")
        for box in boxes:
            thick = " penwidth=3" if box.chosen else ""
            lines.append(
                f'  {_quoted(box.name)} [label={_quoted(label(box))} color="{border}" fillcolor="{ground}"{thick}];'
            )
    for one in picture.arrows:
        style = _DOT.get(one.kind, "")
        lines.append(
            f"  {_quoted(one.who)} -> {_quoted(one.whom)}{f' [{style}]' if style else ''};"
        )
    lines += [f"  // {kind}: {words}" for kind, words in KINDS.items()]
    return "\n".join((*lines, "}")) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _by_category(picture: Picture) -> Iterator[tuple[str, list[Box]]]:
    for category in CATEGORIES:
        boxes = [box for box in picture.boxes if box.category == category]
        if boxes:
            yield category, boxes

"""A paper as Markdown, HTML and JSON. Whatever stands in the record, it stays text."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from html import escape
from typing import Any

from allstop.application.reporting.paper import (
    Block,
    Bullets,
    Paper,
    Paragraph,
    Section,
    Table,
    Terms,
)

_MARKS = {"done": "[x] ", "open": "[ ] ", "": ""}
_SIGNS = {"done": "✓ ", "open": "○ ", "": ""}
# Inside a word an underscore is one; elsewhere it would begin or end something.
_EDGE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_NUMBER = re.compile(r"\A(\d{1,9})([.)])", re.ASCII)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "table{border-collapse:collapse;width:100%;font-size:.9em}"
    "td,th{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "dt{font-weight:600}dd{margin:0 0 .4rem 1.2rem}.sub{color:#555}"
    "@media print{body{margin:0}}@media(max-width:40rem){table{display:block;overflow-x:auto}}"
)


def text_of(text: str) -> str:
    """Text that cannot break out of a table cell, nor become markup."""
    table = {
        "\\": "\\\\", "|": "\\|", "*": "\\*", "&": "&amp;", "<": "&lt;", ">": "&gt;", "[": "\\[",
        "]": "\\]", "`": "'", "~": "\\~",
    }  # fmt: skip
    # Line breaks, control characters and marks that reverse the text become blanks.
    safe = "".join(table.get(letter, letter if letter.isprintable() else " ") for letter in text)
    return _EDGE.sub(r"\\_", safe)


def line_of(text: str) -> str:
    """The same at the beginning of a line, where some letters would make a heading, a list or a rule."""
    safe = text_of(text).lstrip()
    if safe[:1] in ("#", "-", "+", "="):
        return f"\\{safe}"
    return _NUMBER.sub(r"\1\\\2", safe)


def markdown(paper: Paper) -> str:
    lines = [f"# {text_of(paper.title)}", "", text_of(paper.subtitle), ""]
    for section in paper.sections:
        lines += [f"{'#' * section.level} {text_of(section.title)}", ""]
        for block in section.blocks:
            lines += [*_markdown_block(block), ""]
    return "\n".join(lines).rstrip() + "\n"


def _markdown_block(block: Block) -> list[str]:
    match block:
        case Paragraph(text):
            return [line_of(text)]
        case Bullets(items):
            return [f"- {_MARKS[mark]}{line_of(text)}" for mark, text in items]
        case Terms(items):
            return [f"- {line_of(term)}: {text_of(text)}" for term, text in items]
        case Table(head, rows):
            lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
            return lines + ["| " + " | ".join(text_of(cell) for cell in row) + " |" for row in rows]


def html(paper: Paper) -> str:
    """One page that needs nothing else: no script, no address, its style inside."""
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{_plain(paper.title)}</title><style>{_STYLE}</style></head><body>",
        f'<h1>{_plain(paper.title)}</h1><p class="sub">{_plain(paper.subtitle)}</p>',
    ]
    for section in paper.sections:
        parts.append(
            f'<h{section.level} id="{_plain(section.id)}">{_plain(section.title)}</h{section.level}>'
        )
        parts += [_html_block(block) for block in section.blocks]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _html_block(block: Block) -> str:
    match block:
        case Paragraph(text):
            return f"<p>{_plain(text)}</p>"
        case Bullets(items):
            return (
                "<ul>"
                + "".join(f"<li>{_SIGNS[mark]}{_plain(text)}</li>" for mark, text in items)
                + "</ul>"
            )
        case Terms(items):
            return (
                "<dl>"
                + "".join(f"<dt>{_plain(term)}</dt><dd>{_plain(text)}</dd>" for term, text in items)
                + "</dl>"
            )
        case Table(head, rows):
            top = "".join(f"<th>{_plain(cell)}</th>" for cell in head)
            body = "".join(
                "<tr>" + "".join(f"<td>{_plain(cell)}</td>" for cell in row) + "</tr>"
                for row in rows
            )
            return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _plain(text: str) -> str:
    return escape("".join(letter if letter.isprintable() else " " for letter in text))


def as_json(paper: Paper) -> str:
    """The paper as structured records, for other programs."""
    found = {
        "kind": paper.kind,
        "incident": paper.incident,
        "title": paper.title,
        "made_at": paper.made_at.isoformat().replace("+00:00", "Z"),
        "sections": [_json_section(one) for one in paper.sections],
    }
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _json_section(section: Section) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": section.title,
        "level": section.level,
        "blocks": [
            {"type": type(block).__name__.lower()}
            | {one.name: getattr(block, one.name) for one in fields(block)}
            for block in section.blocks
        ],
    }

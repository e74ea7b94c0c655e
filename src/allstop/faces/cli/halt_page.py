"""Halts as pages. "Stopped" is said only where the coordinator says it, with the counts beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.times import ago, due, instant

Shape = Mapping[str, Any]

TONES = {
    "confirmed": "good",
    "enforced": "good",
    "unaccounted": "bad",
    "contradicted": "bad",
    "escaped": "bad",
    "unreachable": "bad",
    "stuck": "bad",
    "running": "plain",
    "resumed": "plain",
    "released": "plain",
}
NAMED = 4


def halt_summary(halt: Shape) -> tuple[Cell, ...]:
    """One line: how many of how many, and who is missing."""
    if not halt["total"]:
        return (Piece(f"{halt['id']}: no agent is in its scope", "dim"),)
    count = f"{halt['id']}: {halt['settled']} of {halt['total']} agents stopped"
    if halt["stopped"]:
        return (Piece(count, "good"),)
    loose = [line for line in halt["roll"] if not line["settled"]]
    names = ", ".join(f"{line['agent']} ({line['state']})" for line in loose[:NAMED])
    more = f" and {len(loose) - NAMED} more" if len(loose) > NAMED else ""
    return Piece(count, "bad"), Piece(f"; not yet: {names}{more}" if names else "", "bad")


def roll_call(page: Page, halt: Shape, now: datetime) -> None:
    """Everybody on the roll, the ones that have not stopped first."""
    ordered = instant(halt["ordered_at"])
    when = f", ordered {ago(ordered, now)} by {halt['ordered_by']}" if ordered else ""
    page.line(Piece(f"{halt['id']} ({halt['scope']})", "strong"), f": {halt['reason']}{when}")
    page.line("  ", *_standing(halt, now))
    rows = sorted(halt["roll"], key=lambda line: line["settled"])
    page.table(
        ("agent", "team", "state", "was working on", "saved as", "evidence"),
        [_roll(row) for row in rows],
        2,
    )


def _standing(halt: Shape, now: datetime) -> tuple[Cell, ...]:
    if not halt["stands"]:
        return (Piece(f"released by {halt['released_by']}", "dim"),)
    if not halt["total"]:
        return (Piece("no agent is in its scope", "dim"),)
    text = f"{halt['settled']} of {halt['total']} stopped"
    if halt["stopped"]:
        return (Piece(f"all stopped: {text}", "good"),)
    at = instant(halt["deadline_at"])
    until = f"; roll call {due(at, now)[0]}" if at else ""
    return (Piece(f"NOT ALL STOPPED: {text}{until}", "bad"),)


def _roll(line: Shape) -> tuple[Cell, ...]:
    return (
        line["agent"],
        line["team"],
        Piece(line["state"], TONES.get(line["state"], "notice")),
        line["working_on"] or "-",
        line["checkpoint"][:12] or "-",
        line["evidence"] or "-",
    )

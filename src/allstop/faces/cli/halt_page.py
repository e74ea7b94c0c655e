"""Halts as pages. "Stopped" is said only where the coordinator says it, with the counts beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.times import ago, clock, due, instant

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
    page.line(
        Piece(f"{halt['id']} ({halt['scope']}{tools(halt)})", "strong"), f": {halt['reason']}{when}"
    )
    for conflict in halt.get("conflicts", ()):
        page.line("  ", Piece(conflict, "notice"))
    page.line("  ", *_standing(halt, now))
    for cells in _releasing(halt, now):
        page.line("  ", *cells)
    rows = sorted(halt["roll"], key=lambda line: line["settled"])
    page.table(
        ("agent", "team", "state", "was working on", "saved as", "evidence"),
        [_roll(row) for row in rows],
        2,
    )


def tools(halt: Shape) -> str:
    """What is blocked, where that is not the usual: everything but reading and reporting."""
    classes = list(halt.get("classes", ["default"]))
    if classes == ["default"]:
        return ""
    return ", every tool" if classes == ["hard"] else f", tools {', '.join(classes)}"


def _releasing(halt: Shape, now: datetime) -> list[tuple[Cell, ...]]:
    """How far a release has come: what it waits for, which stage is watched, what has happened in it."""
    found: list[tuple[Cell, ...]] = []
    if halt.get("waits_for"):
        found.append(
            (Piece(f"its release was asked for and waits for {halt['waits_for']}", "notice"),)
        )
    if halt.get("stage"):
        until = instant(halt["stage_until"])
        left = f", watched until {clock(until)} UTC" if until and until > now else ""
        allowed = [
            f"{line['agent']} ({', '.join(line['allowed'])})"
            if list(line["allowed"]) == ["read"]
            else line["agent"]
            for line in halt["roll"]
            if line.get("allowed")
        ]
        found.append(
            (Piece(f"release, stage {halt['stage']}{left}: {', '.join(allowed)}", "notice"),)
        )
    found += [(Piece(f"ALARM: {one}", "bad"),) for one in halt.get("alarms", ())]
    return found


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

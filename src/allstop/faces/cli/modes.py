"""Emergency mode: what is suspended and allowed while an incident is open."""

from __future__ import annotations

import click

from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import TimeWord, due, instant
from allstop.faces.cli.verbs import VerbGroup, verb


@verb("mode", "allstop mode", "allstop mode --json | jq .suspended")
def _mode(session: Session) -> None:
    """Emergency mode: what is suspended or allowed, until when."""
    answer = session.client.get("mode")
    if session.as_json:
        session.print_json(answer)
        return
    found, now = answer.data, session.now(answer)
    page = Page()
    if not found["incidents"] and not found["suspended"] and not found["enabled"]:
        if not session.quiet:
            page.line("Emergency mode is off.")
        session.show(page)
        return
    page.table((), [(Piece("suspended", "notice"), text) for text in found["suspended"].values()])
    page.table((), [(Piece("allowed  ", "good"), text) for text in found["enabled"].values()])
    for one in found["incidents"]:
        until = instant(one["until"])
        text, late = due(until, now) if until else ("at its stand-down", False)
        ends = text.replace("due ", "").replace("OVERDUE", "overdue")
        page.line(f"because of {one['incident']}, ends ", Piece(ends, "bad" if late else "plain"))
    session.show(page)


@verb("extend", 'allstop mode extend 6h --because "the vendor needs the night"', incident=True)
@click.argument("until", metavar="TIME", type=TimeWord())
@BECAUSE
def extend(session: Session, until: str, because: str, incident: str) -> None:
    """Set a new end of emergency mode.

    TIME: 2026-12-01T10:00Z, or `6h` from now.
    """
    body = {"until": until, "because": because}
    answer = session.client.post("incidents", incident, "mode", body=body)
    session.told(answer, f"emergency mode ends at {until} now", next_command="allstop mode")


@verb("end", 'allstop mode end --because "the shop sells again"', incident=True)
@BECAUSE
def end(session: Session, because: str, incident: str) -> None:
    """End emergency mode now, before the incident ends."""
    body = {"end": True, "because": because}
    answer = session.client.post("incidents", incident, "mode", body=body)
    session.told(answer, "emergency mode is over", next_command="allstop mode")


mode = VerbGroup(_mode, extend, end)

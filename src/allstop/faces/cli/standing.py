"""What stands beside the incidents: points of teams, and what somebody who joins late has to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.named import Whole
from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import ago, instant
from allstop.faces.cli.verbs import Named, VerbGroup, verb

Shape = Mapping[str, Any]
SHOWN = 10


@verb("points", "allstop points", "allstop points --all")
@click.option("--all", "whole", is_flag=True, help="Every entry, not only the newest.")
def _points(session: Session, *, whole: bool) -> None:
    """The points of the teams, and what they were given for."""
    answer = session.client.get("points")
    if session.as_json:
        session.print_json(answer)
        return
    found, now = answer.data, session.now(answer)
    page = Page()
    page.table((), [(str(one["points"]), one["title"]) for one in found["balances"]])
    if not found["balances"]:
        page.line("There is no team on the roster.")
    entries = found["entries"] if whole else found["entries"][:SHOWN]
    if entries and not session.quiet:
        page.title("Given")
        page.table((), [_entry(one, now) for one in entries], indent=2)
        if len(entries) < len(found["entries"]):
            page.line(Piece(f"  and {len(found['entries']) - len(entries)} more: --all", "dim"))
    session.show(page)


def _entry(one: Shape, now: Any) -> tuple[Cell, ...]:
    at = instant(one["at"])
    where = f" ({one['incident']})" if one["incident"] else ""
    tone = "good" if one["points"] >= 0 else "bad"
    when = Piece(ago(at, now) if at else "", "dim")
    return Piece(f"{one['points']:+d}", tone), one["team"], when, f"{one['because']}{where}"


@verb(
    "give",
    'allstop points give builders 10 --because "found the cause in four minutes"',
    'allstop points give builders -5 --because "skipped the review" --incident INC-1',
    ignore_unknown_options=True,
)
@click.argument("team", type=Named("team"))
@click.argument("points", type=Whole(-1_000_000, 1_000_000))
@BECAUSE
@click.option(
    "--incident", default="", metavar="INC", type=Named("incident"), help="It was for that."
)
def give(session: Session, team: str, points: int, because: str, incident: str) -> None:
    """Give points to a team by hand, or take some."""
    body = {"team": team, "points": points, "because": because, "incident": incident}
    answer = session.client.post("points", body=body)
    warning = answer.data.get("warning")
    text = f"{points:+d} for {team}" + (f"\nwarning: {warning}" if warning else "")
    session.told(answer, text, next_command="allstop points")


points = VerbGroup(_points, give)


@verb("read-in", "allstop read-in", "allstop read-in -q | say", afterwards=True, word=True)
def read_in(session: Session, incident: str) -> None:
    """What somebody who joins late has to know."""
    answer = session.client.get("incidents", incident, "read-in")
    if session.as_json:
        session.print_json(answer)
        return
    found = answer.data
    page = Page()
    if session.quiet:
        for sentence in found["sentences"]:
            page.line(sentence)
    else:
        page.line(
            Piece(found["incident"], "strong"), f"  {found['severity']}  ",
            Piece(found["title"], "strong"), f"  {found['state'].replace('-', ' ')}",
        )  # fmt: skip
        for part in found["parts"]:
            page.title(part["title"])
            for one in part["points"]:
                page.line(f"  {_point(one)}", hang=4)
    session.show(page)


def _point(one: Shape) -> str:
    at = instant(one["at"])
    when = f"{at:%H:%M} UTC  " if at else ""
    return f"{when}{one['text']}"

"""What stands beside the incidents: points of teams, and the checks before anything is executed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from allstop.errors import Missing, Unavailable
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.named import Whole
from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.session import CURRENT, Session
from allstop.faces.cli.times import ago, instant
from allstop.faces.cli.verbs import Named, VerbGroup, verb
from allstop.faces.cli.work_page import check_row

Shape = Mapping[str, Any]
SHOWN = 10
LOOK_AGAIN, TRIES = 0.5, 240


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


@verb(
    "preflight",
    "allstop preflight",
    "allstop preflight --outside",
    "allstop preflight -q && deploy",
    incident=True,
    word=True,
)
@click.option(
    "--outside", is_flag=True, help="Run the checks although an incident is open, not in it."
)
def preflight(session: Session, incident: str, *, outside: bool) -> None:
    """Run the protocol's checks before anything is executed.

    In an incident they go on its record, and a plan may wait for them; without one they are only shown.
    Exit code 1 when one fails.
    """
    outside = outside or (incident == CURRENT and not _one_is_open(session))
    found = _outside(session) if outside else _inside(session, incident)
    if session.as_json:
        session.print_value(found)
    else:
        page = Page()
        if not session.quiet:
            page.table((), [check_row(one) for one in found["checks"]])
        failed = sum(1 for one in found["checks"] if one["ok"] is not True)
        if not found["checks"]:
            page.line("The protocol has no checks.")
        elif failed or not session.quiet:
            tone = "bad" if failed else "good"
            text = (
                f"{failed} of {len(found['checks'])} checks did not pass."
                if failed
                else "All checks passed."
            )
            page.line(Piece(text, tone))
        session.show(page)
    if found["state"] != "passed":
        raise Ended(1)


def _one_is_open(session: Session) -> bool:
    return any(one["state"] == "open" for one in session.client.get("incidents").data)


def _outside(session: Session) -> Shape:
    found: Shape = session.client_within(120).get("preflight").data
    return found


def _inside(session: Session, incident: str) -> Shape:
    """Begin the checks and wait until they are through."""
    number = session.client.post("incidents", incident, "preflight").data.get("preflight", 0)
    for _ in range(TRIES):
        found: Shape | None = session.client.get("incidents", incident).data["preflight"]
        if found is None:
            raise Missing("the incident has no preflight", "allstop timeline")
        if found["number"] >= number and found["state"] != "running":
            return found
        session.launch.pause(LOOK_AGAIN)
    raise Unavailable("the checks do not come to an end", "allstop effects")


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

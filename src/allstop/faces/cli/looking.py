"""Looking at one incident: as it stands, and as it came to be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from allstop.faces.cli.advice import advice
from allstop.faces.cli.halt_page import roll_call
from allstop.faces.cli.incident_page import compact, everything
from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.plan_page import whole_plan
from allstop.faces.cli.safe_text import safe_json
from allstop.faces.cli.session import CURRENT, Session
from allstop.faces.cli.times import clock, instant
from allstop.faces.cli.verbs import verb

Shape = Mapping[str, Any]


@verb(
    "show",
    "allstop show",
    "allstop show INC-1 --all",
    "allstop show --json | jq .line.severity",
    afterwards=True,
    word=True,
)
@click.option(
    "--all",
    "whole",
    is_flag=True,
    help="Gates, roles, plans, roll calls, evidence and times as well.",
)
def show(session: Session, incident: str, *, whole: bool) -> None:
    """One incident: what fails, who commands, what it waits for.

    Without a name: the open one, else the one that was stood down and is not closed.
    """
    answer = session.client.get("incidents", incident)
    if session.as_json:
        session.print_json(answer)
        return
    view, now = answer.data, session.now(answer)
    page = Page()
    compact(page, view, now)
    if whole:
        for plan in view["plans"]:
            page.blank()
            whole_plan(page, plan)
        for halt in view["halts"]:
            page.blank()
            roll_call(page, halt, now)
        everything(page, view, now)
    session.show(page)
    session.advise(session.addressed(advice(view, now), view["line"]["id"]))


@verb(
    "timeline",
    "allstop timeline",
    "allstop timeline INC-1 --everything",
    "allstop timeline --follow",
    "allstop timeline --numbers",
    afterwards=True,
    word=True,
)
@click.option("--follow", "-f", is_flag=True, help="Go on as things happen; Ctrl-C ends it.")
@click.option("--everything", "whole", is_flag=True, help="Samples and deliveries as well.")
@click.option(
    "--numbers", is_flag=True, help="With the number of each entry, for `allstop correct`."
)
def timeline(session: Session, incident: str, *, follow: bool, whole: bool, numbers: bool) -> None:
    """What happened in an incident, in order.

    With --json --follow every entry is a line of JSON.
    """
    query = {"everything": "true"} if whole else {}
    if incident == CURRENT and follow:
        # It stays the same one when it is stood down and another is declared.
        incident = session.client.get("incidents", incident).data["line"]["id"]
    answer = session.client.get("incidents", incident, "timeline", **query)
    entries = answer.data
    if session.as_json and not follow:
        session.print_json(answer)
        return
    say(session, entries, numbers=numbers)
    if follow:
        after = max((entry["position"] for entry in entries), default=0)
        follow_from(session, after, incident=incident, whole=whole, numbers=numbers)


def follow_from(
    session: Session, after: int, *, incident: str = "", whole: bool = False, numbers: bool = False
) -> None:
    """Print entries as they come, until interrupted."""
    for event in session.client.events(after, incident=incident):
        entry = event.entry
        if whole or entry["kind"] not in QUIET:
            say(session, [entry], numbers=numbers)


# As the timeline leaves them out; the stream has everything.
QUIET = frozenset({"samples.recorded", "notification.delivered", "aftercare.looked"})


def say(session: Session, entries: Iterable[Shape], *, numbers: bool = False) -> None:
    """Entries as lines: of JSON, or for people."""
    if session.as_json:
        for entry in entries:
            click.echo(safe_json(json.dumps(entry, ensure_ascii=False)))
        return
    page = Page()
    for entry in entries:
        at = instant(entry["at"])
        today = f"{at:%Y-%m-%d} UTC" if at else ""
        if today != session.day and not session.quiet:
            page.line(Piece(today, "dim"))
        session.day = today
        cells, hang = _entry(entry, numbers=numbers)
        page.line(*cells, hang=hang)
        if entry["correction"]:
            page.line(
                f"{'':<{hang}}", Piece(f"corrected: {entry['correction']}", "notice"), hang=hang
            )
    session.show(page)


def _entry(entry: Shape, *, numbers: bool) -> tuple[tuple[Cell, ...], int]:
    """An entry, and where its text begins. Only entries of the incident itself have a number."""
    at = instant(entry["at"])
    actor = entry["actor"].partition(":")[2] or entry["actor"]
    own = entry["stream"].startswith("incident/")
    number = f"{entry['version'] if own else '':>4}  " if numbers else ""
    begin = f"{number}{clock(at) if at else '':<8}"
    who = f"  {actor:<14}  "
    cells = (Piece(begin, "dim"), who, Piece(entry["text"], entry["tone"]))
    return cells, len(begin) + len(who)

"""The checks before anything is executed: run them, or see what the coordinator found by itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from threading import Event, Thread
from typing import Any

import click

from allstop.domain.moment import words
from allstop.errors import AllstopError, Missing, Unavailable
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.session import CURRENT, Session
from allstop.faces.cli.times import ago, instant
from allstop.faces.cli.verbs import Named, verb
from allstop.faces.cli.work_page import check_row

Shape = Mapping[str, Any]
LOOK_AGAIN, TRIES = 0.5, 240
# Longer than the coordinator gives itself for all of it.
PATIENCE = 120
# What takes longer than this is worth a word.
SLOW_MS = 1000


@verb(
    "preflight",
    "allstop preflight",
    "allstop preflight --failed",
    "allstop preflight --service ledger --check adapters",
    "allstop preflight --newest --json | jq .state",
    "allstop preflight -q && deploy",
    incident=True,
    word=True,
)
@click.option(
    "--outside", is_flag=True, help="Run the checks although an incident is open, not in it."
)
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="SERVICE",
    type=Named("service"),
    help="Only what concerns this service; may be repeated.",
)
@click.option(
    "--check", "checks", multiple=True, metavar="CHECK", help="Only this check; may be repeated."
)
@click.option(
    "--newest",
    is_flag=True,
    help="Show what the coordinator found last by itself; look at nothing.",
)
@click.option("--failed", is_flag=True, help="Show only what has not passed.")
def preflight(
    session: Session, incident: str, *, outside: bool, services: tuple[str, ...], checks: tuple[str, ...],
    newest: bool, failed: bool,
) -> None:  # fmt: skip
    """Run the protocol's checks before anything is executed.

    In an incident they go on its record, and a plan may wait for them; without one, or with a part of
    them only, they are only shown. Exit code 1 when one fails.
    """
    part = bool(services or checks or newest)
    outside = outside or part or (incident == CURRENT and not _one_is_open(session))
    query = _query(services, checks, newest=newest)
    found = _outside(session, query) if outside else _inside(session, incident)
    if session.as_json:
        session.print_value(found)
    else:
        session.show(_page(session, found, newest=newest, failed=failed))
    if found["state"] != "passed":
        raise Ended(1)


def _query(services: tuple[str, ...], checks: tuple[str, ...], *, newest: bool) -> dict[str, Any]:
    asked = {"service": ",".join(services), "check": ",".join(checks)}
    return {name: value for name, value in asked.items() if value} | (
        {"newest": "true"} if newest else {}
    )


def _page(session: Session, found: Shape, *, newest: bool, failed: bool) -> Page:
    page, checks = Page(), found["checks"]
    bad = sum(1 for one in checks if one["ok"] is not True)
    if not session.quiet:
        page.table((), [_row(one) for one in checks if not failed or one["ok"] is not True])
    at = instant(found["at"]) if newest else None
    when = f", looked {ago(at, session.launch.now())}" if at else ""
    if not checks:
        page.line("There is nothing to check.")
    elif bad or not session.quiet:
        text = f"{bad} of {len(checks)} checks did not pass" if bad else "All checks passed"
        page.line(Piece(f"{text}{when}.", "bad" if bad else "good"))
    return page


def _row(one: Shape) -> tuple[Cell, ...]:
    mark, about, text = check_row(one)
    took = f" ({words(one['took_ms'])})" if one["took_ms"] >= SLOW_MS else ""
    mend = f" -> {one['mend']}" if one["mend"] else ""
    return mark, about, f"{text}{took}{mend}"


def _one_is_open(session: Session) -> bool:
    return any(one["state"] == "open" for one in session.client.get("incidents").data)


def _outside(session: Session, query: Mapping[str, Any]) -> Shape:
    """Ask for it, and meanwhile say how far it is to whoever looks at a terminal."""
    client = session.client_within(PATIENCE)
    if session.as_json or session.quiet or not _somebody_watches():
        found: Shape = client.get("preflight", **query).data
        return found
    over = Event()
    teller = Thread(target=_tell, args=(session, over), daemon=True)
    teller.start()
    try:
        found = client.get("preflight", **query).data
    finally:
        over.set()
        teller.join()
    return found


def _somebody_watches() -> bool:
    return sys.stderr.isatty()


def _tell(session: Session, over: Event) -> None:
    """One line that is written over and over, and taken away at the end."""
    shown = ""
    while not over.wait(LOOK_AGAIN):
        try:
            far = session.client_within(LOOK_AGAIN).get("preflight", newest="true").data
            text = f"{far['done']} of {far['total']} looked at" if far["total"] else "looking"
        except AllstopError:
            text = "looking"
        shown = f"\r{text}\x1b[K"
        click.echo(shown, nl=False, err=True)
    if shown:
        click.echo("\r\x1b[K", nl=False, err=True)


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

"""What is going on: the answer to a bare `allstop`, and `allstop status`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from allstop.errors import Missing
from allstop.faces.cli.exit_codes import Ended, ProblemAnswer
from allstop.faces.cli.fleet import agent_rows, service_rows, service_state
from allstop.faces.cli.halt_page import halt_summary
from allstop.faces.cli.incident_page import compact, headline
from allstop.faces.cli.lever_page import overdue
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import ago, instant
from allstop.faces.cli.verbs import verb

Shape = Mapping[str, Any]
CLOSED_SHOWN = 3
FAILING_SHOWN = 2
KEPT = "the last good one is in force, because the documents on disk are broken"
MENDED = "Mend them, then: allstop protocol check && allstop reload"


def glance(session: Session) -> None:
    """Bare `allstop`: in all cases something to do next."""
    try:
        _ = session.settings
    except Missing:
        click.echo("There is no Allstop project here.")
        session.advise("allstop init")
        return
    from allstop.faces.cli.client import NotRunning  # noqa: PLC0415 - not before there is a project

    try:
        _tell(session, full=False)
    except NotRunning as error:
        if session.settings.url:
            raise
        click.echo(f"Allstop is not running in {session.settings.home}.")
        session.advise(error.hint)
        raise Ended(5) from None


@verb("status", "allstop status", "allstop status --json | jq .incidents[0].severity")
def status(session: Session) -> None:
    """How bad is it: incidents, halts, services and agents."""
    _tell(session, full=True)


def _tell(session: Session, *, full: bool) -> None:
    answer = session.client.get("overview")
    if session.as_json:
        session.print_json(answer)
        return
    overview, now = answer.data, session.now(answer)
    page = Page()
    _incidents(session, page, overview, now)
    _halts(page, overview)
    _beside(page, overview, now, _kept(session))
    if full:
        for title, rows, none in (
            ("Services", service_rows(overview["services"]), "fleet.yaml describes none"),
            ("Agents", agent_rows(overview["agents"]), "none is registered"),
        ):
            page.title(title)
            page.table((), rows or [(Piece(none, "dim"),)], indent=2)
    else:
        _counts(page, overview)
    session.show(page)
    session.advise(
        f"{overview['next']}    ({overview['next_because']})" if overview["next"] else ""
    )


def _incidents(session: Session, page: Page, overview: Shape, now: datetime) -> None:
    open_ones = [line for line in overview["incidents"] if line["state"] == "open"]
    if not open_ones:
        page.line(Piece("No incident is open.", "good"))
    for line in open_ones:
        page.blank()
        compact(page, session.client.get("incidents", line["id"]).data, now)
    closed = [line for line in overview["incidents"] if line["state"] != "open"]
    if closed:
        page.blank()
    for line in closed[:CLOSED_SHOWN]:
        headline(page, line)
        if line["aftercare"]:
            page.line("  ", Piece(line["aftercare"], "dim"))


def _halts(page: Page, overview: Shape) -> None:
    """Halts that no incident shows."""
    loose = [halt for halt in overview["halts"] if halt["stands"] and not halt["incident"]]
    if loose:
        page.title("Halts without an incident")
    for halt in loose:
        page.line("  ", *halt_summary(halt))


def _kept(session: Session) -> str:
    """Why the documents on disk are not what is in force, or nothing."""
    try:
        return str(session.client.get("protocol").data.get("kept_because", ""))
    except ProblemAnswer:
        return ""  # whoever may not read it is told the rest


def _beside(page: Page, overview: Shape, now: datetime, kept: str) -> None:
    """What waits beside the incidents: proposals, emergency mode, what is late, broken documents."""
    told = [
        (f"proposal  {one['id']} waits for an answer: {one['text']}", "notice")
        for one in overview["proposals"]
    ]
    if kept:
        told.append((f"policy    {KEPT}: {kept}. {MENDED}", "bad"))
    told += _readiness(overview.get("readiness"), now)
    told += [(text, "bad") for text in overdue(overview.get("overdue_levers", ()), now)]
    mode, review = overview["mode"], overview["review"]
    shown = {line["id"] for line in overview["incidents"] if line["state"] == "open"}
    if _mode_is_news(mode, shown):
        told.append((f"emergency mode is on{_suspended(mode)}", "notice"))
    late = overview["late_obligations"]
    if late:
        what = "obligation is" if late == 1 else "obligations are"
        told.append((f"late      {late} {what} late: allstop owed --all", "bad"))
    if review and review["late"]:
        told.append((f"review    {_review(review, now)}", "notice"))
    if told:
        page.blank()
    for text, tone in told:
        page.line(Piece(text, tone), hang=10)


def _readiness(one: Shape | None, now: datetime) -> list[tuple[str, str]]:
    """Since when the whole preflight is red, and what of it is."""
    if not one or one["passed"]:
        return []
    since = instant(one["since"])
    first = "; ".join(one["failing"][:FAILING_SHOWN])
    more = f" and {one['bad'] - FAILING_SHOWN} more" if one["bad"] > FAILING_SHOWN else ""
    when = f", it turned {ago(since, now)}" if since else ""
    return [(f"preflight is red{when}: {first}{more}. allstop preflight --newest --failed", "bad")]


def _mode_is_news(mode: Shape | None, shown: set[str]) -> bool:
    """Whether something is suspended or allowed that no incident on the page tells of."""
    if not mode or not (mode["suspended"] or mode["enabled"]):
        return False
    return not any(one["incident"] in shown for one in mode["incidents"])


def _suspended(mode: Shape) -> str:
    names = ", ".join(mode["suspended"].values())
    return f"; suspended: {names}" if names else ""


def _review(review: Shape, now: datetime) -> str:
    due = instant(review["due_at"])
    if due is None:
        return "the protocol was never reviewed"
    days = max(1, (now - due).days)
    return f"protocol review is late by {days} {'day' if days == 1 else 'days'}"


def _counts(page: Page, overview: Shape) -> None:
    """One line each about services and agents, naming only what is not well."""
    page.blank()
    services, agents = overview["services"], overview["agents"]
    ill = [one for one in services if one["state"] != "up"]
    told = ", ".join(f"{one['name']} {service_state(one).text}" for one in ill)
    well = sum(1 for one in services if one["state"] == "up")
    page.line(
        f"services  {well} of {len(services)} up",
        Piece(f"; {told}" if told else "", "notice" if all(one["off"] for one in ill) else "bad"),
    )
    held = sum(1 for one in agents if one["held_by"])
    page.line(f"agents    {len(agents) - held} of {len(agents)} free to work, {held} held")

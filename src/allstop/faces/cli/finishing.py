"""Ending an incident, and writing down what it was."""

from __future__ import annotations

import click

from allstop.faces.cli.safe_text import safe_block
from allstop.faces.cli.session import CURRENT, Session
from allstop.faces.cli.verbs import Named, verb


@verb(
    "stand-down",
    'allstop stand-down "release 41 is gone, 15 minutes without an error"',
    incident=True,
)
@click.argument("reason")
def stand_down(session: Session, reason: str, incident: str) -> None:
    """End the incident.

    Refused, with all that is missing, until every criterion holds. Lifts the incident's halts.
    """
    answer = session.client.post("incidents", incident, "stand-down", body={"reason": reason})
    name = answer.data.get("incident") or (incident if incident != CURRENT else "")
    session.told(
        answer, "stood down", next_command=f"allstop report {name} --file".replace("  ", " ")
    )


@verb(
    "report", "allstop report INC-1", "allstop report INC-1 --file", "allstop report INC-1 | less"
)
@click.argument("incident", default="", metavar="[INC]", type=Named("incident"))
@click.option(
    "--file",
    "file",
    is_flag=True,
    help="Write it into the project's folder reports/, and on the record.",
)
def report(session: Session, incident: str, *, file: bool) -> None:
    """Print the incident report, or file it.

    Without a name: the open incident, or else the newest.
    """
    incident = incident or _newest(session)
    if not file:
        answer = session.client.get("incidents", incident, "report")
        if session.as_json:
            session.print_value({"incident": incident, "text": answer.text})
        else:
            click.echo(safe_block(answer.text), nl=False)
        return
    answer = session.client.post("incidents", incident, "report")
    path = answer.data["path"]
    session.told(answer, f"filed: {path}", name=path)


def _newest(session: Session) -> str:
    """Open ones come first; a report is mostly wanted after the end, when none is open."""
    lines = session.client.get("incidents").data
    open_ones = [line for line in lines if line["state"] == "open"]
    return str(lines[0]["id"]) if lines and len(open_ones) < 2 else CURRENT

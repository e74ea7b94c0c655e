"""Ending an incident, and writing down what it was."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from allstop.errors import AllstopError
from allstop.faces.cli.advice import afterwards
from allstop.faces.cli.files import write
from allstop.faces.cli.safe_text import safe_block
from allstop.faces.cli.session import CURRENT, Session
from allstop.faces.cli.verbs import verb


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
    name, command = "", "allstop owed"
    # It is over, whatever becomes of these questions.
    with suppress(AllstopError):
        name = str(answer.data.get("incident") or session.still_at_work(incident))
        name = "" if name == CURRENT else name
        if name and not (session.as_json or session.quiet):
            command = afterwards(session.client.get("incidents", name, "owed").data)
    session.incident = name
    session.told(answer, f"{name or 'it'} is stood down", name=name, next_command=command)


@verb(
    "report",
    "allstop report INC-1",
    "allstop report INC-1 --file",
    "allstop report INC-1 --post-mortem --format html --to review.html",
    "allstop report INC-1 --format pdf --to incident.pdf",
    incident=True,
    word=True,
)
@click.option(
    "--file", "file", is_flag=True,
    help="Write it into the project's folder reports/, and on the record.",
)  # fmt: skip
@click.option(
    "--post-mortem", is_flag=True, help="The post-mortem instead: what people wrote after it."
)
@click.option(
    "--format",
    "form",
    default="md",
    show_default=True,
    type=click.Choice(["md", "html", "json", "pdf"]),
)
@click.option(
    "--to", "target", default=None, metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Write it there instead of printing it.",
)  # fmt: skip
def report(
    session: Session,
    incident: str,
    form: str,
    target: Path | None,
    *,
    file: bool,
    post_mortem: bool,
) -> None:
    """Print the incident report or the post-mortem, or file the report.

    Without a name: the open incident, or else the newest. PDF needs the extra `pdf` where the
    coordinator runs.
    """
    incident = _newest(session) if incident == CURRENT else incident
    if file:
        if post_mortem or target or form != "md":
            raise click.UsageError(
                "--file keeps the report as Markdown; leave the other options out"
            )
        answer = session.client.post("incidents", incident, "report")
        path = answer.data["path"]
        session.told(answer, f"filed: {path}", name=path)
        return
    if form == "pdf" and target is None:
        raise click.UsageError("a PDF is not for a terminal; say --to FILE")
    kind = "post-mortem" if post_mortem else "report"
    answer = session.client.get("incidents", incident, "report", kind=kind, format=form)
    if target is not None:
        write(target, answer.body, "--to")
        if not session.quiet:
            click.echo(f"written: {target}")
    elif session.as_json and form != "json":
        session.print_value({"incident": incident, "text": answer.text})
    else:
        click.echo(safe_block(answer.text), nl=False)


def _newest(session: Session) -> str:
    """Open ones come first; a report is mostly wanted after the end, when none is open."""
    lines = session.client.get("incidents").data
    open_ones = [line for line in lines if line["state"] == "open"]
    return str(lines[0]["id"]) if lines and len(open_ones) < 2 else CURRENT

"""Declaring an incident, and saying what is known about it."""

from __future__ import annotations

from typing import Any

import click

from allstop.errors import Invalid
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, verb


@verb(
    "declare",
    'allstop declare "checkout fails" --service payments',
    'allstop declare "customer data on a public bucket" --severity SEV1 --breach',
    'INC=$(allstop declare -q "checkout fails")',
)
@click.argument("title")
@click.option(
    "--service",
    "services",
    multiple=True,
    metavar="NAME",
    type=Named("service"),
    help="Suspected; repeatable.",
)
@click.option(
    "--severity", default="", metavar="SEV", help="Set by hand; else the protocol's table decides."
)
@click.option("--evidence", default="", metavar="TEXT", help="What was seen.")
@click.option(
    "--since",
    "began_at",
    default=None,
    metavar="TIME",
    help="When it began, such as 2026-01-31T03:00:00Z.",
)
@click.option(
    "--dedup", default="", metavar="KEY", help="At most one open incident bears the same key."
)
@click.option(
    "--failing",
    type=click.IntRange(0, 100),
    default=None,
    metavar="PERCENT",
    help="Share of requests that fail.",
)
@click.option("--breach", is_flag=True, help="Somebody is where they should not be.")
@click.option("--data-loss", is_flag=True, help="Data is lost or damaged.")
def declare(
    session: Session, *, failing: int | None, breach: bool, data_loss: bool, **words: Any
) -> None:
    """Declare an incident.

    The protocol decides what follows: the severity, who is called, and whether agents are stopped.
    """
    told = {
        "failed_share_percent": failing,
        "breach": breach or None,
        "data_loss": data_loss or None,
    }
    impact = {name: value for name, value in told.items() if value is not None}
    body = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in words.items()
        if value
    }
    answer = session.client.post("incidents", body=body | ({"impact": impact} if impact else {}))
    found = answer.data
    incident = found.get("incident", "")
    halt = f"; {found['halt']} orders agents to stop" if found.get("halt") else ""
    session.told(
        answer,
        f"{incident} is declared{halt}",
        name=incident,
        next_command=f"allstop show {incident}",
    )


@verb("ack", "allstop ack", "allstop ack --incident INC-2", incident=True)
def ack(session: Session, incident: str) -> None:
    """Say that you have it.

    Until somebody does, the escalation goes on calling people.
    """
    answer = session.client.post("incidents", incident, "acknowledge")
    session.told(answer, "acknowledged: you have it", next_command="allstop show")


@verb(
    "update",
    'allstop update "payments rolled back, errors falling"',
    'allstop update "cause found" --status fixing',
    incident=True,
)
@click.argument("text")
@click.option(
    "--status", default="", help="One of the protocol's statuses; else as in the last update."
)
def update(session: Session, text: str, status: str, incident: str) -> None:
    """Post an update on the incident.

    It goes to every audience the protocol names, and says when the next one is due.
    """
    status = status or _status(session, incident)
    answer = session.client.post(
        "incidents", incident, "updates", body={"status": status, "text": text}
    )
    number = answer.data.get("number")
    session.told(
        answer, f"update {number} ({status}) is posted" if number else f"posted ({status})"
    )


def _status(session: Session, incident: str) -> str:
    """The status of the last update, or the first the protocol has."""
    last = session.client.get("incidents", incident).data["status"]
    if last:
        return str(last)
    known = session.client.get("policy").data["policy"]["protocol"]["updates"]["statuses"]
    if not known:
        raise Invalid("the protocol has no statuses", "say one: --status investigating")
    return str(known[0])


@verb("note", 'allstop note "the deploy at 02:55 touched the pool size"', incident=True)
@click.argument("text")
def note(session: Session, text: str, incident: str) -> None:
    """Add a note to the timeline."""
    session.told(session.client.post("incidents", incident, "notes", body={"text": text}), "noted")


@verb(
    "state",
    'allstop state root-cause "the pool was halved by release 41"',
    'allstop state prevention "the pool size is checked before a release"',
    incident=True,
)
@click.argument("subject")
@click.argument("text")
def state(session: Session, subject: str, text: str, incident: str) -> None:
    """State something the protocol asks for, such as the cause."""
    answer = session.client.post(
        "incidents", incident, "statements", body={"subject": subject, "text": text}
    )
    session.told(answer, f"stated: {subject}", next_command="allstop show")


@verb("severity", 'allstop severity SEV1 --because "the bank called"', incident=True)
@click.argument("severity")
@click.option("--because", required=True, metavar="TEXT", help="The reason, for the record.")
def severity(session: Session, severity: str, because: str, incident: str) -> None:
    """Set the severity by hand."""
    body = {"severity": severity, "because": because}
    answer = session.client.post("incidents", incident, "severity", body=body)
    halt = f"; {answer.data['halt']} orders agents to stop" if answer.data.get("halt") else ""
    session.told(answer, f"severity is {severity} now{halt}", next_command="allstop show")

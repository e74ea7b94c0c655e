"""Changes by hand: asked for, agreed to, made."""

from __future__ import annotations

from typing import Any

import click

from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.named import Whole
from allstop.faces.cli.page import Page
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, VerbGroup, verb
from allstop.faces.cli.work_page import change_lines


@verb("change", "allstop change", "allstop change --incident INC-1", incident=True)
def _changes(session: Session, incident: str) -> None:
    """Changes by hand: who must agree, what became of them."""
    answer = session.client.get("incidents", incident)
    found = answer.data["changes"]
    if session.as_json:
        session.print_value(found)
        return
    page = Page()
    for one in found:
        if session.quiet:
            page.line(one["id"])
        else:
            change_lines(page, one, session.now(answer))
    if not found and not session.quiet:
        page.line("No change by hand was asked for.")
    session.show(page)
    waiting = next((one["id"] for one in found if one["state"] == "proposed"), "")
    agreed = next((one["id"] for one in found if one["state"] == "approved"), "")
    session.advise(
        f"allstop approve change:{waiting}"
        if waiting
        else f"allstop change made {agreed}"
        if agreed
        else ""
    )


@verb("list", "allstop change list", incident=True)
def list_(session: Session, incident: str) -> None:  # noqa: ARG001 - as every command
    """The changes of an incident."""
    click.get_current_context().invoke(_changes, incident=incident)


@verb(
    "add",
    'allstop change add "raise the pool to 200" --service payments --risk 3',
    'allstop change add "restart the worker" --action restart --detail "systemctl restart worker"',
    incident=True,
)
@click.argument("title")
@click.option(
    "--risk", type=Whole(0, 100), default=0, metavar="LEVEL",
    help="Of the protocol's levels; else the protocol's for the action.",
)  # fmt: skip
@click.option("--action", default="", metavar="NAME", help="What it does, such as restart.")
@click.option(
    "--service", default="", metavar="NAME", type=Named("service"), help="To which service."
)
@click.option("--detail", default="", metavar="TEXT", help="Exactly what will be done.")
def add(session: Session, incident: str, **body: Any) -> None:
    """Ask to change something by hand.

    The protocol says who must agree; when nobody must, it is approved at once.
    """
    answer = session.client.post("incidents", incident, "changes", body=body)
    change, waits = answer.data.get("change", ""), answer.data.get("waits_for", "")
    if waits:
        session.told(
            answer, f"{change} waits for approval by {waits}", name=change,
            next_command=f"allstop approve change:{change}",
        )  # fmt: skip
        return
    session.told(
        answer, f"{change} is approved: nobody else has to agree", name=change,
        next_command=f"allstop change made {change}",
    )  # fmt: skip


def _end(session: Session, incident: str, change: str, state: str, note: str) -> None:
    body = {"state": state, "note": note}
    answer = session.client.post("incidents", incident, "changes", change, "end", body=body)
    session.told(answer, f"{change} is {state}", next_command="allstop show")


CHANGE = click.argument("change", type=Named("change"))


@verb("made", 'allstop change made CHG-1 --note "pool is 200, errors fall"', incident=True)
@CHANGE
@click.option("--note", required=True, metavar="TEXT", help="How it went, for the record.")
def made(session: Session, change: str, note: str, incident: str) -> None:
    """Say that an approved change was made, and how it went."""
    _end(session, incident, change, "made", note)


@verb(
    "refuse",
    'allstop change refuse CHG-1 --because "the database would not bear it"',
    incident=True,
)
@CHANGE
@BECAUSE
def refuse(session: Session, change: str, because: str, incident: str) -> None:
    """Refuse a change that was asked for."""
    _end(session, incident, change, "refused", because)


@verb("withdraw", 'allstop change withdraw CHG-1 --because "the pool is fine"', incident=True)
@CHANGE
@BECAUSE
def withdraw(session: Session, change: str, because: str, incident: str) -> None:
    """Take back a change that you asked for."""
    _end(session, incident, change, "withdrawn", because)


change = VerbGroup(_changes, list_, add, made, refuse, withdraw)

"""What is owed after an incident: obligations, action items, and what closing it waits for."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.owed_page import action as action_row
from allstop.faces.cli.owed_page import owed_page
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import TIME, TimeWord
from allstop.faces.cli.verbs import Named, VerbGroup, verb

OWING = frozenset({"open", "stood-down", "closed"})
PRIORITY = click.Choice(["high", "medium", "low"])


@verb(
    "owed", "allstop owed", "allstop owed INC-1", "allstop owed --all", afterwards=True, word=True
)
@click.option("--all", "whole", is_flag=True, help="Of every incident that owes something.")
def owed(session: Session, incident: str, *, whole: bool) -> None:
    """What is owed, and what is missing before it may be closed."""
    names = [incident]
    if whole:
        names = [one["id"] for one in session.client.get("incidents").data if one["state"] in OWING]
    answers = [session.client.get("incidents", name, "owed") for name in names]
    if session.as_json:
        if whole:
            session.print_value([answer.data for answer in answers])
        else:
            session.print_json(answers[0])
        return
    page = Page()
    for answer in answers:
        view = answer.data
        if not whole or _owes(view):
            page.blank()
            name = view["incident"] if whole else session.incident
            owed_page(page, view, session.now(answer), partial(session.addressed, incident=name))
    if not page.blocks and not session.quiet:
        page.line(Piece("Nothing is owed.", "good"))
    session.show(page)
    if not whole:
        view = answers[0].data
        session.advise(session.addressed(_next(view), view["incident"]))


def _owes(view: dict[str, Any]) -> bool:
    return (
        bool(view["missing"])
        or any(not one["met"] for one in view["obligations"])
        or any(one["state"] == "open" for one in view["actions"])
    )


def _next(view: dict[str, Any]) -> str:
    if view["state"] != "stood-down":
        return ""
    hint = next((one["hint"] for one in view["missing"] if one["hint"].startswith("allstop")), "")
    return hint if view["missing"] else "allstop close"


@verb("met", 'allstop met report "sent to the owner, in the shared folder"', afterwards=True)
@click.argument("obligation", type=Named("obligation"))
@click.argument("how")
def met(session: Session, obligation: str, how: str, incident: str) -> None:
    """Say that something owed was done, and how."""
    answer = session.client.post(
        "incidents", incident, "obligations", obligation, body={"how": how}
    )
    session.told(answer, f"{obligation} is met", next_command="allstop owed")


@verb("meeting", "allstop meeting review 2026-12-03T10:00+01:00", afterwards=True)
@click.argument("obligation", type=Named("obligation"))
@click.argument("at", metavar="TIME", type=TimeWord())
def meeting(session: Session, obligation: str, at: str, incident: str) -> None:
    """Move the meeting of something owed.

    TIME: 2026-12-01T10:00Z, or `in 3d`.
    """
    answer = session.client.post(
        "incidents", incident, "obligations", obligation, "meeting", body={"at": at}
    )
    session.told(answer, f"the meeting for {obligation} is at {at}", next_command="allstop owed")


@verb("action", "allstop action", "allstop action --json", afterwards=True)
def _actions(session: Session, incident: str) -> None:
    """Action items: what is to be mended, by whom, until when."""
    answer = session.client.get("incidents", incident, "owed")
    if session.as_json:
        session.print_value(answer.data["actions"])
        return
    page = Page()
    if session.quiet:
        page.table((), [(one["id"],) for one in answer.data["actions"]])
    else:
        now = session.now(answer)
        page.table((), [action_row(one, now) for one in answer.data["actions"]])
        if not answer.data["actions"]:
            page.line("There is no action item.")
    session.show(page)


@verb(
    "add",
    'allstop action add "alert on pool size" --owner grace --due "in 14d" --priority high',
    afterwards=True,
)
@click.argument("title")
@click.option(
    "--owner", required=True, metavar="NAME", type=Named("person"), help="Who will do it."
)
@click.option(
    "--due", "due_at", required=True, metavar="TIME", type=TimeWord(), help=f"Until when: {TIME}."
)
@click.option(
    "--priority", type=PRIORITY, default="medium", show_default=True, help="How urgent it is."
)
@click.option("--link", default="", metavar="URL", help="Where it is tracked.")
def add(session: Session, incident: str, **words: str) -> None:
    """Add an action item."""
    answer = session.client.post("incidents", incident, "actions", body=words)
    action = answer.data.get("action", "")
    told = f"{action}: {words['owner']}, until {words['due_at']}"
    session.told(answer, told, name=action, next_command="allstop owed")


ACTION = click.argument("action", type=Named("action"))
NOTE = click.option("--note", default="", metavar="TEXT", help="For the record.")


def _change(session: Session, incident: str, action: str, told: str, body: dict[str, Any]) -> None:
    answer = session.client.post("incidents", incident, "actions", action, body=body)
    session.told(answer, f"{action} {told}", next_command="allstop owed")


@verb("done", "allstop action done ACT-1", afterwards=True)
@ACTION
@NOTE
def done(session: Session, action: str, note: str, incident: str) -> None:
    """Say that an action item is done."""
    _change(session, incident, action, "is done", {"state": "done", "note": note})


@verb("drop", 'allstop action drop ACT-1 --because "the service is retired"', afterwards=True)
@ACTION
@BECAUSE
def drop(session: Session, action: str, because: str, incident: str) -> None:
    """Give an action item up, and say why."""
    _change(session, incident, action, "is dropped", {"state": "dropped", "note": because})


@verb(
    "change",
    'allstop action change ACT-1 --due 2026-12-31 --note "waits for the vendor"',
    "allstop action change ACT-1 --owner ada --priority high",
    afterwards=True,
)
@ACTION
@click.option("--owner", default="", metavar="NAME", type=Named("person"), help="Who will do it.")
@click.option("--due", "due_at", metavar="TIME", type=TimeWord(), help=f"Until when: {TIME}.")
@click.option("--priority", type=PRIORITY, help="How urgent it is.")
@click.option("--link", default="", metavar="URL", help="Where it is tracked.")
@click.option("--reopen", is_flag=True, help="It was ended, and is open again.")
@NOTE
def change(session: Session, action: str, incident: str, *, reopen: bool, **words: Any) -> None:
    """Change an action item; what you leave out stays as it is."""
    body = {name: value for name, value in words.items() if value}
    body |= {"state": "open"} if reopen else {}
    if not body:
        raise click.UsageError("say what changes, such as --owner NAME or --due TIME")
    _change(session, incident, action, "is changed", body)


action = VerbGroup(_actions, add, done, drop, change)

"""Levers: ways to do with less. Which are pulled, until when; pulling them, letting them stay, taking them back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.plan_asking import Deadline, ask
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import ago, due, instant
from allstop.faces.cli.verbs import Named, VerbGroup, verb

Shape = Mapping[str, Any]
_WHY = {
    "protected": "its service is protected: a person has to take it back",
    "busy": "another plan works on its service",
    "preflight": "the preflight has not passed",
    "refused": "no plan could be made",
}
_NAMES = click.argument("levers", nargs=-1, required=True, metavar="LEVER...", type=Named("lever"))
_DRY = click.option("--dry-run", is_flag=True, help="Only show it; record nothing.")


def _listed(session: Session) -> None:
    answer = session.client.get("levers")
    if session.as_json:
        session.print_json(answer)
        return
    found, now = answer.data, session.now(answer)
    page = Page()
    if session.quiet:
        page.table((), [(one["name"],) for one in found if one["pulled"]])
        session.show(page)
        return
    page.table(("lever", "level", "state", "what it means"), [_row(one, now) for one in found])
    if not found:
        page.line("There are no levers in fleet.yaml.")
    session.show(page)
    late = next((one["name"] for one in found if one["overdue"] and not one["taker"]), "")
    if late:
        session.advise(f"allstop lever release {late}")


@verb("lever", "allstop lever", "allstop lever -q")
def _lever(session: Session) -> None:
    """Ways to do with less: which are pulled, and until when."""
    _listed(session)


@verb("list", "allstop lever list", "allstop lever list --json")
def list_(session: Session) -> None:
    """Every lever of the fleet; those that are pulled first."""
    _listed(session)


@verb("pull", "allstop lever pull search:cached-answers", incident=True)
@_NAMES
@_DRY
def pull(session: Session, levers: tuple[str, ...], incident: str, *, dry_run: bool) -> None:
    """Plan to pull levers by name. Nothing happens before `allstop plan run`."""
    body = {"purpose": "degrade", "levers": list(levers)}
    ask(session, incident, body, dry=dry_run, whole=False)


@verb("release", "allstop lever release search:cached-answers", incident=True)
@_NAMES
@_DRY
def release(session: Session, levers: tuple[str, ...], incident: str, *, dry_run: bool) -> None:
    """Plan to take levers back before their time. Nothing happens before `allstop plan run`."""
    body = {"purpose": "release", "levers": list(levers)}
    ask(session, incident, body, dry=dry_run, whole=False)


@verb(
    "extend",
    'allstop lever extend search:cached-answers --for 2h --because "the index is being rebuilt"',
)
@click.argument("name", metavar="LEVER", type=Named("lever"))
@click.option("--for", "for_ms", required=True, type=Deadline(), metavar="TIME", help="How long from now.")  # fmt: skip
@BECAUSE
def extend(session: Session, name: str, for_ms: int, because: str) -> None:
    """Let a lever that is pulled stay for longer; by name, with a reason, on the record."""
    body = {"for_ms": for_ms, "because": because}
    answer = session.client.post("levers", name, "extend", body=body)
    until = instant(answer.data["until"])
    text = f"{name} stays until {until:%Y-%m-%d %H:%M:%S} UTC" if until else f"{name} stays"
    session.told(answer, text, next_command="allstop lever list")


def _row(one: Shape, now: datetime) -> tuple[Cell, ...]:
    what = f"{one['title']} ({one['limit']})" if one["limit"] else one["title"]
    return one["name"], one["level"], _state(one, now), what


def _state(one: Shape, now: datetime) -> Cell:
    if not one["pulled"]:
        return Piece("-", "dim")
    since = instant(one["since"])
    parts = [f"pulled {ago(since, now)}" if since else "pulled"]
    until = instant(one["until"])
    parts.append(f"ends {due(until, now)[0].removeprefix('due ')}" if until else "no end is known")
    if one["taker"]:
        parts.append(f"{one['taker']} takes it back")
    elif one["overdue"] and one["blocked"]:
        parts.append(_WHY[one["blocked"]])
    elif one["kept"]:
        parts.append("extended")
    return Piece(", ".join(parts), "bad" if one["overdue"] else "notice")


lever = VerbGroup(_lever, list_, pull, extend, release)

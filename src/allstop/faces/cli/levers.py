"""Levers: ways to do with less. Which are pulled, until when; pulling them, letting them stay, taking them back."""

from __future__ import annotations

import click

from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.lever_page import lever_row
from allstop.faces.cli.listing import Listing
from allstop.faces.cli.plan_asking import Deadline, ask
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import instant
from allstop.faces.cli.verbs import Named, VerbGroup, verb

_NAMES = click.argument("levers", nargs=-1, required=True, metavar="LEVER...", type=Named("lever"))
_DRY = click.option("--dry-run", is_flag=True, help="Only show it; record nothing.")


_LIST = Listing(
    "levers", ("lever", "level", "state", "what it means"), lever_row, lambda one: bool(one["pulled"]),
    "There are no levers in fleet.yaml.",
)  # fmt: skip


def _listed(session: Session) -> None:
    found = _LIST.show(session)
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


lever = VerbGroup(_lever, list_, pull, extend, release)

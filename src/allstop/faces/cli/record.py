"""The record: everything, what was refused, what was asked of the world, and whether it is intact."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import click

from allstop.errors import Unavailable
from allstop.faces.cli.exit_codes import Ended, ProblemAnswer
from allstop.faces.cli.looking import follow_from, say
from allstop.faces.cli.named import Whole
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import ago, instant
from allstop.faces.cli.verbs import group, verb

LOG_TAIL = 2_000_000


@verb(
    "log", "allstop log --last 20", "allstop log --follow", "allstop log --coordinator --last 100"
)
@click.option(
    "--last",
    default=50,
    show_default=True,
    type=Whole(0, 100_000),
    help="How many entries.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on as things happen; Ctrl-C ends it.")
@click.option(
    "--coordinator", is_flag=True, help="The coordinator's own messages, from its log file."
)
def log(session: Session, last: int, *, follow: bool, coordinator: bool) -> None:
    """The record of everything, newest last."""
    if coordinator:
        _own_log(session, last, follow=follow)
        return
    end = session.client.get("overview").data["position"]
    after = max(0, end - last)
    if after < end:
        for event in session.client.events(after):
            say(session, [event.entry])
            after = event.position
            if after >= end:
                break
    if follow:
        follow_from(session, after, whole=True)


def _own_log(session: Session, last: int, *, follow: bool) -> None:
    """Lines of coordinator.log. They are there when the coordinator is not."""
    file = session.project.log_file
    lines, place = tail(file, last)
    for line in lines:
        click.echo(safe(line))
    while follow:
        session.launch.pause(0.5)
        if file.exists() and file.stat().st_size < place:
            place = 0
        with file.open("rb") as body:
            body.seek(place)
            for raw in body.readlines():
                click.echo(safe(raw.decode("utf-8", "replace").rstrip("\n")))
            place = body.tell()


def tail(file: Path, count: int, since: int = 0) -> tuple[list[str], int]:
    """The last lines of a file behind byte `since`, and where it ends. Raises Unavailable without a file."""
    try:
        with file.open("rb") as body:
            size = body.seek(0, 2)
            body.seek(max(since if since <= size else 0, size - LOG_TAIL))
            lines = deque(body.read().decode("utf-8", "replace").splitlines(), maxlen=count)
    except OSError as error:
        hint = "it is written by `allstop up --detach`"
        raise Unavailable(f"{file}: {error.strerror}", hint) from None
    return list(lines), size


@verb("refusals", "allstop refusals")
def refusals(session: Session) -> None:
    """What was refused, to whom, and why."""
    answer = session.client.get("refusals")
    if session.as_json:
        session.print_json(answer)
        return
    now = session.now(answer)
    page = Page()
    for one in answer.data:
        at = instant(one["at"])
        page.line(Piece(ago(at, now) if at else "", "dim"), f"  {one['actor']}  {one['command']}")
        for reason in one["reasons"]:
            page.line("    ", Piece(reason, "notice"))
    if not answer.data:
        page.line("Nothing was refused.")
    session.show(page)


@verb(
    "effects", "allstop effects", "allstop effects --json | jq '.[] | select(.state==\"parked\")'"
)
def effects(session: Session) -> None:
    """Requests to the world, and how they ended."""
    answer = session.client.get("effects")
    if session.as_json:
        session.print_json(answer)
        return
    tones = {
        "done": "good",
        "failed": "bad",
        "unknown": "bad",
        "parked": "bad",
        "claimed": "notice",
    }
    page = Page()
    rows = [
        (
            one["stream"].partition("/")[2] or one["stream"], one["purpose"], f"{one['adapter']} {one['verb']}", one["target"] or one["ref"],
            Piece(one["state"], tones.get(one["state"], "plain")), str(one["attempt"]), one["because"],
        )
        for one in answer.data
    ]  # fmt: skip
    page.table(("of", "purpose", "what", "target", "state", "try", "because"), rows)
    if not rows:
        page.line("Nothing was asked of the world yet.")
    session.show(page)


@group("audit")
def audit() -> None:
    """Verify the record."""


@verb("verify", "allstop audit verify", "allstop audit verify --json | jq .ok")
def verify(session: Session) -> None:
    """Recompute every hash, link and signature of the record.

    With the coordinator down, the database file itself is verified. Exit code 1 when it is not intact.
    """
    found, where = _verified(session)
    if session.as_json:
        session.print_value(found)
    else:
        _tell_audit(session, found, where)
    if not found.get("ok"):
        raise Ended(1)


def _verified(session: Session) -> tuple[dict[str, Any], str]:
    if session.settings.url:
        return session.client.get("audit").data, "by the coordinator"
    try:
        return session.client_within(600).get("audit").data, "by the coordinator"
    except ProblemAnswer:
        raise
    except Unavailable:
        if not session.project.database.exists():
            raise Unavailable(
                f"there is no record yet: {session.project.database}", "allstop up --detach"
            ) from None
        return session.launch.verify_offline(
            session.project.home
        ), "from the database file, the coordinator is down"


def _tell_audit(session: Session, found: dict[str, Any], where: str) -> None:
    page = Page()
    ok = bool(found.get("ok"))
    page.line(
        Piece(
            "The record is intact" if ok else "THE RECORD IS NOT INTACT", "good" if ok else "bad"
        ),
        f" ({where}).",
    )
    counts = [
        (name.replace("_", " "), str(value))
        for name, value in found.items()
        if type(value) in {int, str}
    ]
    page.table((), counts, indent=2)
    for one in found.get("problems") or ():
        page.line("  ", Piece(f"{one['kind']} at {one['position'] or '-'}: {one['text']}", "bad"))
    session.show(page)
    if not ok:
        session.advise(
            "keep a copy of the folder .allstop before anything else, then look at the first entry named"
        )


audit.add_command(verify)

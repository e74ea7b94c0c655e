"""Diagnosis: have the coordinator look at services, and see what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from allstop.errors import Unavailable
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, verb

Shape = Mapping[str, Any]
LOOK_AGAIN, TRIES = 0.5, 240
DIGEST_SHOWN = 12


@verb(
    "diagnose",
    "allstop diagnose",
    "allstop diagnose payments ledger",
    "allstop diagnose payments --only health --only recent-changes",
    incident=True,
)
@click.argument("services", nargs=-1, type=Named("service"))
@click.option(
    "--only", "names", multiple=True, metavar="RECIPE", help="Only this recipe; may be repeated."
)
@click.option("--no-wait", is_flag=True, help="Begin it, and do not wait for what is found.")
def diagnose(
    session: Session, incident: str, services: tuple[str, ...], *, names: tuple[str, ...], no_wait: bool
) -> None:  # fmt: skip
    """Look at services by recipes that only read, and keep what is seen as evidence.

    Without a name, the services of the incident. A recipe is what fleet.yaml names under `diagnose`; where it
    names none, the probes of the service, the proofs of its state, its deployments and its host are looked at.
    Secrets are masked before anything is kept. Exit code 1 when something could not be looked at.
    """
    body = {"services": list(services), "names": list(names)}
    answer = session.client.post("incidents", incident, "diagnosis", body=body)
    asked: list[str] = answer.data.get("looked", [])
    if no_wait:
        session.told(answer, f"looking at {', '.join(asked)}", next_command="allstop show --all")
        return
    found = _found(session, incident, asked)
    if session.as_json:
        session.print_value(found)
    else:
        session.show(_page(session, found))
    if any(one["state"] != "collected" for one in found):
        raise Ended(1)


def _found(session: Session, incident: str, asked: Sequence[str]) -> list[Shape]:
    """The pieces that were asked for, once each of them has been looked at."""
    for _ in range(TRIES):
        every = session.client.get("incidents", incident).data["evidence"]
        found = {one["id"]: one for one in every if one["id"] in asked}
        if all(one["state"] != "requested" for one in found.values()):
            return [found[id] for id in asked if id in found]
        session.launch.pause(LOOK_AGAIN)
    raise Unavailable("the looks do not come to an end", "allstop effects")


def _page(session: Session, found: Sequence[Shape]) -> Page:
    page = Page()
    if not session.quiet:
        page.table((), [_row(one) for one in found])
        if any(one["sha256"] for one in found):
            page.line(Piece("What was kept of one: allstop evidence DIGEST", "dim"))
    bad = sum(1 for one in found if one["state"] != "collected")
    if bad:
        page.line(Piece(f"{bad} of {len(found)} could not be looked at.", "bad"))
    return page


def _row(one: Shape) -> tuple[Cell, ...]:
    mark = Piece("ok", "good") if one["state"] == "collected" else Piece("FAIL", "bad")
    return mark, one["id"], one["summary"], Piece(one["sha256"][:DIGEST_SHOWN], "dim")

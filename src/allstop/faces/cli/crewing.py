"""Crews: people and agents who work on one part of an incident."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from allstop.domain.halt.lifecycle import SILENT
from allstop.errors import Missing
from allstop.faces.cli.exit_codes import ProblemAnswer
from allstop.faces.cli.page import Page
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, VerbGroup, verb
from allstop.faces.cli.work_page import crew_lines

Shape = Mapping[str, Any]
BY_HAND = "allstop crew set CREW NAME..."
# What an agent is in while the roll call has not said where it stands.
NOT_HEARD = frozenset(one.value for one in SILENT)
NAMED = 4


@verb("crew", "allstop crew", "allstop crew --json", incident=True)
def _crews(session: Session, incident: str) -> None:
    """The crews of an incident: who is in them, who is proposed.

    A crew is proposed from who answered the roll call, and formed when somebody accepts it.
    """
    answer = session.client.get("incidents", incident, "crews")
    if session.as_json:
        session.print_json(answer)
        return
    page = Page()
    for one in answer.data:
        if session.quiet:
            page.line(one["name"])
        else:
            crew_lines(page, one)
    if not answer.data and not session.quiet:
        page.line("The protocol forms no crews.")
    session.show(page)
    if any(one["proposed"] and not one["members"] for one in answer.data):
        session.advise("allstop crew accept")


@verb("accept", "allstop crew accept", "allstop crew accept containment", incident=True)
@click.argument("crew", default="", metavar="[CREW]", type=Named("crew"))
def accept(session: Session, crew: str, incident: str) -> None:
    """Form a crew as it is proposed; without a name, every one that waits for it."""
    if crew:
        try:
            answer = session.client.post("incidents", incident, "crews", crew, body={})
        except ProblemAnswer as error:
            if "nobody-proposed" not in error.codes:
                raise
            raise error.instead(_not_yet(session, incident) or error.reasons[0]) from None
        session.told(answer, _formed(crew, answer.data), next_command="allstop crew")
        return
    every = session.client.get("incidents", incident, "crews").data
    waiting = [one["name"] for one in every if one["proposed"] and not one["members"]]
    if not waiting:
        raise Missing(*_nothing_to_accept(session, incident, every))
    done = [
        (name, session.client.post("incidents", incident, "crews", name, body={}))
        for name in waiting
    ]
    if session.as_json:
        session.print_value([answer.data for _, answer in done])
        return
    for name, answer in done:
        session.told(answer, _formed(name, answer.data))


def _nothing_to_accept(
    session: Session, incident: str, every: list[Shape]
) -> tuple[str, str]:  # fmt: skip
    """Why no crew waits to be accepted, and what to do."""
    if not every:
        return "the protocol forms no crews", "allstop task add TITLE --owner NAME"
    if all(one["members"] for one in every):
        return "every crew is formed already", "allstop crew"
    return _not_yet(session, incident) or ("no crew is proposed", BY_HAND)


def _not_yet(session: Session, incident: str) -> tuple[str, str] | None:
    """That crews are proposed after the roll call, while it goes on."""
    for halt in session.client.get("incidents", incident).data["halts"]:
        missing = [one["agent"] for one in halt["roll"] if one["state"] in NOT_HEARD]
        if halt["stands"] and missing:
            names = ", ".join(missing[:NAMED]) + (", ..." if len(missing) > NAMED else "")
            text = (
                f"crews are proposed after the roll call, and {halt['id']} still waits for {names}"
            )
            return text, f"allstop rollcall {halt['id']}, or form one yourself: {BY_HAND}"
    return None


@verb(
    "set",
    "allstop crew set containment ada builder-1",
    'allstop crew set evidence grace --objective "keep the logs of the pool"',
    incident=True,
)
@click.argument("crew", type=Named("crew"))
@click.argument("members", nargs=-1, required=True, metavar="NAME...", type=Named("member"))
@click.option("--objective", default="", metavar="TEXT", help="What it is to reach; else as it is.")
def set_(
    session: Session, crew: str, members: tuple[str, ...], objective: str, incident: str
) -> None:
    """Say who is in a crew from now on: people and agents."""
    body = {"members": list(members), "objective": objective}
    answer = session.client.post("incidents", incident, "crews", crew, body=body)
    session.told(answer, _formed(crew, answer.data), next_command="allstop crew")


def _formed(crew: str, told: Shape) -> str:
    return f"{told.get('crew') or crew}: {', '.join(told.get('members') or ()) or 'nobody'}"


crew = VerbGroup(_crews, accept, set_)

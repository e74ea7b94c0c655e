"""Crews: people and agents who work on one part of an incident."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from allstop.errors import Missing
from allstop.faces.cli.page import Page
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, VerbGroup, verb
from allstop.faces.cli.work_page import crew_lines

Shape = Mapping[str, Any]


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
        answer = session.client.post("incidents", incident, "crews", crew, body={})
        session.told(answer, _formed(crew, answer.data), next_command="allstop crew")
        return
    waiting = [
        one["name"]
        for one in session.client.get("incidents", incident, "crews").data
        if one["proposed"] and not one["members"]
    ]
    if not waiting:
        raise Missing("no crew is proposed", "allstop crew set CREW NAME...")
    done = [
        (name, session.client.post("incidents", incident, "crews", name, body={}))
        for name in waiting
    ]
    if session.as_json:
        session.print_value([answer.data for _, answer in done])
        return
    for name, answer in done:
        session.told(answer, _formed(name, answer.data))


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

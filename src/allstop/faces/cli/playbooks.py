"""The playbooks: which there are, and what each of them does in which phase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from allstop.domain.moment import words
from allstop.domain.verdict import nearest
from allstop.errors import Missing
from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import group, verb

Shape = Mapping[str, Any]


@group("playbook")
def playbook() -> None:
    """The playbooks: which there are, and what each of them does.

    A playbook is a file under playbooks/ of the project. `allstop plan playbook` makes a plan of one.
    """


@verb("list", "allstop playbook list")
def list_(session: Session) -> None:
    """The playbooks of this project, and those that can be adopted."""
    answer = session.client.get("playbooks")
    if session.as_json:
        session.print_json(answer)
        return
    page = Page()
    if session.quiet:
        for one in answer.data:
            page.line(one["name"])
    else:
        _listed(page, answer.data)
    session.show(page)
    if answer.data:
        session.advise(f"allstop playbook show {answer.data[0]['name']}")


def _listed(page: Page, found: list[Shape]) -> None:
    from allstop.protocol.read_playbooks import built_in  # noqa: PLC0415 - help must not load it

    rows: list[tuple[Cell, ...]] = [
        (Piece(one["name"], "strong"), one["title"], ", ".join(one["kinds"]) or "by its name only")
        for one in found
    ]
    if rows:
        page.table(("name", "title", "for"), rows)
    else:
        page.line("This project has no playbook.")
    used = {name for one in found for name in one["extends"]}
    left = [name for name in built_in() if name not in used]
    if left:
        page.blank()
        page.line(f"Built in: {', '.join(left)}. Adopt one with a file playbooks/{left[0]}.yaml:")
        page.line(Piece("  schema: allstop/1", "dim"))
        page.line(Piece(f"  extends: {left[0]}", "dim"))


@verb("show", "allstop playbook show trading")
@click.argument("name")
def show(session: Session, name: str) -> None:
    """What a playbook does: its phases with their times, and the steps of each.

    Of one that is built in and not adopted, the file as it comes with Allstop.
    """
    from allstop.protocol.read_playbooks import built_in  # noqa: PLC0415 - help must not load it

    answer = session.client.get("playbooks")
    found = next((one for one in answer.data if one["name"] == name), None)
    if found is None and name in built_in():
        _as_it_comes(session, name)
        return
    if found is None:
        known = {*(one["name"] for one in answer.data), *built_in()}
        raise Missing(
            f"there is no playbook {name}", nearest(name, known) or "allstop playbook list"
        )
    if session.as_json:
        session.print_value(found)
        return
    page = Page()
    _whole(page, found)
    session.show(page)
    session.advise(f"allstop plan playbook {name} --dry-run")


def _as_it_comes(session: Session, name: str) -> None:
    """A playbook that this project has not adopted."""
    from allstop.protocol.read_playbooks import built_in_text  # noqa: PLC0415

    text = built_in_text(name)
    if session.as_json:
        session.print_value({"name": name, "adopted": False, "text": text})
        return
    page = Page()
    for line in text.splitlines():
        page.line(line)
    session.show(page)
    session.advise(f"write playbooks/{name}.yaml with extends: {name}")


def _whole(page: Page, found: Shape) -> None:
    page.line(Piece(found["name"], "strong"), f": {found['title']}")
    only = [*found["kinds"], *found["severities"], *found["domains"]]
    page.line(f"  for {', '.join(only)}" if only else "  played only by its name")
    if found["extends"]:
        page.line(f"  extends {', '.join(found['extends'])}")
    if found["services"]:
        page.title("What it calls which services")
        used = {name for phase in found["phases"] for step in phase["steps"] for name in step["on"]}
        rows: list[tuple[Cell, ...]] = [
            (one["name"], _named(one, used=one["name"] in used), one["title"])
            for one in found["services"]
        ]
        page.table((), rows, indent=2)
    for phase in found["phases"]:
        back = ", the way back" if phase["recovery"] else ""
        page.title(
            f"{phase['title']}, {words(phase['from_ms'])} to {words(phase['within_ms'])}{back}"
        )
        page.table(("step", "what", "after"), [_step(one) for one in phase["steps"]], indent=2)


def _named(one: Shape, *, used: bool) -> Cell:
    if one["services"]:
        return ", ".join(one["services"])
    return Piece("nobody named them", "bad") if used else Piece("not used", "dim")


def _step(step: Shape) -> tuple[Cell, ...]:
    on = f" on {', '.join(step['on'])}" if step["on"] else ""
    role = f", by {step['role']}" if step["role"] else ""
    what = step["what"] if step["sort"] not in ("task", "owe") else step["title"]
    early = "at once" if step["early"] and not step["after"] else ""
    does = f"{step['sort']} {what}".rstrip()
    return step["id"], f"{does}{on}{role}", ", ".join(step["after"]) or early or "-"


for command in (list_, show):
    playbook.add_command(command)

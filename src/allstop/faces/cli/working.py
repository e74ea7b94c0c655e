"""The work in an incident: tasks, what was found, and facts for the decision table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.page import Page
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, VerbGroup, verb
from allstop.faces.cli.words_given import fact, pairs
from allstop.faces.cli.work_page import task_rows

Shape = Mapping[str, Any]
KINDS = ["observation", "change", "log", "metric", "scope", "hypothesis"]


@verb("tasks", "allstop tasks", "allstop tasks INC-1 --all", incident=True, word=True)
@click.option("--all", "whole", is_flag=True, help="Done and dropped ones as well.")
def tasks(session: Session, incident: str, *, whole: bool) -> None:
    """The tasks of an incident that are open."""
    answer = session.client.get("incidents", incident)
    found = [one for one in answer.data["tasks"] if whole or one["state"] == "open"]
    if session.as_json:
        session.print_value(found)
        return
    page = Page()
    if session.quiet:
        page.table((), [(one["id"],) for one in found])
    else:
        page.table(("task", "owner", "state", "what"), task_rows(found))
        if not found:
            page.line("There is no task." if whole else "No task is open.")
    session.show(page)
    if found:
        session.advise(f"allstop task done {found[0]['id']}")


@verb("task", "allstop task", 'allstop task add "call the bank" --owner grace', incident=True)
def _tasks_bare(session: Session, incident: str) -> None:  # noqa: ARG001 - as every command
    """Add, give away, end tasks; by itself it lists them."""
    click.get_current_context().invoke(tasks, incident=incident)


@verb("add", 'allstop task add "call the bank" --owner grace', incident=True)
@click.argument("title")
@click.option("--owner", default="", metavar="NAME", type=Named("member"), help="Who has it.")
def add_task(session: Session, title: str, owner: str, incident: str) -> None:
    """Add a task."""
    body = {"title": title, "owner": owner}
    answer = session.client.post("incidents", incident, "tasks", body=body)
    task = answer.data.get("task", "")
    session.told(answer, f"{task} is added{f' for {owner}' if owner else ''}", name=task)


@verb("assign", "allstop task assign TASK-1 grace", incident=True)
@click.argument("task", type=Named("task"))
@click.argument("owner", metavar="NAME", type=Named("member"))
def assign_task(session: Session, task: str, owner: str, incident: str) -> None:
    """Give a task to somebody."""
    answer = session.client.post(
        "incidents", incident, "tasks", task, "assign", body={"owner": owner}
    )
    session.told(answer, f"{task} is {owner}'s now", next_command="allstop tasks")


@verb("done", "allstop task done TASK-1", incident=True)
@click.argument("task", type=Named("task"))
@click.option("--note", default="", metavar="TEXT", help="What came of it.")
def end_task(session: Session, task: str, note: str, incident: str) -> None:
    """Say that a task is done."""
    body = {"state": "done", "note": note}
    answer = session.client.post("incidents", incident, "tasks", task, "end", body=body)
    session.told(answer, f"{task} is done", next_command="allstop tasks")


@verb("drop", 'allstop task drop TASK-1 --because "the bank called us"', incident=True)
@click.argument("task", type=Named("task"))
@BECAUSE
def drop_task(session: Session, task: str, because: str, incident: str) -> None:
    """Say that a task is not needed any more, and why."""
    body = {"state": "dropped", "note": because}
    answer = session.client.post("incidents", incident, "tasks", task, "end", body=body)
    session.told(answer, f"{task} is dropped", next_command="allstop tasks")


task = VerbGroup(_tasks_bare, add_task, assign_task, end_task, drop_task)


@verb(
    "found",
    'allstop found "the pool is exhausted since 02:57" --service payments',
    'allstop found "release 41 changed the pool size" --kind change --link https://git/41',
    incident=True,
)
@click.argument("text")
@click.option(
    "--kind", type=click.Choice(KINDS), default="observation", show_default=True, help="What it is."
)
@click.option(
    "--service", default="", metavar="NAME", type=Named("service"), help="Of which service."
)
@click.option("--link", default="", metavar="URL", help="Where it is kept.")
def found(session: Session, text: str, kind: str, service: str, link: str, incident: str) -> None:
    """Add evidence by hand: what you saw, or what you suspect."""
    body = {"kind": kind, "text": text, "service": service, "link": link}
    answer = session.client.post("incidents", incident, "findings", body=body)
    name = answer.data.get("evidence", "")
    session.told(answer, f"{name or 'it'} is on record ({kind})", name=name)


@verb(
    "facts",
    'allstop facts schema_changed=no fix_minutes=20 --because "read the diff of release 41"',
    incident=True,
)
@click.argument("words", nargs=-1, required=True, metavar="NAME=VALUE...")
@BECAUSE
def facts(session: Session, words: tuple[str, ...], because: str, incident: str) -> None:
    """State facts for the decision table.

    A value is yes, no, a number, or unknown. Facts a person may state: recent_deployment, known_good_release, process_running,
    cause_understood, schema_changed, fix_minutes, isolated, fix_safe, rollback_disrupts, data_loss,
    breach.
    """
    given = pairs(words, 'allstop facts schema_changed=no --because "..."')
    body = {"facts": {name: fact(text) for name, text in given.items()}, "because": because}
    answer = session.client.post("incidents", incident, "facts", body=body)
    session.told(answer, f"stated: {', '.join(given)}", next_command="allstop show")

"""Stopping agents, and letting them go on."""

from __future__ import annotations

from typing import Any

import click

from allstop.errors import Missing
from allstop.faces.cli.halt_page import roll_call
from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.page import Page
from allstop.faces.cli.session import CURRENT, Session
from allstop.faces.cli.verbs import Named, verb


@verb(
    "halt",
    'allstop halt "an agent is dropping tables"',
    'allstop halt "bad migration" --scope team:builders --except builder-2',
    'allstop halt "looks wrong" --incident INC-1',
)
@click.argument("reason")
@click.option(
    "--scope",
    default="all",
    show_default=True,
    type=Named("scope"),
    help="all, team:NAME or agent:NAME.",
)
@click.option(
    "--except",
    "exempt",
    multiple=True,
    metavar="AGENT",
    type=Named("agent"),
    help="Stays active; repeatable.",
)
@click.option(
    "--incident",
    default="",
    metavar="INC",
    type=Named("incident", empty=True),  # a script without one must stop the agents all the same
    help="The halt ends with this incident.",
)
def halt(session: Session, reason: str, scope: str, exempt: tuple[str, ...], incident: str) -> None:
    """Order agents to stop.

    Cheap to ask for: every person may. It stands until somebody with the right lifts it.
    """
    if incident == CURRENT:
        incident = session.client.get("incidents", CURRENT).data["line"]["id"]
    body = {"scope": scope, "reason": reason, "incident": incident, "exempt": list(exempt)}
    answer = session.client.post("halts", body=body)
    name = answer.data.get("halt", "")
    session.told(
        answer, f"{name} is ordered: {scope}", name=name, next_command=f"allstop rollcall {name}"
    )


@verb("rollcall", "allstop rollcall", "allstop rollcall HALT-1")
@click.argument("halt", default="", metavar="[HALT]", type=Named("halt"))
def rollcall(session: Session, halt: str) -> None:
    """Who has stopped, by what evidence, and who has not.

    Without a name: the newest halt that stands, or the newest of all.
    """
    answer = session.client.get("halts", halt or _newest(session))
    if session.as_json:
        session.print_json(answer)
        return
    found = answer.data
    page = Page()
    roll_call(page, found, session.now(answer))
    session.show(page)
    if found["stands"] and not found["incident"]:
        session.advise(f'allstop release {found["id"]} --because "why it is safe"')


def _newest(session: Session) -> str:
    every: list[dict[str, Any]] = session.client.get("halts").data
    found = next((one for one in every if one["stands"]), every[0] if every else None)
    if found is None:
        raise Missing("there has been no halt", 'allstop halt "why"')
    return str(found["id"])


@verb(
    "answer",
    "allstop answer HALT-1 --agent builder-1",
    'allstop answer HALT-1 --agent builder-1 --working-on "search page" --available',
)
@click.argument("halt", type=Named("halt"))
@click.option("--agent", required=True, metavar="AGENT", type=Named("agent"), help="Which agent.")
@click.option("--state", default="stopped", show_default=True, help="What it says of itself.")
@click.option("--working-on", default="", metavar="TEXT", help="What it was doing.")
@click.option("--checkpoint", default="", metavar="ID", help="Where its work is saved.")
@click.option("--branch", default="", metavar="NAME", help="On which branch.")
@click.option("--available", is_flag=True, help="It could help in the incident.")
def answer(session: Session, agent: str, **words: Any) -> None:
    """Answer a roll call for an agent.

    For one that you stopped by hand, or as the agent itself. It is a word, not a proof: the coordinator still confirms what it can see.
    """
    said = session.client.post("agents", agent, "roll-call", body=words)
    state = said.data.get("state", "")
    session.told(said, f"{agent} is {state}", next_command=f"allstop rollcall {words['halt']}")


@verb("release", 'allstop release HALT-1 --because "false alarm, checked with Grace"')
@click.argument("halt", type=Named("halt"))
@BECAUSE
def release(session: Session, halt: str, because: str) -> None:
    """Lift a halt.

    Agents that another halt holds stay stopped. Nothing else is started again.
    """
    answer = session.client.post("halts", halt, "release", body={"because": because})
    held = answer.data.get("still_held") or []
    more = f"; still held by another halt: {', '.join(held)}" if held else ""
    session.told(answer, f"{halt} is lifted{more}", next_command="allstop agents")

"""Stopping agents, and letting them go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from allstop.errors import Missing
from allstop.faces.cli.halt_page import roll_call
from allstop.faces.cli.halting_here import Wanted, ordered
from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.keys import signed
from allstop.faces.cli.named import Scope
from allstop.faces.cli.page import Page
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, verb


@verb(
    "halt",
    'allstop halt "an agent is dropping tables"',
    'allstop halt "bad migration" --scope team:builders --except builder-2',
    'allstop halt "looks wrong" --incident INC-1',
    'allstop halt "no changes while we look" --scope repository:/srv/shop --tools write,exec',
    'allstop halt "the coordinator is down" --here',
    'allstop halt "no coordinator anywhere" --sign ada.key > halt.json',
)
@click.argument("reason")
@click.option(
    "--scope",
    default="all",
    show_default=True,
    type=Scope(),
    help="all, or NAME after team:, agent:, session:, repository: or host:.",
)
@click.option(
    "--tools",
    default="",
    metavar="CLASS,...",
    help="Block only these: read, write, exec, net, deploy, spend, comms, other.",
)
@click.option("--hard", is_flag=True, help="Block reading too; answering stays possible.")
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
@click.option(
    "--here", is_flag=True, help="Where the coordinator does not answer: on this machine, without asking."
)  # fmt: skip
@click.option(
    "--host-folder", default="", metavar="DIR", help="Where the host process of this machine has its files."
)  # fmt: skip
@click.option(
    "--sign", default=None, metavar="KEYFILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Order nothing: print it signed, to be carried to machines (allstop host halt --signed FILE).",
)  # fmt: skip
def halt(  # noqa: PLR0917 - one for each option
    session: Session, reason: str, scope: str, tools: str, hard: bool, exempt: tuple[str, ...],
    incident: str, **elsewhere: Any,
) -> None:  # fmt: skip
    """Order agents to stop.

    Cheap to ask for: every person may. It stands until somebody with the right lifts it. Without --tools and --hard everything but reading and
    reporting is blocked; where several halts hold an agent, what any of them blocks is blocked. Where the coordinator does not answer, the host process
    of this machine does the same for this machine.
    """
    if tools and hard:
        raise click.UsageError("--hard blocks every tool; leave --tools out")
    classes = ["hard"] if hard else [one.strip() for one in tools.split(",") if one.strip()]
    body: dict[str, Any] = {
        "scope": scope, "reason": reason, "incident": incident, "exempt": list(exempt),
    }  # fmt: skip
    if classes:
        body["classes"] = classes
    answer = ordered(session, Wanted(body, **elsewhere))
    if answer is None:
        return
    name = answer.data.get("halt", "")
    what = "every tool" if hard else ", ".join(classes)
    text = f"{name} is ordered: {scope}{f', {what}' if what else ''}"
    if answer.data.get("warning"):
        text += f"; {answer.data['warning']}"
    session.told(answer, text, name=name, next_command=f"allstop rollcall {name}")


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


@verb(
    "release",
    'allstop release HALT-1 --because "false alarm, checked with Grace"',
    'allstop release HALT-1 --because "I saw the fix" --sign ada.key',
)
@click.argument("halt", type=Named("halt"))
@BECAUSE
@click.option(
    "--sign", "files", multiple=True, metavar="KEYFILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Sign with a release key, here on this machine; repeatable.",
)  # fmt: skip
@click.option("--abort", is_flag=True, help="Put the halt back: whoever was let go stops again.")
def release(
    session: Session, halt: str, because: str, files: tuple[Path, ...], abort: bool
) -> None:
    """Lift a halt.

    Agents that another halt holds stay stopped. Nothing else is started again. Where the protocol asks for two people, each of them says so; where
    it asks for release keys, each is signed with where it is kept. Where it goes by stages, each call begins the next one.
    """
    if abort:
        if files:
            raise click.UsageError("to put a halt back takes no signature; leave --sign out")
        put_back = session.client.post("halts", halt, "release", "abort", body={"because": because})
        session.told(
            put_back, f"{halt} is put back for everybody", next_command=f"allstop rollcall {halt}"
        )
        return
    body: dict[str, Any] = {"because": because}
    if files:
        body["statements"] = [signed(session, halt, file) for file in files]
    answer = session.client.post("halts", halt, "release", body=body)
    if answer.data.get("waits_for"):
        text = f"recorded; {halt} stands and waits for {answer.data['waits_for']}"
        session.told(answer, text, next_command=f"allstop rollcall {halt}")
        return
    if answer.data.get("stage"):
        allowed = ", ".join(answer.data.get("allowed") or [])
        text = f"{halt} stands; {answer.data['stage']}: {allowed} may go on"
        session.told(answer, text, next_command=f"allstop rollcall {halt}")
        return
    held = answer.data.get("still_held") or []
    by = answer.data.get("held_by") or {}
    named = [f"{one} ({', '.join(by[one])})" if one in by else one for one in held]
    more = f"; still held by another halt: {', '.join(named)}" if held else ""
    session.told(answer, f"{halt} is lifted{more}", next_command="allstop agents")

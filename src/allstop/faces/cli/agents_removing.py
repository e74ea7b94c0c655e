"""An agent that has gone for good."""

from __future__ import annotations

import click

from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, verb


@verb("remove", 'allstop agents remove claude-shop --because "that machine is gone"')
@click.argument("agent", metavar="AGENT", type=Named("agent"))
@BECAUSE
def remove(session: Session, agent: str, because: str) -> None:
    """Forget an agent that will not run again: no later halt takes it in, no roll call asks for it.

    One that is held, or that stands in roster.yaml, is not removed.
    """
    answer = session.client.post("agents", agent, "remove", body={"because": because})
    session.told(answer, f"{agent} is no agent any more", next_command="allstop agents")

"""Roles: given, offered, accepted."""

from __future__ import annotations

import click

from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, verb


@verb("assign", "allstop assign scribe grace", incident=True)
@click.argument("role", type=Named("role"))
@click.argument("person", type=Named("person"))
def assign(session: Session, role: str, person: str, incident: str) -> None:
    """Give a role to a person."""
    answer = session.client.post("incidents", incident, "roles", role, body={"person": person})
    session.told(answer, f"{person} is {role} now", next_command="allstop show")


@verb(
    "handoff",
    'allstop handoff commander --to grace --notes "rollback is running, next update at 04:10"',
    "allstop handoff commander --accept",
    incident=True,
)
@click.argument("role", type=Named("role"))
@click.option("--to", default="", metavar="NAME", type=Named("person"), help="Who is to take it.")
@click.option("--notes", default="", metavar="TEXT", help="What they must know.")
@click.option("--accept", is_flag=True, help="Take the role that was offered to you.")
def handoff(
    session: Session, role: str, to: str, notes: str, incident: str, *, accept: bool
) -> None:
    """Offer a role to somebody, or accept the one offered to you.

    Until it is accepted, the role stays where it is.
    """
    if accept == bool(to):
        raise click.UsageError("say either --to NAME or --accept")
    if accept:
        answer = session.client.post("incidents", incident, "roles", role, "accept")
        session.told(answer, f"you are {role} now", next_command="allstop show")
        return
    answer = session.client.post(
        "incidents", incident, "roles", role, "handoff", body={"to": to, "notes": notes}
    )
    command = session.addressed(f"allstop handoff {role} --accept")
    session.told(answer, f"{role} is offered to {to}, who takes it with: {command}")

"""Tokens for programs and agents, and the way into the web console."""

from __future__ import annotations

import click

from allstop.faces.cli.named import Holder, Whole
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import day, instant
from allstop.faces.cli.verbs import group, verb


@verb("open", "allstop open", 'xdg-open "$(allstop open -q)"')
def console(session: Session) -> None:
    """Print a link that opens the web console, once.

    It signs you in as yourself; give it to nobody.
    """
    answer = session.client.post("console-link")
    url = str(answer.data.get("url", ""))
    session.told(answer, url, name=url)


@group("token")
def token() -> None:
    """Make or revoke tokens for programs and agents."""


@verb("new", "allstop token new agent:builder-1", "allstop token new person:grace --days 7")
@click.argument("principal", metavar="person:NAME|agent:NAME|source:NAME", type=Holder())
@click.option(
    "--days", default=90, show_default=True, type=Whole(1, 365), help="How long it lives."
)
def new(session: Session, principal: str, days: int) -> None:
    """Make a token; it is shown this once.

    Its holder sets ALLSTOP_URL and ALLSTOP_TOKEN.
    """
    answer = session.client.post("tokens", body={"principal": principal, "days": days})
    if session.as_json:
        session.print_json(answer)
        return
    found = answer.data
    click.echo(safe(found["token"]))
    at = instant(found.get("expires_at"))
    if not session.quiet:
        click.echo(
            f"for {safe(principal)}, until {day(at) if at else 'it is revoked'}; it is not shown again",
            err=True,
        )


@verb("revoke", "allstop token revoke agent:builder-1")
@click.argument("principal", metavar="person:NAME|agent:NAME|source:NAME", type=Holder())
def revoke(session: Session, principal: str) -> None:
    """Revoke all tokens of somebody, at once."""
    answer = session.client.delete("tokens", principal)
    count = answer.data.get("revoked", 0)
    told = {0: f"{principal} has no token", 1: f"the token of {principal} is revoked"}
    session.told(answer, told.get(count, f"{count} tokens of {principal} are revoked"))


token.add_command(new)
token.add_command(revoke)

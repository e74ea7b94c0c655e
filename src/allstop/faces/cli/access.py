"""Tokens for programs and agents, and the way into the web console."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

import click

from allstop.faces.cli.named import Holder, Whole
from allstop.faces.cli.qr import drawn, need_segno
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session, coloured, columns
from allstop.faces.cli.times import day, instant
from allstop.faces.cli.verbs import group, verb


@verb(
    "open",
    "allstop open",
    'xdg-open "$(allstop open -q)"',
    "allstop open --for-halting --at https://allstop.example.org --qr",
)
@click.option(
    "--for-halting",
    "halting",
    is_flag=True,
    help="For a phone: to the page that stops agents, good for 15 minutes. The link stops nobody.",
)
@click.option(
    "--at", default="", metavar="URL", help="Where the phone reaches the console: a proxy with TLS, named in `hosts`."
)  # fmt: skip
@click.option("--qr", is_flag=True, help="Draw it as a QR code as well (extra `qr`).")
def console(session: Session, *, halting: bool, at: str, qr: bool) -> None:
    """Print a link that opens the web console, once.

    It signs you in as yourself; give it to nobody.
    """
    base = _address(at or session.settings.url)
    if qr:
        need_segno()  # before a link is made that nobody sees
    answer = session.client.post("console-link", body={"halting": True} if halting else {})
    url = str(answer.data.get("url", ""))
    if base:
        url = urlunsplit((*urlsplit(base)[:2], *urlsplit(url)[2:]))
    if session.as_json:
        session.print_value({"url": url})
        return
    click.echo(safe(url))
    if qr:
        _draw(url)
    if halting and not session.quiet:
        click.echo(_for_a_phone(url), err=True)


def _address(given: str) -> str:
    """Scheme and place of an address. Raises UsageError."""
    if given and not re.fullmatch(r"https?://[^/\s?#@]+/?", given):
        raise click.UsageError("--at is an address such as https://allstop.example.org")
    return given.rstrip("/")


def _draw(url: str) -> None:
    lines = drawn(url, coloured=coloured())
    width = len(drawn(url, coloured=False)[0])
    if 0 < columns() < width:
        click.echo(f"the QR code needs a terminal of {width} columns", err=True)
        return
    for line in lines:
        click.echo(line)


def _for_a_phone(url: str) -> str:
    """What a person should know of a link that is meant for a phone."""
    place = urlsplit(url)
    if place.hostname in ("127.0.0.1", "::1", "localhost"):
        return f"a phone does not reach {place.netloc}: put a proxy with TLS before it, name it in `hosts`, and say --at https://NAME"
    if place.scheme == "http":
        return f"http://{place.netloc} has no TLS: whoever is in between signs in as you"
    return "good for 15 minutes, once; it signs in and stops nobody"


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

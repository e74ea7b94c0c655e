"""The hosts that follow standing orders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.safe_text import safe
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import ago, instant
from allstop.faces.cli.verbs import VerbGroup, verb

TONES = {"current": "good", "behind": "bad", "lost": "bad", "new": "notice"}
NAMED = 4


@verb("hosts", "allstop hosts", "allstop hosts enrol web-1")
def listed(session: Session) -> None:
    """The hosts that follow standing orders, and how far each has come; enrol them.

    Current: it holds the order of the moment. Behind: it has not said so yet. Lost: it was not heard for some minutes; what stood on it stands.
    """
    answer = session.client.get("hosts")
    found: list[Mapping[str, Any]] = answer.data
    if session.as_json:
        session.print_json(answer)
        return
    page = Page()
    if session.quiet:
        page.table((), [(one["host"],) for one in found])
    else:
        rows = [_row(one, session.now(answer)) for one in found]
        page.table(("host", "state", "order", "heard", "agents", "refused last"), rows)
        if not found:
            page.line("No host is enrolled: allstop hosts enrol NAME")
    session.show(page)


def _row(host: Mapping[str, Any], now: datetime) -> tuple[Cell, ...]:
    heard = instant(host["heard_at"])
    refused = host["refused"][-1] if host["refused"] else None
    agents = ", ".join(host["agents"][:NAMED])
    more = f" and {len(host['agents']) - NAMED} more" if len(host["agents"]) > NAMED else ""
    return (
        host["host"],
        Piece(host["state"], TONES.get(host["state"], "notice")),
        f"{host['seq']} of {host['wanted']}",
        ago(heard, now) if heard else "-",
        f"{agents}{more}" or "-",
        Piece(f"{refused['code']}: {refused['because']}", "bad") if refused else "-",
    )


@verb("enrol", "allstop hosts enrol web-1", "allstop hosts enrol web-1 -q > host.token")
@click.argument("host", metavar="NAME")
def enrol(session: Session, host: str) -> None:
    """Let a host follow standing orders; its token is shown this once.

    The token opens nothing else. Enrolling a host again ends the token it had, and it begins anew.
    """
    answer = session.client.post("hosts", body={"host": host})
    if session.as_json:
        session.print_json(answer)
        return
    found = answer.data
    click.echo(safe(found["token"]))
    if not session.quiet:
        key = safe(found["issuer"])
        click.echo(
            f"for {safe(host)}, until it is revoked; it is not shown again. "
            f"The host accepts orders signed with the key {key}",
            err=True,
        )


hosts = VerbGroup(listed, enrol)

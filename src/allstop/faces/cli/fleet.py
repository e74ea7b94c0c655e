"""Services, agents, adapters and evidence."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from allstop.errors import AllstopError, Missing
from allstop.faces.cli.files import write
from allstop.faces.cli.halt_page import TONES
from allstop.faces.cli.named import Digest
from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.safe_text import safe_block
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

Shape = Mapping[str, Any]
Row = tuple[Cell, ...]
DIGEST = 64
SEARCHED = 50
UP = {"up": "good", "down": "bad", "failing": "bad"}


@verb("services", "allstop services", "allstop services --json")
def services(session: Session) -> None:
    """The services, and what their probes say."""
    answer = session.client.get("services")
    if session.as_json:
        session.print_json(answer)
        return
    found = answer.data
    page = Page()
    page.table(
        ("service", "state", "category", "needs", "known good", "probes"),
        [_service(one) for one in found],
    )
    if not found:
        page.line("There are no services in fleet.yaml.")
    session.show(page)


@verb("agents", "allstop agents", "allstop agents -q")
def agents(session: Session) -> None:
    """The agents, and which halts hold them."""
    show_agents(session)


def show_agents(session: Session) -> None:
    """Those the coordinator knows."""
    answer = session.client.get("agents")
    found = answer.data
    if session.as_json:
        session.print_json(answer)
        return
    page = Page()
    if session.quiet:
        page.table((), [(one["id"],) for one in found])
    else:
        page.table(("agent", "team", "state", "held by"), agent_rows(found))
        if not found:
            page.line("No agent is registered: add them to roster.yaml, then allstop reload.")
    session.show(page)


@verb("adapters", "allstop adapters")
def adapters(session: Session) -> None:
    """What Allstop can talk to, and what cannot be used."""
    answer = session.client.get("adapters")
    if session.as_json:
        session.print_json(answer)
        return
    page = Page()
    found = answer.data
    page.table(
        ("adapter", "ports", "verbs", "what it is"),
        [_adapter(one) for one in found if not one["unavailable"]],
    )
    broken = [
        (one["name"], Piece(one["unavailable"], "bad")) for one in found if one["unavailable"]
    ]
    if broken:
        page.title("Cannot be used")
        page.table((), broken, indent=2)
    session.show(page)


@verb("evidence", "allstop evidence 3f0a9c", "allstop evidence 3f0a9c --output log.txt")
@click.argument("sha256", metavar="SHA", type=Digest())
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to a file, byte for byte.",
)
def evidence(session: Session, sha256: str, output: Path | None) -> None:
    """Print a piece of evidence by its SHA-256.

    On a terminal, control characters are shown and not sent; a pipe or a file gets the bytes as they are.
    """
    sha256 = _whole(session, sha256)
    body = session.client.get("evidence", sha256).body
    if hashlib.sha256(body).hexdigest() != sha256:
        raise AllstopError("what came back does not have this SHA-256", "allstop audit verify")
    if output is not None:
        write(output, body, "--output")
        session.advise(f"less {output}")
    elif sys.stdout.isatty():
        click.echo(safe_block(body.decode("utf-8", "replace")))
    else:
        sys.stdout.buffer.write(body)


def _whole(session: Session, start: str) -> str:
    """The digest that pages show the beginning of, looked for in the incidents, newest first."""
    if len(start) == DIGEST:
        return start
    found = set()
    for line in session.client.get("incidents").data[:SEARCHED]:
        view = session.client.get("incidents", line["id"]).data
        found |= {one["sha256"] for one in view["evidence"] if one["sha256"].startswith(start)}
    if len(found) > 1:
        raise Missing(
            f"{len(found)} pieces of evidence begin with {start}", "give more of the digest"
        )
    if not found:
        raise Missing(f"no evidence begins with {start}", "allstop show --all")
    return str(found.pop())


def service_rows(found: Iterable[Shape]) -> list[Row]:
    return [
        (
            one["name"],
            _left_as(one),
            one["title"],
            *_protected(one),
        )
        for one in found
    ]


def service_state(one: Shape) -> Piece:
    """What its probes say. What a plan has stopped is down on purpose."""
    if one["off"] and one["state"] != "up":
        return Piece("off on purpose", "notice")
    return Piece(one["state"], UP.get(one["state"], "notice"))


def _left_as(one: Shape) -> Piece:
    """The state, and what plans have left the service in."""
    state = service_state(one)
    off = state.text != one["state"]
    left = f", {one['standing']}" if one["standing"] and not off else ""
    return Piece(f"{state.text}{left}", state.tone)


def agent_rows(found: Iterable[Shape]) -> list[Row]:
    return [
        (
            one["id"],
            one["team"],
            Piece(one["state"], TONES.get(one["state"], "notice")),
            ", ".join(one["held_by"]) or "-",
        )
        for one in found
    ]


def _protected(one: Shape) -> Row:
    return (Piece("protected", "notice"),) if one["protected"] else ()


def _service(one: Shape) -> Row:
    probes = "; ".join(
        f"{probe['name']} {probe['state']} ({probe['text']})" for probe in one["probes"]
    )
    return (
        one["name"],
        _left_as(one),
        one["category"],
        ", ".join(one["depends"]) or "-",
        one["known_good"][:12] or "-",
        probes or "no probes",
    )


def _adapter(one: Shape) -> Row:
    verbs = ", ".join(each["name"] for each in one["verbs"])
    return one["name"], ", ".join(one["ports"]), verbs or "-", one["summary"]

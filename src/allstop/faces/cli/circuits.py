"""Circuits: what keeps failing is not called for a while. Which are open, and a person's word about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.listing import Listing
from allstop.faces.cli.page import Cell, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import ago, due, instant
from allstop.faces.cli.verbs import Named, VerbGroup, verb

Shape = Mapping[str, Any]
_TONES = {"closed": "good", "disabled": "notice"}
_NAME = click.argument("name", metavar="CIRCUIT", type=Named("circuit"))


def _row(one: Shape, now: datetime) -> tuple[Cell, ...]:
    does = f"pulls {one['service']}:{one['fallback']} while {one['watches']} fails"
    if one["kind"] == "calls":
        does = f"keeps calls to {one['service']} through {one['via']} back"
    return one["name"], _state(one, now), does, one["because"]


def _state(one: Shape, now: datetime) -> Cell:
    since, until = instant(one["since"]), instant(one["until"])
    text = one["state"].replace("-", " ").replace("disabled", "off")
    if since:
        text = f"{text}, {ago(since, now)}"
    if until and one["state"] == "open":
        text = f"{text}, tried again {due(until, now)[0].removeprefix('due ')}"
    return Piece(text, _TONES.get(one["state"], "bad"))


_LIST = Listing(
    "circuits", ("circuit", "state", "what it does", "because"), _row, lambda one: one["state"] not in _TONES,
    "No circuit was ever open, and fleet.yaml has no breakers.",
)  # fmt: skip


@verb("circuit", "allstop circuit", "allstop circuit -q")
def _circuit(session: Session) -> None:
    """Circuits of calls to services, and breakers of the fleet: what is open, until when."""
    _LIST.show(session)


@verb("list", "allstop circuit list", "allstop circuit list --json")
def list_(session: Session) -> None:
    """Every breaker of the fleet, and every circuit of calls that was ever open."""
    _LIST.show(session)


def _force(session: Session, name: str, state: str, because: str, text: str) -> None:
    body = {"state": state, "because": because}
    answer = session.client.post("circuits", name, "force", body=body)
    session.told(answer, text, next_command="allstop circuit list")


@verb("open", 'allstop circuit open search@supervisor --because "it is being repaired"')
@_NAME
@BECAUSE
def open_(session: Session, name: str, because: str) -> None:
    """Keep all calls back until somebody closes it; what cuts off and kills is called all the same."""
    _force(session, name, "open", because, f"{name} is open until somebody closes it")


@verb("close", 'allstop circuit close search@supervisor --because "it answers again"')
@_NAME
@BECAUSE
def close(session: Session, name: str, because: str) -> None:
    """Let calls through again, and count failures anew. A lever that a breaker has pulled stays pulled."""
    _force(session, name, "closed", because, f"{name} is closed, and counts anew")


@verb("off", 'allstop circuit off web:search --because "its probe is wrong"')
@_NAME
@BECAUSE
def off(session: Session, name: str, because: str) -> None:
    """Let it never open, until somebody closes it."""
    _force(session, name, "off", because, f"{name} is off")


circuit = VerbGroup(_circuit, list_, open_, close, off)

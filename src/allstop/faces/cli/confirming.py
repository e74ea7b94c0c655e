"""Saying that one knows the protocol in force, and seeing who has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import day, instant
from allstop.faces.cli.verbs import verb

Shape = Mapping[str, Any]
_TONES = {"confirmed": "good", "expired": "bad", "other": "bad", "missing": "bad"}
_WORDS = {"confirmed": "yes", "expired": "run out", "other": "no", "missing": "no"}
PLACE = ("protocol", "confirmation")


@verb("confirm", "allstop protocol confirm", "allstop protocol confirm --json | jq -r .until")
def confirm(session: Session) -> None:
    """Say that you know the protocol in force: what you do in an emergency, and what others do.

    It goes on the record under your own name; nobody can do it for you, and an agent cannot do it at all.
    Read it first: allstop protocol show. Where the protocol asks for it, it runs out, and doing it again
    renews it.
    """
    asked = session.client.get(*PLACE).data
    answer = session.client.post(*PLACE, body={"protocol": asked["protocol"]})
    found = answer.data
    until = instant(found["until"])
    lasts = (
        f"It holds until {day(until)}."
        if until
        else "The protocol asks nobody for it; it is on the record."
    )
    text = f"{found['person']} knows {asked['title']} ({found['protocol']}). {lasts}"
    session.told(answer, text, name=found["protocol"], next_command="allstop protocol confirmed")


@verb(
    "confirmed",
    "allstop protocol confirmed",
    """allstop protocol confirmed --json | jq -r '.people[] | select(.state != "confirmed") | .person'""",
)
def confirmed(session: Session) -> None:
    """Who has confirmed that they know the protocol in force, and who has not.

    Asked are the people who can hold a role, and the owners, without those who are away. With --quiet: the
    names of those whose word is missing.
    """
    answer = session.client.get(*PLACE)
    if session.as_json:
        session.print_json(answer)
        return
    found = answer.data
    missing = [one for one in found["people"] if one["state"] != "confirmed"]
    page = Page()
    if session.quiet:
        for one in missing if found["every_days"] else ():
            page.line(one["person"])
    else:
        page.line(Piece(found["title"], "strong"), f"  ({found['protocol']}), {_asks(found)}")
        page.table((), [_row(one) for one in found["people"]], indent=2)
        if not found["people"]:
            page.line(
                "Nobody who is there can hold a role or is an owner, so there is nobody to ask."
            )
    session.show(page)
    session.advise("allstop protocol confirm" if missing and found["every_days"] else "")


def _asks(found: Shape) -> str:
    if not found["every_days"]:
        return "which asks nobody to confirm it"
    return f"to be confirmed every {found['every_days']} days"


def _row(one: Shape) -> tuple[Cell, ...]:
    until: datetime | None = instant(one["until"]) if one["state"] == "confirmed" else None
    holds = f", holds until {day(until)}" if until else ""
    state = Piece(_WORDS.get(one["state"], "no"), _TONES.get(one["state"], "plain"))
    return one["person"], state, f"{one['text']}{holds}"

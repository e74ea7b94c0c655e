"""Levers in words: how each stands, and which stay pulled beyond their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from allstop.domain.moment import between, words
from allstop.faces.cli.page import Cell, Piece
from allstop.faces.cli.times import ago, due, instant

Shape = Mapping[str, Any]
# As many are named where levers are not the subject.
NAMED = 3
_WHY = {
    "protected": "its service is protected: a person has to take it back",
    "stopped": "a plan has stopped its service",
    "busy": "another plan works on its service",
    "preflight": "the preflight has not passed",
    "refused": "no plan could be made",
}


def lever_row(one: Shape, now: datetime) -> Sequence[Cell]:
    what = f"{one['title']} ({one['limit']})" if one["limit"] else one["title"]
    return one["name"], one["level"], _state(one, now), what


def _state(one: Shape, now: datetime) -> Cell:
    if not one["pulled"]:
        return Piece("-", "dim")
    since = instant(one["since"])
    parts = [f"pulled {ago(since, now)}" if since else "pulled"]
    until = instant(one["until"])
    parts.append(f"ends {due(until, now)[0].removeprefix('due ')}" if until else "no end is known")
    if one["taker"]:
        parts.append(f"{one['taker']} takes it back")
    elif one["overdue"] and one["blocked"]:
        parts.append(_why(one))
    elif one["kept"]:
        parts.append("extended")
    return Piece(", ".join(parts), "bad" if one["overdue"] else "notice")


def _why(one: Shape) -> str:
    """Why no plan takes it back, also where a newer coordinator has a reason of its own."""
    return str(_WHY.get(one["blocked"], one["blocked"]))


def overdue(levers: Sequence[Shape], now: datetime) -> list[str]:
    """What stays pulled beyond its time: why, and what takes it back. The first few, and how many more."""
    found = [_beyond(one, now) for one in levers[:NAMED]]
    more = len(levers) - len(found)
    if more:
        what = "lever is beyond its time" if more == 1 else "levers are beyond their time"
        found.append(f"and {more} more {what}: allstop lever")
    return found


def _beyond(one: Shape, now: datetime) -> str:
    until = instant(one["until"])
    long = f"{words(between(until, now))} " if until else ""
    text = f"lever {one['name']} is pulled {long}beyond its time"
    if one["taker"]:
        return f"{text}; {one['taker']} takes it back"
    why = f": {_why(one)}" if one["blocked"] else ""
    return f"{text}{why}. allstop lever release {one['name']}"

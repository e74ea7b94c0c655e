"""Names from the running coordinator, for tab completion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from allstop.faces.cli.session import Session

# A person has pressed Tab and waits: whoever does not answer in this time is silent.
SECONDS = 0.4

Names = list[tuple[str, str]]


def names(ctx: click.Context, kind: str) -> Names:
    """(name, what it is) of a kind; nothing at all when no coordinator answers."""
    session = _session(ctx)
    if session is None:
        return []
    try:
        client = session.client_within(SECONDS)
        overview = client.get("overview").data
        if kind in _OVERVIEW:
            part, read = _OVERVIEW[kind]
            return read(overview[part])
        first = next(each["id"] for each in overview["incidents"] if each["state"] == "open")
        return _INCIDENT[kind](client.get("incidents", first).data)
    except Exception:  # noqa: BLE001 - an error message in the middle of a typed line helps nobody
        return []


def _session(ctx: click.Context) -> Session | None:
    """The session of the half-typed line, with the place it names."""
    session = ctx.find_object(Session)
    if session is None:
        return None
    step: click.Context | None = ctx
    while step is not None:
        session.home = session.home or str(step.params.get("home") or "")
        session.url = session.url or str(step.params.get("url") or "")
        step = step.parent
    return session


def _lines(told: str) -> Callable[[list[dict[str, Any]]], Names]:
    return lambda found: [(each.get("id") or each["name"], each[told]) for each in found]


def _scopes(agents: list[dict[str, Any]]) -> Names:
    teams = sorted({each["team"] for each in agents if each["team"]})
    return [
        ("all", "every agent"),
        *((f"team:{team}", "one team") for team in teams),
        *((f"agent:{each['id']}", each["name"]) for each in agents),
    ]


def _criteria(incident: dict[str, Any]) -> Names:
    found = [
        *incident["stand_down"],
        *(one for phase in incident["phases"] for one in phase["criteria"]),
    ]
    return [(one["id"], one["title"]) for one in found if not one["passed"]]


# From the overview, by the part that is read; and from the first open incident.
_OVERVIEW: dict[str, tuple[str, Callable[[list[dict[str, Any]]], Names]]] = {
    "incident": ("incidents", _lines("title")),
    "halt": ("halts", _lines("reason")),
    "service": ("services", _lines("title")),
    "agent": ("agents", _lines("name")),
    "scope": ("agents", _scopes),
}
_INCIDENT: dict[str, Callable[[dict[str, Any]], Names]] = {
    "role": lambda incident: [(one["role"], one["title"]) for one in incident["roles"]],
    "plan": lambda incident: [(one["id"], one["title"]) for one in incident["plans"]],
    "subject": lambda incident: [("stand-down", "end it"), *_INCIDENT["plan"](incident)],
    "criterion": _criteria,
}

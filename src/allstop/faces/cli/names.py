"""Names from the running coordinator, for tab completion."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from allstop.faces.cli.advice import criteria
from allstop.faces.cli.hints import WORD
from allstop.faces.cli.session import CURRENT, Session

if TYPE_CHECKING:
    from allstop.faces.cli.client import Client

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
        if kind in _POLICY:
            return _POLICY[kind](client.get("policy").data["policy"])
        if kind == "proposal":
            found = client.get("proposals").data
            return [(one["id"], one["text"]) for one in found if one["state"] == "open"]
        if kind in _OF_FLEET:
            return [(one["name"], one[_OF_FLEET[kind]]) for one in client.get(f"{kind}s").data]
        if kind in _OVERVIEW:
            part, read = _OVERVIEW[kind]
            return read(client.get("overview").data[part])
        incident = _incident(ctx, client)
        if kind in _LISTED:
            return [
                (one[_LISTED[kind]], one["title"])
                for one in client.get("incidents", incident, f"{kind}s").data
            ]
        return _INCIDENT[kind](client.get("incidents", incident).data)
    except Exception:  # noqa: BLE001 - an error message in the middle of a typed line helps nobody
        return []


def _incident(ctx: click.Context, client: Client) -> str:
    """The incident that the half-typed line names, else the open one, else the newest."""
    for name in ("incident", WORD):
        named = ctx.params.get(name)
        if named and named != CURRENT:
            return str(named)
    lines = client.get("incidents").data
    return str(next((one["id"] for one in lines if one["state"] == "open"), lines[0]["id"]))


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
        *(
            (f"{kind}:{name}", f"whoever is in this {kind}")
            for kind in ("host", "session", "repository")
            for name in sorted({each.get(kind, "") for each in agents} - {""})
        ),
    ]


def _criteria(incident: dict[str, Any]) -> Names:
    return [(one["id"], one["title"]) for one in criteria(incident) if not one["passed"]]


def _statements(incident: dict[str, Any]) -> Names:
    """What may be stated, out of the commands that would meet a criterion."""
    found = [(_STATED.match(one["hint"]), one["title"]) for one in criteria(incident)]
    return [(hint[1], title) for hint, title in found if hint]


_STATED = re.compile(r"allstop state (\S+) ")

# From the overview, by the part that is read.
_OVERVIEW: dict[str, tuple[str, Callable[[list[dict[str, Any]]], Names]]] = {
    "incident": ("incidents", _lines("title")),
    "halt": ("halts", _lines("reason")),
    "service": ("services", _lines("title")),
    "agent": ("agents", _lines("name")),
    "scope": ("agents", _scopes),
}
# What each is, in lists of the fleet.
_OF_FLEET = {"lever": "title", "circuit": "state"}
# By the key of the name in lists that have an address of their own.
_LISTED = {"form": "id", "crew": "name"}
_INCIDENT: dict[str, Callable[[dict[str, Any]], Names]] = {
    "role": lambda incident: [(one["role"], one["title"]) for one in incident["roles"]],
    "plan": lambda incident: _titled(incident["plans"]),
    "subject": lambda incident: [
        ("stand-down", "end it"),
        *_titled(incident["plans"]),
        *((f"change:{id}", title) for id, title in _titled(incident["changes"])),
    ],
    "criterion": _criteria,
    "statement": _statements,
    "task": lambda incident: _titled(one for one in incident["tasks"] if one["state"] == "open"),
    "change": lambda incident: _titled(incident["changes"]),
    "obligation": lambda incident: _titled(
        one for one in incident["obligations"] if not one["met"]
    ),
    "action": lambda incident: _titled(incident["actions"]),
}


def _titled(found: Iterable[dict[str, Any]]) -> Names:
    return [(one["id"], one["title"]) for one in found]


def _people(policy: dict[str, Any]) -> Names:
    return [(one["id"], one["name"]) for one in policy["roster"]["people"]]


# From the policy for incidents declared from now on.
_POLICY: dict[str, Callable[[dict[str, Any]], Names]] = {
    "severity": lambda policy: [
        (one["name"], one["title"]) for one in policy["protocol"]["severities"]
    ],
    "kind": lambda policy: [
        (one["name"], one["title"]) for one in policy["protocol"]["activation"]["kinds"]
    ],
    "status": lambda policy: [(one, "") for one in policy["protocol"]["updates"]["statuses"]],
    "team": lambda policy: [(one["name"], one["title"]) for one in policy["roster"]["teams"]],
    "person": _people,
    "member": lambda policy: [
        *_people(policy),
        *((one["id"], one["name"]) for one in policy["roster"]["agents"]),
    ],
}

"""Policies as earlier versions stored them, lifted to today's shape.

A policy is stored under the digest of the text it was first written with, and running incidents are
pinned to that digest. So a stored body is never rewritten: it is lifted each time it is read, and what
it left out takes the default that means "as it was then".
"""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]


def lift(body: Body) -> Body:
    """Today's shape of a stored policy. One that has it already comes back as it is."""
    protocol = body["protocol"]
    if "approvals" in protocol:
        return body
    return body | {"protocol": _from_first(protocol)}


def _from_first(protocol: Body) -> Body:
    """From the first version: wall time everywhere, and approval by severity and by one role."""
    return protocol | {
        "severities": [_severity(rule) for rule in protocol["severities"]],
        "obligations": [_obligation(rule) for rule in protocol["obligations"]],
        "escalation": {"chain": protocol["escalation"]},
        "approvals": {"rows": _approval_rows(protocol)},
        "remedy": _without(protocol["remedy"], "contain_automatic", "approve"),
    }


def _severity(rule: Body) -> Body:
    every = rule["update_every_ms"]
    return _without(rule, "respond_ms", "update_every_ms") | {
        "respond": _wall(rule["respond_ms"]),
        "update_every": None if every is None else _wall(every),
    }


def _obligation(rule: Body) -> Body:
    return _without(rule, "within_ms") | {"within": _wall(rule["within_ms"])}


def _approval_rows(protocol: Body) -> list[Body]:
    """What the two special cases meant: contain by itself at some severities, else ask one role.

    The first version let everybody approve whom the authority grants it, and asked the named role; so
    those who may sign stay the same, and the role is asked first.
    """
    remedy = protocol["remedy"]
    automatic = [
        _row(
            {"purpose": "contain", "severity_rank": rule["rank"], "protected": False},
            "containing is automatic at this severity",
        )
        for rule in protocol["severities"]
        if rule["name"] in remedy["contain_automatic"]
    ]
    if remedy["approve"]:
        signed = _signed(protocol, remedy["approve"])
        return [*automatic, _row({}, "the protocol asks for an approval", signed)]
    signed = _signed(protocol, "commander")
    return [
        *automatic,
        _row({"protected": True}, "what is protected is never changed without a person", signed),
        _row({}, "the protocol asks nobody"),
    ]


def _signed(protocol: Body, role: str) -> list[str]:
    """Whom the authority lets approve, the role that is asked first."""
    granted = [
        entry
        for grant in protocol["authority"]
        if grant["action"] == "approve"
        for entry in grant["to"]
    ]
    first = f"role:{role}"
    known = first in granted or "person" in granted
    return list(dict.fromkeys(([first] if known else []) + granted))


def _row(when: Body, because: str, by: list[str] | None = None) -> Body:
    conditions = [{"fact": fact, "op": "is", "value": value} for fact, value in when.items()]
    people = 0 if by is None else 1
    return {"when": conditions, "by": by or [], "people": people, "because": because}


def _wall(milliseconds: int) -> Body:
    return {"amount": milliseconds, "clock": "wall"}


def _without(body: Body, *names: str) -> Body:
    return {key: value for key, value in body.items() if key not in names}

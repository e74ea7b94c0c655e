"""Checks of who may do what, against the people there are."""

from __future__ import annotations

from allstop.domain.authority import ACTIONS, HUMAN_ONLY
from allstop.domain.verdict import nearest
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document

_KINDS = ("person", "agent", "source", "self", "owner")
_MACHINES = ("agent", "source", "self")


def check_authority(
    document: Document[ProtocolDocument],
    model: ProtocolDocument,
    roster: RosterDocument,
    found: Findings,
) -> None:
    """Unknown actions and grants; what only people may do; what nobody can do."""
    # By grants: one missing person can leave many actions to nobody, and that is one problem.
    nobody: dict[tuple[str, ...], list[str]] = {}
    for action, grants in model.authority.items():
        if action not in ACTIONS:
            place = document.at("authority", action)
            found.add("AP060", place, f"there is no action {action}", nearest(action, ACTIONS))
            continue
        fine = [
            _check_grant(document, model, roster, (action, at, grant), found)
            for at, grant in enumerate(grants)
        ]
        possible = any(_possible(grant, model, roster) for grant in grants)
        # On an empty roster nobody can do anything: AP070 says so once.
        if not possible and all(fine) and (roster.people or not grants):
            nobody.setdefault(tuple(grants), []).append(action)
    for entries, actions in nobody.items():
        hint = (
            f"nobody on the roster is {' or '.join(entries)}"
            if entries
            else "it is granted to nobody"
        )
        found.add("AP062", document.at("authority", actions[0]), _nobody(actions), hint)
    for action in sorted(set(ACTIONS) - set(model.authority)):
        found.add(
            "AP062", document.at("authority"), _nobody([action]), f"add {action} under authority"
        )


def _nobody(actions: list[str]) -> str:
    return f"nobody can {', '.join(ACTIONS[action] for action in actions)}"


def _check_grant(
    document: Document[ProtocolDocument], model: ProtocolDocument, roster: RosterDocument,
    written: tuple[str, int, str], found: Findings,
) -> bool:  # fmt: skip
    """Whether an entry names somebody. Each objection is recorded."""
    action, at, grant = written
    place = document.at("authority", action, at)
    kind, _, name = grant.partition(":")
    if action in HUMAN_ONLY and kind in _MACHINES:
        text = f"only people may {ACTIONS[action]}, and {grant} is none"
        found.add("AP061", place, text, "grant it to a role, to person:ID or to owner")
        return False
    if grant in _KINDS:
        return True
    if kind == "role" and name:
        return found.known("AP041", name, model.roles, place, "role")
    if kind == "person" and name:
        return found.known("AP045", name, roster.people, place, "person")
    if kind in {"agent", "source"} and name:
        # Agents may register themselves and sources are tokens: their names cannot be checked here.
        return True
    hint = (
        f"write role:{grant}"
        if grant in model.roles
        else f"one of {', '.join(_KINDS)}, role:NAME, person:ID"
    )
    found.add("AP063", place, f"{grant} is no grant", hint)
    return False


def _possible(grant: str, model: ProtocolDocument, roster: RosterDocument) -> bool:
    """Whether anybody could ever act under this entry."""
    if grant == "owner":
        return any(person.owner for person in roster.people.values())
    if grant == "person":
        return bool(roster.people)
    if grant.startswith("role:"):
        return bool(roster.holders(grant[5:])) and grant[5:] in model.roles
    return True

"""Checks of who may do what, against the people there are."""

from __future__ import annotations

from allstop.domain.authority import ACTIONS
from allstop.domain.verdict import nearest
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_response import ReleaseDocument
from allstop.protocol.entries import (
    Names,
    by_machine,
    check_entry,
    meant_by_any,
    nobody_yet,
    possible,
)
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document

# Done outside of an incident, where no role is held.
_OUTSIDE = frozenset({"declare", "propose", "register-agent", "administer"})


def check_authority(document: Document[ProtocolDocument], names: Names, found: Findings) -> None:
    """Unknown actions and grants; what only people may do; what nobody can do."""
    # By grants: one missing person can leave many actions to nobody, and that is one problem.
    nobody: dict[tuple[str, ...], list[str]] = {}
    granted = names.model.authority
    for action, grants in granted.items():
        if action not in ACTIONS:
            place = document.at("authority", action)
            found.add("AP060", place, f"there is no action {action}", nearest(action, ACTIONS))
            continue
        fine = [
            _check_grant(document, names, (action, at, grant), found)
            for at, grant in enumerate(grants)
        ]
        # On an empty roster nobody can do anything: AP070 says so once.
        asked = not grants or names.manned is not None
        if asked and all(fine) and not possible(grants, names):
            nobody.setdefault(tuple(grants), []).append(action)
    for entries, actions in nobody.items():
        hint = (
            f"nobody on the roster is {' or '.join(entries)}"
            if entries
            else "it is granted to nobody"
        )
        found.add("AP062", document.at("authority", actions[0]), _nobody(actions), hint)
    for action in sorted(set(ACTIONS) - set(granted)):
        found.add(
            "AP062", document.at("authority"), _nobody([action]), f"add {action} under authority"
        )


def check_releases(document: Document[ProtocolDocument], names: Names, found: Findings) -> None:
    """A halt that takes more people than there are could never be lifted."""
    stop, roster = names.model.all_stop, names.manned
    if roster is None:
        return
    able = meant_by_any(names.model.authority.get("release", ()), names)
    rules: list[tuple[tuple[str, ...], ReleaseDocument]] = [
        (("release", name), rule) for name, rule in stop.release.items()
    ]
    if stop.release_by_hand is not None:
        rules.append((("release_by_hand",), stop.release_by_hand))
    for path, rule in rules:
        if len(able) < rule.persons:
            place = document.at("all_stop", *path, "persons")
            many = "nobody on the roster" if not able else f"only {', '.join(able)}"
            text = f"lifting it takes {rule.persons} people, and {many} may release a halt"
            found.add("AP195", place, text, "grant `release` to more people under authority")


def _nobody(actions: list[str]) -> str:
    return f"nobody can {', '.join(ACTIONS[action] for action in actions)}"


def _check_grant(
    document: Document[ProtocolDocument], names: Names, written: tuple[str, int, str],
    found: Findings,
) -> bool:  # fmt: skip
    """Whether an entry names somebody. Each objection is recorded."""
    action, at, grant = written
    place = document.at("authority", action, at)
    if by_machine(action, grant):
        text = f"only people may {ACTIONS[action]}, and {grant} is none"
        found.add("AP061", place, text, "grant it to a role, to person:ID or to owner")
        return False
    if not check_entry(grant, "grant", names, place, found):
        return False
    if action in _OUTSIDE and grant.startswith("role:"):
        nobody_yet(grant, place, found)
        return False
    return True

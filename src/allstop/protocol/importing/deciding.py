"""Who must agree, and what a text says about rolling back, fixing and investigating."""

from __future__ import annotations

import re

from allstop.protocol.importing.draft import Draft, Raw, Tree, Value
from allstop.protocol.importing.pieces import Piece

_LEVEL = re.compile(
    r"\b(?:years?|risk levels?|levels?|risk)\s*(?P<from>\d{1,2})(?:\s*(?:-|–|—|to)\s*(?P<to>\d{1,2}))?",
    re.IGNORECASE,
)
_AND_UP = re.compile(
    r"\b(?:years?|risk levels?|levels?|risk)\s*(?:>=|≥)?\s*(?P<from>\d{1,2})\s*(?:\+|(?:and|or) (?:above|up|higher|more|greater))",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"\b(?:years?|risk levels?|levels?)\s*(?P<from>\d{1,2})\s*(?:-|–|—|to)\s*(?P<to>\d{1,2})\b(?=.*\b(?:human|approv|sign))",
    re.IGNORECASE,
)
_NEEDS = re.compile(
    r"\b(?:human|person|people|approv\w*|sign[\s-]?off|reviewers?|manual)\b", re.IGNORECASE
)
_NONE = re.compile(
    r"\b(?:no|without|not|never|automatic\w*|autonom\w*)\b[^.;]{0,30}\b(?:human|approv\w*|sign)|\bautonomous\w*\b",
    re.IGNORECASE,
)
_TWO = re.compile(
    r"\b(?:two|2|dual|both)\b[^.;]{0,20}\b(?:person|people|humans?|approv\w*|reviewers?|sign)",
    re.IGNORECASE,
)
_REMEDY = re.compile(r"\b(roll ?back|fix(?: forward)?|hotfix|investigate)\b", re.IGNORECASE)
_SIGNERS = ("role:commander", "owner")


def read_approvals(found: list[Piece], draft: Draft) -> None:
    """Levels of risk and what they mean; from which level on somebody must agree."""
    rules: dict[tuple[int, int], tuple[int, Piece]] = {}
    for piece in draft.free(found):
        if len(piece.text) > 400:
            continue
        up = _AND_UP.search(piece.text) or (
            _RANGE.search(piece.text) if piece.topic == "approvals" else None
        )
        if (
            up
            and _NEEDS.search(piece.text)
            and not _NONE.search(piece.text)
            and piece.topic in ("approvals", "phase", "procedure", "roles", "", "other")
        ):
            start, end = int(up["from"]), int(up.groupdict().get("to") or 0)
            if (
                1 <= start <= 10
                and (start, end) not in rules
                and not re.search(r"\b(?:sev|p)\d", piece.text, re.IGNORECASE)
            ):
                rules[start, end] = (2 if _TWO.search(piece.text) else 1, piece)
        elif piece.topic == "approvals":
            _levels(piece, draft)
    if rules:
        draft.at("approvals")["table"] = _table(rules)


def _levels(piece: Piece, draft: Draft) -> None:
    match = _LEVEL.search(piece.text[:60])
    if match is None:
        return
    rest = piece.text[match.end() :].lstrip(" |:–—-.)+")
    first, last = int(match["from"]), int(match["to"] or match["from"])
    if rest and 0 <= first <= last <= 10:
        for level in range(first, last + 1):
            draft.put(("approvals", "levels", str(level)), rest, piece)


def _table(rules: dict[tuple[int, int], tuple[int, Piece]]) -> list[Tree]:
    """The rows of the base protocol that protect, the text's own, and the rest as the base has it."""

    def row(
        when: Tree, people: int, because: str, lines: tuple[int, ...] = (), by: int = 2
    ) -> Tree:
        signers = (
            ("role:commander", "role:deputy", "role:operations", "owner")
            if people > 1
            else _SIGNERS
        )
        made: Tree = {"when": when} if when else {}
        if by:
            made["by"] = [Value(one, (), "" if lines else "as in base") for one in signers]
        made["people"] = Value(people, lines)
        made["because"] = Value(because, lines)
        return made

    protected = {"protected": Value(True)}
    rows = [
        row({**protected, "stateful": Value(True)}, 2, "it is protected and holds data"),
        row({**protected}, 1, "what is protected is never changed without a person"),
    ]
    for start, end in sorted(rules, reverse=True):
        people, piece = rules[start, end]
        tests = f"{{at_least: {start}, at_most: {end}}}" if end else f"{{at_least: {start}}}"
        rows.append(
            row(
                {"risk": Value(Raw(tests), piece.lines)},
                people,
                piece.text,
                piece.lines,
            )
        )
    contain: Tree = {"purpose": Value("contain"), "severity_rank": Value(Raw("{at_most: 2}"))}
    rows.append(
        row(contain, 0, "isolation can be undone, and the time to contain leaves none to ask", by=0)
    )
    rows.append(row({}, 1, "somebody who answers for it has looked at it"))
    return rows


def read_remedy(found: list[Piece], draft: Draft) -> None:
    """When to roll back, fix or investigate: named, and left to people. A few rows in place of the base
    protocol's table would lose what that table is careful about."""
    for piece in draft.free(found, "remedy"):
        match = _REMEDY.search(piece.section) or _REMEDY.search(piece.text)
        what = f"{match[1].lower()}: " if match else ""
        draft.note(
            piece,
            f"{what}{piece.text}",
            "compare it with remedy.table of base, which stays as it is",
        )

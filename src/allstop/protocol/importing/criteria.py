"""What has to hold at a gate, by the words it is written in."""

from __future__ import annotations

import re

from allstop.protocol.importing.draft import Draft
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.words import after_label, our_role, slug, wall_span_in

_PREFIX = re.compile(
    r"^(?:\*\*)?(?:exit(?: criteri(?:a|on))?|done when|complete(?:d)? when|completion criteri(?:a|on)|gate|success criteri(?:a|on))\s*[:–—-]?\s*",
    re.IGNORECASE,
)  # fmt: skip
_STABLE = re.compile(
    r"\b(?:stable|monitor(?:ed|ing)?|no (?:new )?(?:errors|incidents|alerts)|healthy|green|normal)\b",
    re.IGNORECASE,
)
_APPROVED = re.compile(
    r"\bapprov(?:ed|al|es?)\b|\bsign(?:ed|s)?[\s-]?off\b|\bconfirm(?:ed|ation) (?:by|from)\b|\b(?:commander|deputy|lead|headmaster)\b.{0,20}\b(?:confirms?|declares?|authori[sz]es?)\b",
    re.IGNORECASE,
)  # fmt: skip
_ROLL_CALL = re.compile(
    r"\b(?:all|every) agents?\b.{0,30}\b(?:stopped|halted|paused|acknowledged|accounted|confirmed|answered)|\broll[\s-]?call (?:is )?complete",
    re.IGNORECASE,
)
_DECIDED = re.compile(
    r"\b(?:remedy|rollback or fix|roll back or fix|fix or rollback)\b.{0,20}\b(?:decided|chosen|selected)",
    re.IGNORECASE,
)
# Conditions that every protocol has already, with the words that mean them.
_BASE = (
    ("still-stable", _STABLE),
    ("commander-approves", _APPROVED),
    ("root-cause", re.compile(r"\broot[\s-]cause\b", re.IGNORECASE)),
    ("prevention", re.compile(r"\bprevent(?:ion|ive)?\b|\brecurrence\b", re.IGNORECASE)),
    ("resolved", re.compile(r"^(?:the )?(?:issue|incident|problem|emergency|cause)?(?: is| has been)? ?(?:fully )?(?:resolved|fixed)\b", re.IGNORECASE)),
)  # fmt: skip
BASE_CRITERIA = frozenset(name for name, _ in _BASE)


def without_prefix(text: str) -> str:
    """`Exit criteria: all quiet` -> `all quiet`."""
    return _PREFIX.sub("", text, count=1).strip() or text


def has_prefix(text: str) -> bool:
    """Whether a line says itself that it is a condition."""
    match = _PREFIX.match(text)
    return bool(
        match and re.search(r":|when", match[0], re.IGNORECASE) and len(text) > len(match[0])
    )


def put_criterion(
    draft: Draft, path: tuple[str, ...], prefix: str, text: str, piece: Piece
) -> bool:
    """A criterion at a path (the mapping of criteria). One that the base protocol has under another name is
    placed there when it is about standing down, so that it is not asked for twice."""
    said = without_prefix(text)
    if len(said) > 300:
        return False
    if path == ("stand_down",) and (base := _base(draft, said)):
        draft.put((*path, base, "title"), said, piece)
        if base == "still-stable" and (window := wall_span_in(said)):
            draft.put((*path, base, "stable_for"), window, piece)
        return True
    id = draft.fresh(path, slug(f"{prefix}-{said}" if prefix else said, "criterion"), BASE_CRITERIA)
    here = (*path, id)
    draft.put((*here, "title"), said, piece)
    window = wall_span_in(said)
    if window and _STABLE.search(said):
        draft.put((*here, "stable_for"), window, piece)
        draft.put((*here, "probes"), "all", None)
    elif _ROLL_CALL.search(said):
        draft.put((*here, "roll_call"), True, piece)
    elif _DECIDED.search(said):
        draft.put((*here, "remedy"), "decided", piece)
    elif _APPROVED.search(said):
        role = our_role(after_label(said)[1])
        known = role if (role and draft.has("roles", role)) or role == "commander" else "commander"
        draft.put((*here, "approval"), known, piece)
    else:
        draft.put((*here, "statement"), id, piece)
    return True


def _base(draft: Draft, text: str) -> str:
    for name, words in _BASE:
        if words.search(text) and not draft.has("stand_down", name):
            if name == "still-stable" and not wall_span_in(text):
                continue
            return name
    return ""

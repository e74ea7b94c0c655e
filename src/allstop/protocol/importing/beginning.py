"""How it begins: phrases that call for it, and kinds of emergency."""

from __future__ import annotations

import re

from allstop.domain.recognition import folded
from allstop.protocol.importing.assuming import named_in
from allstop.protocol.importing.draft import Draft, Raw
from allstop.protocol.importing.facts import facts_in
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.tables import others
from allstop.protocol.importing.words import after_label, slug, without_marks

MOST_PHRASES, MOST_KINDS = 80, 40
_QUOTED = re.compile(
    r"[\"“„«]([^\"”“»\n]{2,60})[\"”“»]|(?<!\w)['‘]([^'’\n]{2,60})['’](?!\w)|`([^`\n]{2,60})`"
)
_SAID = re.compile(
    r"\b(?:says?|mentions?|asks?|types?|writes?|phrases?|keywords?|words?|triggers?|hears?)\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"[(){}<>$=|\\\[\];]|--|\w/\w|\.\w+$")
_PEOPLE = re.compile(
    r"^(?:first responders?|responders?|escalat\w*|next hop|contacts?|owners?|who|notify|assigned to|page|lead)\b",
    re.IGNORECASE,
)

_CALLED = "first_responders and escalation name roles, offices and people"


def read_phrases(found: list[Piece], draft: Draft) -> None:
    """Trigger phrases: in the front matter, in quotes or code, or a list of short words."""
    for piece in found:
        if piece.line in draft.claimed:
            continue
        for phrase in _phrases(piece):
            _phrase(draft, phrase, piece)


def _phrases(piece: Piece) -> list[str]:
    if piece.kind == "front":
        key = piece.cells[0].lower().replace("_", " ")
        if re.search(r"\b(?:triggers?|phrases?|keywords?|activat)", key):
            listed = piece.cells[1:] if len(piece.cells) > 2 else piece.cells[-1].split(",")
            return [one.strip(" \"'`[]") for one in listed]
        return (
            _quoted(piece.text)
            if key in ("description", "when to use") and _SAID.search(piece.text)
            else []
        )
    if piece.kind not in ("item", "text", "row") or piece.topic != "trigger":
        return []
    quoted = _quoted(piece.raw if piece.kind != "row" else piece.text)
    if quoted:
        return quoted
    words = _SAID.search(piece.section) and not re.search(
        r"\bconditions?\b", piece.section, re.IGNORECASE
    )
    short = len(piece.text) <= 40 and len(piece.text.split()) <= 5 and ":" not in piece.text
    if (
        piece.kind == "item"
        and words
        and short
        and re.search(r"phrase|key ?word|\bword|\bsay", piece.section, re.IGNORECASE)
    ):
        return [piece.text]
    return []


def _quoted(text: str) -> list[str]:
    return [next(one for one in match if one).strip() for match in _QUOTED.findall(text[:2000])]


def _phrase(draft: Draft, phrase: str, piece: Piece) -> None:
    said = folded(phrase).strip(" .,!")
    if (
        not 2 <= len(said) <= 60
        or len(said.split()) > 8
        or _CODE.search(said)
        or not any(c.isalnum() for c in said)
    ):
        return
    draft.add(("activation", "phrases"), said, piece, MOST_PHRASES)


# --- kinds of emergency ------------------------------------------------------------------------------


def read_halts(found: list[Piece], draft: Draft) -> None:
    """Conditions that halt everything become kinds: a title, and a test where the words are clear. Who is
    called for them belongs into the roster, and is only said."""
    current = ""
    for piece in found:
        if piece.topic not in ("halt", "trigger") or piece.kind in (
            "code",
            "quote",
            "html",
            "front",
            "head",
        ):
            continue
        if piece.kind == "heading":
            current = _headed(piece, draft)
            continue
        if piece.line in draft.claimed:
            continue
        if piece.topic == "halt" and piece.kind == "row":
            _row(piece, draft)
        elif piece.topic == "halt" and (piece.level > 0 or (current and piece.section == current)):
            _about(piece, draft)
        elif piece.kind == "item" and piece.level == 0:
            _item(piece, draft)


def _headed(piece: Piece, draft: Draft) -> str:
    """A heading inside such a section is a kind itself."""
    if piece.topic != "halt" or len(piece.headings) < 2:
        return ""
    title = without_marks(piece.text)
    title = re.sub(
        r"^(?:condition|scenario|type|kind)\s*\d*\s*[:.–—-]\s*", "", title, flags=re.IGNORECASE
    )
    inside = not re.search(r"condition|type|categor|kind|scenario", title, re.IGNORECASE)
    return piece.text if inside and _kind(draft, title, title, piece) else ""


def _about(piece: Piece, draft: Draft) -> None:
    label = after_label(piece.text)[0]
    why = _CALLED if _PEOPLE.match(label) else "a kind has no place for it"
    draft.note(piece, f"{piece.section}: {piece.text}", why)


def _item(piece: Piece, draft: Draft) -> None:
    label, rest = after_label(piece.text)
    title = piece.strong or label or piece.text
    if piece.topic == "trigger" and (len(piece.text) > 120 or not facts_in(piece.text)):
        return
    if len(title) <= 80 and _kind(draft, title, piece.text, piece) and rest and title != piece.text:
        text = piece.text.removeprefix(title).lstrip(" :–—-")
        if not facts_in(text) or facts_in(title):
            draft.note(piece, text, "a kind has a title and tests, and no description")


def _row(piece: Piece, draft: Draft) -> None:
    title = piece.cells[0]
    if not title or len(title) > 80 or not _kind(draft, title, " ".join(piece.cells[:2]), piece):
        return
    for head, text in others(piece, 0):
        called = _PEOPLE.match(head) or re.search(
            r"\bwho\b|lead|respon|escalat", head, re.IGNORECASE
        )
        why = _CALLED if called else "a kind has no place for it"
        draft.note(piece, f"{title}: {head}: {text}" if head else text, why)


def _kind(draft: Draft, title: str, text: str, piece: Piece) -> bool:
    id = slug(re.sub(r"\([^()]*\)", "", title), "")
    if not id or draft.count("activation", "kinds") >= MOST_KINDS:
        return False
    path = ("activation", "kinds", draft.fresh(("activation", "kinds"), id))
    draft.put((*path, "title"), title.strip(" :"), piece)
    tests = facts_in(title) or facts_in(text)
    for fact, test in tests[:1]:
        # Of two kinds with one test only the first would ever be recognised.
        if not any(
            _same_test(draft, other, fact, test) for other in draft.at("activation", "kinds")
        ):
            draft.put((*path, "when", fact), Raw(test), piece)
    named = named_in(draft, text)
    if len(named) == 1:
        draft.put((*path, "severity"), named[0], piece)
    return True


def _same_test(draft: Draft, kind: str, fact: str, test: str) -> bool:
    before = draft.get("activation", "kinds", kind, "when", fact)
    return before is not None and before.value == test

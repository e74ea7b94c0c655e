"""Roles, crews, the escalation; who holds them belongs into the roster."""

from __future__ import annotations

import re

from allstop.protocol.importing.draft import Draft, Value
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.tables import cell, column, others, tables
from allstop.protocol.importing.words import after_label, is_role, our_role, slug, wall_span_in

MOST_ROLES, MOST_CREWS, MOST_CHAIN = 40, 20, 12
_ROSTER = "who it is belongs into roster.yaml"
_PERSON = re.compile(
    r"@|\+?\d[\d\s().-]{6,}|#\w|^\W*$|\bpagerduty\b|\bslack\b|(?-i:^[A-Z][a-z]+ [A-Z][a-z]+$)",
    re.IGNORECASE,
)
_NO_ROLE = re.compile(r"^(?:note|important|warning|tip|example|responsibilities|duties|tasks|all|everyone|anyone|n/?a)\b", re.IGNORECASE)  # fmt: skip
_RACI = re.compile(r"\s*(?:[RACI](?:\s*[/,&]\s*[RACI])*)?\s*[-–—]?\s*")
_ARROW = re.compile(r"\s*(?:-+>|→|=>|➜|➔|»)\s*")
_TO = re.compile(r"\bescalate(?:d|s)?\s+to\s+(?:the\s+)?([^.,;(]{2,60})|\b(?:page|call|notify|contact)\s+(?:the\s+)?([^.,;(]{2,60})", re.IGNORECASE)  # fmt: skip
_AFTER = re.compile(
    r"\b(?:no (?:response|ack\w*|answer|reply)|every|after|unacknowledged)\b.{0,60}", re.IGNORECASE
)


def read_roles(found: list[Piece], draft: Draft) -> None:
    """Roles from lists, headings and tables under a heading about roles; RACI tables by their letters."""
    for rows in tables(found):
        if rows[0].topic == "roles" and rows[0].line not in draft.claimed:
            if _is_raci(rows):
                _raci(rows, draft)
            else:
                _role_table(rows, draft)
    for piece in draft.free(found, "roles", kinds=("item", "text")):
        label, rest = after_label(piece.text)
        name = piece.strong or label
        duties = piece.text.removeprefix(piece.strong).lstrip(" :–—-") if piece.strong else rest
        if is_role(name) and not _NO_ROLE.search(name):
            _role(draft, name, duties, piece)
        elif piece.where.role:
            _role(draft, piece.where.role, piece.text, piece)
        elif not label and is_role(piece.text) and len(piece.text) <= 40:
            _role(draft, piece.text, "", piece)
        elif piece.parents and (above := _above(found, piece)):
            _role(draft, above, piece.text, piece)


def _above(found: list[Piece], piece: Piece) -> str:
    """The role whose item this one is nested in."""
    line = piece.parents[-1]
    parent = next((one for one in found if one.line == line and one.kind == "item"), None)
    if parent is None:
        return ""
    name = parent.strong or after_label(parent.text)[0] or parent.text.rstrip(":")
    return name if is_role(name) and not _NO_ROLE.search(name) else ""


def _role(draft: Draft, name: str, duties: str, piece: Piece) -> bool:
    """A role with what it does; the same name again adds to its duties."""
    name = re.sub(r"\([^()]*\)", "", name).strip(" :*–—-")
    ours = our_role(name)
    id = ours if ours and _same_title(draft, ours, name) else slug(name, "")
    if not id or (draft.count("roles") >= MOST_ROLES and not draft.has("roles", id)):
        return False
    taken = draft.put(("roles", id, "title"), name, piece)
    if duties and not _PERSON.search(duties[:60]):
        taken = draft.extend(("roles", id, "duties"), duties, piece) or taken
    elif duties:
        draft.note(piece, duties, _ROSTER)
    return taken


def _same_title(draft: Draft, ours: str, name: str) -> bool:
    """Whether our role is this one: it is still free, or has the same title."""
    title = draft.get("roles", ours, "title")
    return title is None or str(title.value).lower() == name.lower()


def _role_table(rows: list[Piece], draft: Draft) -> None:
    names = column(rows, r"\broles?\b", r"\bposition|\btitle|\bfunction")
    duties = column(rows, r"responsib|duties|\bdut|tasks?\b|\bdoes\b|description|what")
    if names is None:
        return
    for row in rows:
        name = cell(row, names)
        if not name or len(name) > 60 or not _role(draft, name, cell(row, duties), row):
            continue
        for head, text in others(row, names, duties):
            draft.note(row, f"{head}: {text}" if head else text, _ROSTER)


def _is_raci(rows: list[Piece]) -> bool:
    cells = [one for row in rows for one in row.cells[1:]]
    return len(rows[0].head) > 2 and sum(bool(_RACI.fullmatch(one)) for one in cells) == len(cells)


def _raci(rows: list[Piece], draft: Draft) -> None:
    words = {
        "R": "Responsible for",
        "A": "Answers for",
        "C": "Is asked about",
        "I": "Is told about",
    }
    for place, name in enumerate(rows[0].head):
        if place == 0 or not name:
            continue
        for letter, word in words.items():
            did = [row for row in rows if letter in cell(row, place)]
            for number, row in enumerate(did):
                ours = our_role(name)
                id = (
                    ours if ours and _same_title(draft, ours, name) else slug(name, f"role-{place}")
                )
                draft.put(("roles", id, "title"), name, row)
                text = f"{word}: {row.cells[0]}" if number == 0 else row.cells[0]
                draft.extend(("roles", id, "duties"), text, row, "; " if number == 0 else ", ")


def read_crews(found: list[Piece], draft: Draft) -> None:
    """Crews that are formed for one incident: a name in bold, and what it is for."""
    for piece in found:
        if piece.topic != "crews" or piece.line in draft.claimed:
            continue
        if piece.kind == "item" and piece.level == 0 and piece.strong:
            name, rest = piece.strong, piece.text.removeprefix(piece.strong).lstrip(" :–—-")
        elif (
            piece.kind == "row"
            and len(piece.cells) > 1
            and re.search(r"crew|team|squad|name", piece.head[0], re.IGNORECASE)
        ):
            name, rest = piece.cells[0], "; ".join(one for one in piece.cells[1:] if one.strip())
        else:
            continue
        id = slug(re.sub(r"\([^()]*\)|\b(?:crew|team|squad)\b", "", name, flags=re.IGNORECASE), "")
        if id and len(name) <= 60 and draft.count("crews") < MOST_CREWS:
            id = draft.fresh(("crews",), id)
            draft.put(("crews", id, "title"), name, piece)
            if rest and not draft.put(("crews", id, "objective"), rest[:500], piece):
                draft.note(piece, rest, "the crew has an objective already")


def read_roster(found: list[Piece], draft: Draft) -> None:
    """Teams, houses and contacts are people, and those stand in the roster: only said, never placed."""
    for piece in draft.free(found, "roster", "who"):
        why = (
            _ROSTER
            if piece.topic == "roster"
            else "who may declare: see activation.who and authority"
        )
        draft.note(piece, piece.text, why)


# --- escalation --------------------------------------------------------------------------------------


def read_escalation(found: list[Piece], draft: Draft) -> None:
    """A chain written with arrows, as a list, or as a table of levels, under a heading about escalation."""
    chain: dict[str, tuple[int, ...]] = {}
    for piece in found:
        if piece.topic != "escalation" or piece.line in draft.claimed:
            continue
        names = _row_names(piece) if piece.kind == "row" else _line_names(piece)
        entries = [
            entry
            for name in names
            if (entry := _entry(draft, name, piece, new=len(chain) < MOST_CHAIN))
        ]
        for entry in entries:
            chain[entry] = tuple(sorted({*chain.get(entry, ()), *piece.lines}))
            draft.claimed |= set(piece.lines)
        _every(piece, draft, had=bool(entries))
    if not chain:
        return
    ends = [Value("owner", (), "the owner always exists")] if "owner" not in chain else []
    draft.at("escalation")["chain"] = [
        *(Value(name, lines) for name, lines in chain.items()),
        *ends,
    ]


def _line_names(piece: Piece) -> list[str]:
    if piece.kind not in ("item", "text") or len(piece.text) > 300:
        return []
    parts = [one for one in _ARROW.split(piece.text) if one.strip()]
    if len(parts) > 1:
        named = [re.split(r":\s", one)[-1] for one in parts]
        return named if all(is_role(_plain_name(one)) or _owner(one) for one in named) else []
    to = _TO.search(piece.text)
    if to:
        name = _plain_name(to[1] or to[2])
        return [name] if is_role(name) else []
    label, rest = after_label(piece.text)
    if re.match(r"(?:level|tier|l|step|stage)\W?\d", label, re.IGNORECASE):
        label = rest
    name = _plain_name(label or piece.text)
    return (
        [name]
        if piece.kind == "item" and (is_role(name) or _owner(name)) and len(name.split()) <= 5
        else []
    )


def _row_names(piece: Piece) -> list[str]:
    place = column(
        [piece],
        r"\bwho\b|\bcontact|\brole\b|\bescalate|\bperson|\bnotif",
        r"\bteam\b|\bowner\b|\bname\b",
    )
    name = _plain_name(cell(piece, place))
    return [name] if is_role(name) or _owner(name) else []


def _plain_name(text: str) -> str:
    text = re.sub(r"\([^()]*\)", "", text)
    text = re.split(r"\b(?:after|if|within|when|for|via|by|at|every)\b|[,;/+&]", text, maxsplit=1)[
        0
    ]
    return re.sub(r"^(?:the|our|a)\s+", "", text.strip(" .:*-–—"), flags=re.IGNORECASE).strip()


def _owner(name: str) -> bool:
    return name.strip().lower() in ("owner", "the owner", "business owner")


def _entry(draft: Draft, name: str, piece: Piece, *, new: bool) -> str:
    """The entry of the chain a name means; one the text does not define becomes a role of its own."""
    name = _plain_name(name)
    if not name or not new:
        return ""
    if _owner(name):
        return "owner"
    ours = our_role(name)
    if ours and _same_title(draft, ours, name):
        return ours
    id = slug(name, "")
    if id and not draft.has("roles", id):
        if draft.count("roles") >= MOST_ROLES:
            return ""
        draft.put(("roles", id, "title"), name, piece)
    return id


def _every(piece: Piece, draft: Draft, *, had: bool) -> None:
    """How long each step waits: the first time that says so. In a table, the column about time."""
    if piece.kind == "row":
        text = cell(
            piece, column([piece], r"\bafter\b|\btime|\bwhen\b|\bwait|\bwithin|\bdelay|\bminutes")
        )
    else:
        match = _AFTER.search(piece.text)
        text = match[0] if match and piece.kind in ("item", "text") else ""
    span = wall_span_in(text)
    if not span:
        return
    before = draft.get("escalation", "every")
    if before is None:
        draft.put(("escalation", "every"), span, piece)
    elif before.value != span and had:
        draft.note(piece, text, f"the language has one interval for all steps: {before.value}")

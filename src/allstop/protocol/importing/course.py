"""The course of the response: phases with their actions and exits, standing down, the timeline."""

from __future__ import annotations

import re

from allstop.protocol.importing.criteria import has_prefix, put_criterion
from allstop.protocol.importing.draft import Draft, Value
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.tables import cell, column, others, tables
from allstop.protocol.importing.topics import is_exit
from allstop.protocol.importing.words import after_label, slug, span_in, without_marks

MOST_PHASES, MOST_ACTIONS, MOST_CRITERIA, MOST_DEADLINES = 30, 40, 30, 20
# What a time in a timeline is about, as marks.
_MARKS = (
    ("roll-call", re.compile(r"\broll[\s-]?call\b|\ball agents\b.{0,30}\b(?:stop|halt|pause|acknowledg|account)", re.IGNORECASE)),
    ("form:briefing", re.compile(r"\bbriefing\b", re.IGNORECASE)),
    ("acknowledged", re.compile(r"\backnowledg", re.IGNORECASE)),
    ("triaged", re.compile(r"\btriag", re.IGNORECASE)),
    ("updated", re.compile(r"\bfirst (?:status )?(?:update|communication)\b|\binitial (?:status )?(?:update|communication)\b", re.IGNORECASE)),
    ("crews", re.compile(r"\b(?:crews?|teams?) (?:are )?(?:formed|assembled|assigned)|\b(?:assemble|form|assign) (?:the )?(?:crews?|teams?)", re.IGNORECASE)),
    ("remedy", re.compile(r"\bdecid\w*\b.{0,30}\b(?:roll ?back|fix|remedy)", re.IGNORECASE)),
    ("contained", re.compile(r"\bcontain(?:ed|ment)?\b", re.IGNORECASE)),
    ("mitigated", re.compile(r"\bmitigat(?:ed|ion)\b", re.IGNORECASE)),
    ("resolved", re.compile(r"\bresolved\b|\bresolution\b", re.IGNORECASE)),
)  # fmt: skip


def read_phases(found: list[Piece], draft: Draft) -> None:
    """Phases from headings such as `Phase 1: Contain`, tables of phases, and numbered lists with bold leads;
    what stands below becomes their actions, or what has to hold to leave them."""
    for rows in tables(found):
        if rows[0].line not in draft.claimed and rows[0].topic in ("", "phases", "procedure"):
            _phase_table(rows, draft)
    leads = _numbered(found, draft)
    current = ""
    for piece in found:
        if piece.kind == "heading" and piece.topic == "phase":
            _phase(draft, piece.where.phase, piece)
        if piece.line in draft.claimed or piece.kind not in ("item", "text"):
            continue
        if piece.line in leads:
            current = _lead(draft, piece)
        elif piece.topic in ("phase", "exit"):
            _in_phase(piece, draft)
        elif current and set(piece.parents) & leads and piece.kind == "item":
            _action(draft, current, piece.text, piece)


def _in_phase(piece: Piece, draft: Draft) -> None:
    key = _phase(draft, piece.where.phase, piece, new=piece.kind == "item")
    if not key:
        return
    if piece.topic == "exit" or has_prefix(piece.text):
        if not _only_lead(piece) and draft.count("phases", key, "exit") < MOST_CRITERIA:
            put_criterion(draft, ("phases", key, "exit"), key, piece.text, piece)
    elif piece.kind == "item" and not _only_lead(piece):
        _action(draft, key, piece.text, piece)


def _only_lead(piece: Piece) -> bool:
    short = piece.text.endswith(":") and len(piece.text) <= 30
    return short or (is_exit(piece.text) and len(piece.text) < 20)


def _phase(draft: Draft, title: str, piece: Piece, *, new: bool = True) -> str:
    """The key of a phase, which is made when there is none of the name yet."""
    name = re.sub(r"\([^()]*\)", "", after_label(title)[0] or title).strip(" -–—:.") or title
    key = slug(name, "phase")
    if draft.has("phases", key):
        return key
    if not new or draft.count("phases") >= MOST_PHASES or not title:
        return ""
    draft.put_lines(
        ("phases", key, "title"), title[:80], piece.lines if piece.kind == "heading" else ()
    )
    return key


def _action(draft: Draft, key: str, text: str, piece: Piece) -> None:
    if len(text) <= 400:
        draft.add(("phases", key, "actions"), text.rstrip(":"), piece, MOST_ACTIONS)


def _numbered(found: list[Piece], draft: Draft) -> set[int]:
    """Lines of the items of numbered lists whose bold leads are phases: two or more of one section."""
    groups: dict[tuple[str, ...], list[Piece]] = {}
    for piece in found:
        if (
            (
                piece.kind == "item"
                and piece.level == 0
                and piece.number
                and piece.strong
                and piece.line not in draft.claimed
            )
            and piece.topic in ("procedure", "phases")
            and len(piece.strong) <= 50
        ):
            groups.setdefault(piece.headings, []).append(piece)
    return {one.line for group in groups.values() if len(group) > 1 for one in group}


def _lead(draft: Draft, piece: Piece) -> str:
    """A numbered item with a bold lead: the lead is the phase, the rest of the line its first action."""
    title = without_marks(piece.strong)
    key = slug(re.sub(r"\([^()]*\)", "", title), "phase")
    if draft.count("phases") >= MOST_PHASES or draft.has("phases", key):
        return key if draft.has("phases", key) else ""
    draft.put(("phases", key, "title"), title, piece)
    rest = piece.text.removeprefix(piece.strong)
    said = rest.lstrip(" :–—-.")
    if said:
        # `**Detect** the problem` is one sentence, `**Detect**: look around` a label and a text.
        _action(
            draft,
            key,
            said if rest[:3].strip(" ")[:1] in (":", "–", "—", "-", ".") else piece.text,
            piece,
        )
    return key


def _phase_table(rows: list[Piece], draft: Draft) -> None:
    names = column(rows, r"^\W*(?:phase|stage)s?\b")
    if names is None:
        return
    does = column(rows, r"action|activit|what|task|step|description")
    exits = column(rows, r"exit|done when|complete|criteri|gate")
    for row in rows:
        title = cell(row, names)
        key = slug(re.sub(r"^\d+[.):]?\s*", "", title), "")
        if (
            not key
            or draft.has("phases", key)
            or draft.count("phases") >= MOST_PHASES
            or len(title) > 80
        ):
            continue
        draft.put(("phases", key, "title"), title, row)
        for text in re.split(r";\s+", cell(row, does)):
            if text.strip():
                _action(draft, key, text.strip(), row)
        if cell(row, exits):
            put_criterion(draft, ("phases", key, "exit"), key, cell(row, exits), row)
        for head, text in others(row, names, does, exits):
            if not text.isdigit():
                said = f"{head}: {text}" if head else text
                draft.note(row, said, "a phase has no place for it")


def read_stand_down(found: list[Piece], draft: Draft) -> None:
    """Conditions for the end, from lists under headings about standing down."""
    for piece in draft.free(found, "stand-down", kinds=("item",)):
        if piece.text.endswith(":") or draft.count("stand_down") >= MOST_CRITERIA:
            continue
        put_criterion(draft, ("stand_down",), "", piece.text, piece)


def read_timeline(found: list[Piece], draft: Draft) -> None:
    """`T+5: roll call complete`: deadlines, where it is clear which mark is meant."""
    for piece in draft.free(found, "timeline"):
        span = span_in(piece.cells[0] if piece.kind == "row" and piece.cells else piece.text)
        mark = next((name for name, words in _MARKS if words.search(piece.text)), "")
        if (
            not span
            or not mark
            or draft.count("deadlines") >= MOST_DEADLINES
            or len(piece.text) > 300
        ):
            continue
        if mark == "crews" and not draft.has("crews"):
            continue
        if any(
            draft.at("deadlines", id).get("until") and _until(draft, id) == mark
            for id in (draft.at("deadlines") if draft.has("deadlines") else {})
        ):
            draft.note(piece, piece.text, f"there is a deadline until {mark} already")
            continue
        id = draft.fresh(("deadlines",), slug(mark.partition(":")[2] or mark))
        draft.put(("deadlines", id, "title"), piece.text.replace(" | ", ": ", 1), piece)
        draft.put(("deadlines", id, "within"), span, piece)
        draft.at("deadlines", id)["until"] = [Value(mark, piece.lines)]


def _until(draft: Draft, id: str) -> str:
    until = draft.at("deadlines", id).get("until")
    first = until[0] if isinstance(until, list) and until else None
    return str(first.value) if isinstance(first, Value) else ""

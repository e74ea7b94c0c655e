"""Message templates and forms, from fenced blocks and quotations."""

from __future__ import annotations

import re

from allstop.domain.templates import known_placeholders
from allstop.protocol.importing.draft import Draft, Value, clean
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.words import after_label, slug

MOST_FORMS, MOST_FIELDS, LONGEST = 20, 40, 3_000
_OCCASIONS = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("stood-down", r"\bstand(?:ing)?[\s-]?down\b|\ball[\s-]clear\b|\bresol(?:ved|ution)\b|\bdeactivat|\bclos(?:ed|ing|ure)\b|\bfinal\b|\brestored\b"),
        ("remedy", r"\broll ?back (?:notice|notification|announcement)"),
        ("declared", r"\bactivat|\bdeclar|\bannounce|\binitial\b|\bfirst\b|\balert\b|\bnotification\b|\bnotice\b|\bincident (?:post|start|created)|\bkick-?off\b|\binvestigating\b"),
        ("update", r"\bupdates?\b|\bstatus\b|\bprogress\b|\bongoing\b|\bin progress\b"),
    )
)  # fmt: skip
_FORM = re.compile(
    r"post[\s-]?mortem|briefing|assessment|\breport\b|(?:five|5)[\s-]whys|retrospective|\brca\b|root cause analysis|hand-?off|hand-?over|after[\s-]action",
    re.IGNORECASE,
)  # fmt: skip
_FORM_IDS = (
    ("post-mortem", re.compile(r"post[\s-]?mortem|retrospective|after[\s-]action", re.IGNORECASE)),
    ("briefing", re.compile(r"\bbriefing\b", re.IGNORECASE)),
    ("five-whys", re.compile(r"(?:five|5)[\s-]whys", re.IGNORECASE)),
    ("handover", re.compile(r"hand-?off|hand-?over", re.IGNORECASE)),
)
# The fields of the forms that every protocol has.
_BASE_FORMS = {
    "post-mortem": ("summary", "impact", "timeline", "root-cause", "resolution", "went-well", "could-be-better", "prevention"),
    "briefing": ("situation", "impact", "severity", "cause", "risk"),
    "five-whys": ("problem", "why-1", "why-2", "why-3", "why-4", "why-5", "root-cause", "proof"),
    "handover": ("state", "done", "open", "risks", "promised"),
}  # fmt: skip
_AUDIENCES = (
    (
        "public",
        re.compile(
            r"\bpublic\b|\bcustomers?\b|\bexternal\b|\bstatus ?page\b|\bclients?\b", re.IGNORECASE
        ),
    ),
    (
        "stakeholders",
        re.compile(
            r"\bstakeholders?\b|\bexecutives?\b|\bleadership\b|\bmanagement\b", re.IGNORECASE
        ),
    ),
    ("responders", re.compile(r"\bresponders?\b", re.IGNORECASE)),
)
# Ours for theirs, the most telling word first; all its words must be there.
_FIELDS = (
    ("next_update", "next update"), ("next_update", "next"), ("root_cause", "root cause"), ("commander", "commander"),
    ("commander", "ic"), ("commander", "lead"), ("title", "title"), ("title", "summary"), ("title", "description"),
    ("title", "incident name"), ("severity", "severity"), ("severity", "sev"), ("severity", "priority"),
    ("severity", "threat level"), ("severity", "level"), ("impact", "impact"), ("services", "service"),
    ("services", "services"), ("services", "systems"), ("services", "system"), ("services", "component"),
    ("duration", "duration"), ("status", "status"), ("status", "state"), ("declared_at", "start time"),
    ("declared_at", "started"), ("declared_by", "reporter"), ("declared_by", "declared by"), ("declared_by", "reported by"),
    ("now", "time"), ("now", "timestamp"), ("now", "date"), ("text", "update"), ("text", "details"), ("text", "message"),
    ("incident", "incident id"), ("incident", "incident number"), ("incident", "id"), ("incident", "ticket"),
    ("incident", "incident"), ("number", "number"),
)  # fmt: skip
_ELSE = frozenset({
    "link", "url", "page", "phone", "email", "zoom", "bridge", "channel", "resolution", "eta", "estimated", "expected",
})  # fmt: skip
_LATER = re.compile(r"\b(?:eta|next|expected|estimated|until|by|resol\w*)\b", re.IGNORECASE)
_HOLE = re.compile(r"\{+([^{}\n]{1,80})\}+|\[([^\[\]\n]{1,80})\](?!\()|<([^<>\n]{1,80})>")


def read_templates(found: list[Piece], draft: Draft) -> None:
    """Blocks under headings about templates and messages become templates, those of reports forms."""
    for piece in draft.free(found, kinds=("code", "quote")):
        near = " / ".join(piece.headings[-3:])
        spoken = piece.topic == "template" or (
            piece.topic in ("updates", "after", "stand-down", "phase", "trigger") and _near(piece)
        )
        if not spoken or len(piece.text) > LONGEST or not piece.text.strip():
            continue
        nearest = piece.headings[-1] if piece.headings else ""
        if _FORM.search(nearest) or (_FORM.search(near) and not _occasion(nearest)):
            _form(piece, near, draft)
        else:
            _template(piece, draft)


def _near(piece: Piece) -> bool:
    return bool(
        re.search(
            r"template|message|format|post:|notice|announce|example", piece.section, re.IGNORECASE
        )
    )


def _occasion(title: str) -> str:
    return next((name for name, words in _OCCASIONS if words.search(title)), "")


def _template(piece: Piece, draft: Draft) -> None:
    occasion = next(
        (name for title in reversed(piece.headings[-3:]) if (name := _occasion(title))), ""
    )
    if not occasion:
        draft.note(
            piece,
            f"block, lines {piece.line}-{piece.last}",
            "a template, and nothing says when it is told",
        )
        return
    audience = next((name for name, words in _AUDIENCES if words.search(piece.section)), "")
    key = f"{occasion}@{audience}" if audience else occasion
    if draft.has("templates", key):
        draft.note(
            piece,
            f"block, lines {piece.line}-{piece.last}",
            f"there is a template for {key} already",
        )
        return
    text = _update_fields(piece, draft) if occasion == "update" else piece.text
    known = known_placeholders(occasion)
    lines = [_filled(line.rstrip(), known) for line in clean_block(text)]
    subject, rest = _subject(lines)
    if subject:
        draft.put(("templates", key, "subject"), subject, piece)
    if rest:
        draft.put(("templates", key, "text"), "\n".join(rest), piece)


def clean_block(text: str) -> list[str]:
    """The lines of a block as they may stand in a document, without empty ones around."""
    lines = [clean(line.replace("\t", "    ")) for line in text.split("\n")]
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def _first_line(piece: Piece) -> int:
    """Where the text of a block begins: behind its fence, when it has one."""
    return piece.line + (piece.last - piece.line >= piece.text.count("\n") + 1)


def _subject(lines: list[str]) -> tuple[str, list[str]]:
    """The first line as a subject when it is one, and the rest."""
    first = lines[0].strip() if lines else ""
    said = re.match(r"\**subject\**\s*:\**\s*(.+)", first, re.IGNORECASE)
    title = said[1] if said else first.strip("#*_ ")
    heads = (
        said
        or first.startswith(("#", "**"))
        or (first.isupper() and ":" not in first)
        or bool(re.match(r"[^\w\s{\[]", first))
    )
    if heads and 0 < len(title) <= 150 and len(lines) > 1:
        rest = lines[1:]
        while rest and not rest[0].strip():
            rest.pop(0)
        return title.strip("* "), rest
    return "", lines


def _filled(text: str, known: tuple[str, ...]) -> str:
    """`[SEVERITY]`, `{severity}` and `<severity>` as our placeholders; others stay as words in brackets."""

    def swap(match: re.Match[str]) -> str:
        word = next(one for one in match.groups() if one is not None).strip()
        ours = _ours(word)
        if ours == "now" and _LATER.search(text[: match.start()]):
            ours = "next_update" if "next" in text[: match.start()].lower() else ""
        return f"{{{ours}}}" if ours in known else f"[{word}]" if word.strip("[]xX ") else match[0]

    if text == "{fields}":
        return text
    filled = _HOLE.sub(swap, text)
    # What still looks like a placeholder would be refused.
    return re.sub(
        r"\{([^{}\n]{1,60})\}",
        lambda match: match[0] if match[1] in known else f"[{match[1]}]",
        filled,
    )


def _ours(word: str) -> str:
    words = re.findall(r"[a-z]+", word.lower())
    if not words or len(words) > 5 or _ELSE & set(words):
        return ""
    return next((ours for ours, theirs in _FIELDS if set(theirs.split()) <= set(words)), "")


def _update_fields(piece: Piece, draft: Draft) -> str:
    """Labels of an update that no placeholder of ours fills become fields of updates; `{fields}` stands for
    them. The text without them."""
    kept: list[str] = []
    for offset, line in enumerate(
        clean(one.replace("\t", "    ")) for one in piece.text.split("\n")
    ):
        label, rest = after_label(line.strip("*-# \t").replace("**", ""))
        hole = _HOLE.fullmatch(rest.strip())
        unknown = hole is not None and not _ours(
            next(one for one in hole.groups() if one is not None)
        )
        id = slug(label, "") if label else ""
        if not (
            id and unknown and len(label) <= 60 and draft.count("updates", "fields") < MOST_FIELDS
        ):
            kept.append(line)
            continue
        at = (min(_first_line(piece) + offset, piece.last),)
        if draft.put_lines(("updates", "fields", id, "title"), label, at):
            draft.put_lines(("updates", "fields", id, "required"), False, ())
        if "{fields}" not in kept:
            kept.append("{fields}")
    return "\n".join(kept)


def _form(piece: Piece, near: str, draft: Draft) -> None:
    """The labels of a block (`Situation: ...`, `## Impact`) become the fields of a form."""
    title = next((one for one in reversed(piece.headings[-3:]) if _FORM.search(one)), near)
    id = next((name for name, words in _FORM_IDS if words.search(title)), "")
    plain = re.sub(r"\b(?:template|format|form)\b", "", title, flags=re.IGNORECASE).strip(" :-")
    id = id or slug(plain, "form")
    if draft.has("forms", id) or draft.count("forms") >= MOST_FORMS:
        draft.note(
            piece, f"block, lines {piece.line}-{piece.last}", f"there is a form {id} already"
        )
        return
    fields = _labels(piece)
    if not fields:
        return
    draft.put(("forms", id, "title"), plain[:80] or "Form", piece)
    later = piece.topic == "after" or any(one.lower().startswith("post") for one in piece.headings)
    if later and id not in _BASE_FORMS:
        draft.put(("forms", id, "after"), True, None)
    for label, at in fields:
        draft.put_lines(("forms", id, "fields", slug(label, "field"), "title"), label, (at,))
    for name in _BASE_FORMS.get(id, ()):
        if not draft.has("forms", id, "fields", name):
            draft.at("forms", id, "fields")[name] = Value(None, (), "the text has no such field")


def _labels(piece: Piece) -> list[tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for offset, line in enumerate(piece.text.split("\n")):
        plain = clean(line).strip("*-• \t")
        label = (
            after_label(plain.lstrip("# "))[0]
            if ":" in plain
            else plain.strip("# *")
            if plain.startswith("#")
            else ""
        )
        label = re.sub(r"[\[\]{}<>*_]", "", label).strip()
        heading = plain.startswith("# ") and offset == 0
        if (
            label
            and len(label) <= 60
            and slug(label, "")
            and not heading
            and len(found) < MOST_FIELDS
        ):
            at = min(_first_line(piece) + offset, piece.last)
            found.setdefault(slug(label, ""), (label, at))
    return list(found.values())

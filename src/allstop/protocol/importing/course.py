"""How it begins, who does what, the phases, standing down, and what is owed afterwards."""

from __future__ import annotations

import re

from allstop.protocol.importing.draft import Draft, Value
from allstop.protocol.importing.markdown import Piece
from allstop.protocol.importing.words import after_label, slug, span_in

_ROLE_WORDS = (
    "commander", "lead", "manager", "officer", "scribe", "deputy", "coordinator", "engineer", "owner",
    "responder", "director", "head", "captain", "master",
)  # fmt: skip
_OURS = {
    "commander": ("commander", "incident lead", "incident manager", "headmaster"),
    "deputy": ("deputy", "second"),
    "operations": ("operations", "ops lead", "technical lead", "tech lead"),
    "communications": ("communication", "comms", "liaison"),
    "scribe": ("scribe", "recorder", "note"),
}
_PHASE = re.compile(r"(?:phase|step|stage)\s*[0-9IVX]*\s*[:.)–—-]?\s*(.*)", re.IGNORECASE)
_NUMBERED = re.compile(r"[0-9]+[.)]\s+(.*)")
_OCCASIONS = (
    ("stood-down", ("stand down", "stand-down", "all clear", "resolved", "resolution", "deactivat", "closing", "final")),
    ("update", ("update", "status", "progress")),
    ("declared", ("activat", "declar", "announce", "initial", "first", "alert", "notification", "incident post")),
)  # fmt: skip
_FIELDS = {
    "incident": ("incident", "id", "number", "ticket"), "title": ("title", "summary", "subject", "name", "reason", "description", "issue"),
    "severity": ("severity", "level", "priority", "sev", "threat"), "impact": ("impact", "effect"),
    "services": ("service", "system", "component"), "commander": ("commander", "lead", "owner", "contact", "ic"),
    "now": ("time", "date", "timestamp", "utc"), "declared_by": ("who", "by", "reporter", "activated"),
    "status": ("status", "state"), "next_update": ("next",), "duration": ("duration",),
    "root_cause": ("root", "cause"), "text": ("update", "details", "message", "progress"),
}  # fmt: skip


def read_beginning(found: list[Piece], draft: Draft) -> None:
    """Trigger phrases: quoted words under a heading about triggers or activation."""
    phrases: list[str] = []
    line = 0
    for piece in found:
        if piece.kind not in ("item", "text") or not piece.under(
            "trigger", "activat", "keyword", "phrase"
        ):
            continue
        quoted = re.findall(r"[\"“'‘]([^\"”'’]{2,60})[\"”'’]", piece.text)
        if quoted and not piece.under("template", "format"):
            phrases += [one.strip().lower() for one in quoted]
            line = line or piece.line
            draft.used.add(piece.line)
    if phrases:
        draft.put(("activation", "phrases"), Value(list(dict.fromkeys(phrases)), line))


def read_roles(found: list[Piece], draft: Draft) -> None:
    """Roles from lists and tables under a heading about roles, teams or responsibilities."""
    for piece in found:
        if not piece.under("role", "responsib", "team") or piece.line in draft.used:
            continue
        if piece.kind == "row" and len(piece.cells) >= 2:
            name, duties = piece.cells[0], "; ".join(cell for cell in piece.cells[1:] if cell)
        elif piece.kind == "item" and (piece.strong or ":" in piece.text):
            name, duties = after_label(piece.text)
            name = name or piece.strong
        else:
            continue
        if (
            not name
            or len(name) > 60
            or not (piece.strong or piece.kind == "row" or _is_role(name))
        ):
            continue
        ours = next(
            (role for role, words in _OURS.items() if any(w in name.lower() for w in words)), ""
        )
        role = ours or slug(name)
        draft.put(("roles", role, "title"), Value(name, piece.line))
        if duties:
            draft.put(("roles", role, "duties"), Value(duties[:500], piece.line))
        draft.used.add(piece.line)


def _is_role(name: str) -> bool:
    return any(word in name.lower() for word in _ROLE_WORDS)


def read_escalation(found: list[Piece], draft: Draft) -> None:
    """A chain written with arrows, or an ordered list, under a heading about escalation."""
    chain: list[str] = []
    line = 0
    for piece in found:
        if (
            piece.kind not in ("item", "text")
            or not piece.under("escalat")
            or piece.line in draft.used
        ):
            continue
        parts = re.split(r"\s*(?:->|→|=>|➜|>)\s*", piece.text)
        if len(parts) > 1:
            chain = [_role_of(draft, part) for part in parts if part]
        elif piece.kind == "item" and len(piece.text) < 60 and _is_role(piece.text):
            chain.append(_role_of(draft, piece.text))
        else:
            continue
        line = line or piece.line
        draft.used.add(piece.line)
    chain = [one for one in dict.fromkeys(chain) if one]
    if chain:
        draft.put(
            ("escalation", "chain"), Value([*chain, *([] if "owner" in chain else ["owner"])], line)
        )


def _role_of(draft: Draft, text: str) -> str:
    """The role a word of a chain means; one the text does not define becomes one of its own."""
    name = after_label(text)[0] or text
    name = re.sub(r"\(.*?\)", "", name).strip(" .,")
    if not name:
        return ""
    if "owner" in name.lower():
        return "owner"
    ours = next(
        (role for role, words in _OURS.items() if any(w in name.lower() for w in words)), ""
    )
    role = ours or slug(name)
    if not ours and not draft.has("roles", role):
        draft.put(("roles", role, "title"), Value(name, 0, "named in the escalation only"))
    return role


def read_phases(found: list[Piece], draft: Draft) -> None:
    """Phases from headings such as `Phase 1: Contain`; lists below become their actions."""
    for piece in found:
        if piece.kind not in ("item", "row") or piece.line in draft.used:
            continue
        name = _phase_of(piece)
        if not name:
            continue
        key = slug(name)
        draft.put(("phases", key, "title"), Value(name[:80], piece.line))
        text = piece.text[:200]
        if (
            re.search(
                r"exit|complete when|until|criteri|done when",
                " ".join(piece.headings[-1:]) + text,
                re.IGNORECASE,
            )
            and not piece.boxed
        ):
            id = f"{key}-{slug(text)[:30]}"
            draft.put(("phases", key, "exit", id, "title"), Value(text, piece.line))
            draft.put(("phases", key, "exit", id, "statement"), Value(id, piece.line))
        else:
            actions = draft.at("phases", key)
            before = actions.get("actions")
            texts = (
                list(before.value)
                if isinstance(before, Value) and isinstance(before.value, list)
                else []
            )
            first = before.line if isinstance(before, Value) else piece.line
            actions["actions"] = Value([*texts, text], first)
        draft.used.add(piece.line)
    for key, phase in draft.at("phases").items():
        if isinstance(phase, dict) and "exit" not in phase:
            draft.put(
                ("phases", key, "exit", f"{key}-done", "title"),
                Value("Its tasks are done", 0, "the text names no exit"),
            )
            draft.put(("phases", key, "exit", f"{key}-done", "tasks"), Value(True))


def _phase_of(piece: Piece) -> str:
    """The phase a piece belongs to, by the nearest heading that names one."""
    for title in reversed(piece.headings):
        match = _PHASE.match(title)
        if match and (match[1] or re.search(r"[0-9IVX]", title)):
            name = after_label(match[1])[0] or match[1] or title
            return re.sub(r"\(.*?\)", "", name).strip(" -–—:") or title
    return ""


def read_stand_down(found: list[Piece], draft: Draft) -> None:
    """Conditions for the end, from lists under headings about standing down."""
    for piece in found:
        below = piece.under(
            "stand down",
            "stand-down",
            "standing down",
            "all clear",
            "deactivat",
            "de-escalat",
            "resolution criteria",
            "exit criteria",
            "closure",
        )
        if piece.kind != "item" or not below or piece.line in draft.used or piece.under("template"):
            continue
        id = slug(piece.text)[:40].strip("-")
        draft.put(("stand_down", id, "title"), Value(piece.text[:200], piece.line))
        window = span_in(piece.text)
        if (
            window
            and re.search(r"stable|monitor|no (?:new )?errors|healthy", piece.text, re.IGNORECASE)
            and window[-1] in "smhd"
            and not window.endswith("bd")
        ):
            draft.put(("stand_down", id, "stable_for"), Value(window, piece.line))
            draft.put(("stand_down", id, "probes"), Value("all"))
        elif re.search(r"approv|sign.?off|confirm(?:ed)? by", piece.text, re.IGNORECASE):
            draft.put(("stand_down", id, "approval"), Value("commander", piece.line))
        else:
            draft.put(("stand_down", id, "statement"), Value(id, piece.line))
        draft.used.add(piece.line)


def read_aftermath(found: list[Piece], draft: Draft) -> None:
    """Obligations: lists under headings about the time after, with a time in the heading or the item."""
    for piece in found:
        below = piece.under(
            "post-incident",
            "post incident",
            "after",
            "follow-up",
            "follow up",
            "review",
            "retrospective",
            "post-mortem",
            "postmortem",
            "within",
        )
        if (
            piece.kind not in ("item", "row")
            or not below
            or piece.line in draft.used
            or piece.under("template", "format")
        ):
            continue
        within = span_in(piece.text) or next(
            (s for t in reversed(piece.headings) if (s := span_in(t))), ""
        )
        if not within:
            continue
        id = slug(piece.text)[:40].strip("-")
        draft.put(("obligations", id, "title"), Value(piece.text[:200], piece.line))
        draft.put(("obligations", id, "owner"), Value("commander", 0, "say who owes it"))
        draft.put(("obligations", id, "within"), Value(within, piece.line))
        draft.used.add(piece.line)


def read_templates(found: list[Piece], draft: Draft) -> None:
    """Code blocks under headings about messages become templates, those of post-mortems forms."""
    for piece in found:
        if piece.kind != "code" or piece.line in draft.used:
            continue
        near = " ".join(piece.headings[-2:]).lower()
        if any(
            word in near
            for word in (
                "post-mortem",
                "postmortem",
                "briefing",
                "assessment",
                "report",
                "five whys",
                "5 whys",
            )
        ):
            _form(piece, draft)
            continue
        occasion = next(
            (name for name, words in _OCCASIONS if any(word in near for word in words)), ""
        )
        if not occasion or draft.has("templates", occasion):
            continue
        text = _placeholders(piece.text)
        first = next((line for line in text.splitlines() if line.strip()), "")
        draft.put(("templates", occasion, "subject"), Value(first.strip("#* ")[:150], piece.line))
        draft.put(("templates", occasion, "text"), Value(text[:2000], piece.line))


def _placeholders(text: str) -> str:
    """`[SEVERITY]`, `{severity}` and `<severity>` as our placeholders; unknown ones stay as words."""

    def swap(match: re.Match[str]) -> str:
        word = next(one for one in match.groups() if one is not None)
        lower = word.lower()
        ours = next(
            (
                name
                for name, words in _FIELDS.items()
                if any(one in re.split(r"[^a-z]+", lower) for one in words)
            ),
            "",
        )
        return f"{{{ours}}}" if ours else word

    return re.sub(r"\[([^\]\n]{1,60})\]|\{([^}\n]{1,60})\}|<([^>\n]{1,60})>", swap, text)


def _form(piece: Piece, draft: Draft) -> None:
    """The labels of a block (`Situation: ...`, `## Impact`) become the fields of a form."""
    title = piece.section or "Form"
    id = slug(re.sub(r"template|format|report form", "", title, flags=re.IGNORECASE)) or "form"
    number = 0
    for offset, line in enumerate(piece.text.splitlines(), 1):
        label = line.strip("#*- \t")
        label = (
            after_label(label)[0]
            if ":" in label
            else (label if line.lstrip().startswith("#") else "")
        )
        label = re.sub(r"[\[\]{}<>*]", "", label).strip()
        if not label or len(label) > 60:
            continue
        number += 1
        draft.put(("forms", id, "title"), Value(title[:80], piece.line))
        draft.put(
            ("forms", id, "fields", slug(label)[:40], "title"), Value(label, piece.line + offset)
        )
    if number:
        draft.used.add(piece.line)


def read_cadence(found: list[Piece], draft: Draft) -> None:
    """`Updates every 15 minutes`, where no severity said so itself."""
    for piece in found:
        if piece.kind not in ("item", "text", "row") or piece.line in draft.used:
            continue
        match = re.search(r"(?:updates?|status)\b[^.]*?\bevery\b[^.]*", piece.text, re.IGNORECASE)
        span = span_in(match[0][match[0].lower().index("every") :]) if match else ""
        if span:
            names = list(draft.at("severities"))
            for name in names[:2]:
                draft.put(("severities", name, "update_every"), Value(span, piece.line))
            draft.used.add(piece.line)

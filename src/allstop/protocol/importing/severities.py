"""Severities: from tables, from headings with lists, from single lines."""

from __future__ import annotations

import re

from allstop.protocol.importing.draft import Draft, Raw, Tree, Value
from allstop.protocol.importing.markdown import Piece
from allstop.protocol.importing.words import after_label, rank_of, severity_in, span_in

_COLUMNS = {
    "respond": ("respon", "react", "acknowledg", "sla", "respond", "within", "time"),
    "update": ("update", "cadence", "frequency", "communicat", "interval"),
    "describe": ("descri", "definition", "criteria", "impact", "condition", "meaning", "when", "what", "example", "scope"),
    "title": ("name", "label", "title", "type"),
}  # fmt: skip
_HEADS = ("sever", "priorit", "level", "threat", "sev", "class", "tier", "p")

# What a description says, as a test of impact. The first that is found in a severity's words counts.
_TESTS: tuple[tuple[str, str, str], ...] = (
    (r"breach|intrusion|unauthori[sz]ed|compromis|credential", "breach", "true"),
    (r"data (?:loss|corrupt)|corrupt\w* data|lost data|deletion", "data_loss", "true"),
    (r"wrong(?:ly)? charge|financial error|misallocat|billing error", "financial_error", "true"),
    (r"complian|regulat", "compliance", "violated"),
    (r"\b5xx\b|\b50[0234]\b|server error", "server_errors", "true"),
    (r"outage|\bdown\b|unavailable|not (?:work|respond)ing|unusable", "core_functions_down", "{at_least: 1}"),
    (r"(?:major|key|core|main)\b.*\b(?:feature|function|component)|broken|partial outage", "functions_down", "{at_least: 1}"),
    (r"degrad|slow|performance|latency|intermittent", "failed_share_percent", "{at_least: 5}"),
)  # fmt: skip
_MONEY = re.compile(
    r"(?:over|more than|above|>|exceed\w*)\s*\$?\s*([0-9][0-9,]*)(k)?\s*(?:\$|USD|dollars)?\s*(?:/|per|an|a)\s*h",
    re.IGNORECASE,
)
_RECORDS = re.compile(r"(?:over|more than|above|>)\s*([0-9][0-9,]*)\s*records", re.IGNORECASE)
_USERS = re.compile(
    r"(?:over|more than|above|>)\s*([0-9][0-9,]*)\s*(?:users|customers)", re.IGNORECASE
)
_SHARE = re.compile(
    r"(?:over|more than|above|>)\s*([0-9]{1,3})\s*%\s*(?:of\s+)?(users|customers|requests|capacity)?",
    re.IGNORECASE,
)


def read_severities(found: list[Piece], draft: Draft) -> None:
    """Fill `severities` and `classification`, the worst first."""
    texts: dict[str, list[tuple[int, str]]] = {}
    for piece in found:
        if piece.kind == "row":
            _row(piece, draft, texts)
    for piece in found:
        if piece.kind in ("item", "text") and piece.line not in draft.used:
            _line(piece, draft, texts)
    names = sorted(draft.at("severities"), key=rank_of)
    severities = draft.at("severities")
    draft.root["severities"] = {name: severities[name] for name in names}
    _complete(draft, names)
    _classify(draft, names, texts)


def _row(piece: Piece, draft: Draft, texts: dict[str, list[tuple[int, str]]]) -> None:
    """A row of a table whose first column (or its head) speaks of severities."""
    if len(piece.cells) < 2:
        return
    name = severity_in(piece.cells[0])
    head = piece.head[0].lower() if piece.head else ""
    if not name or not (_speaks(head) or piece.under("sever", "priorit", "classif", "threat")):
        return
    name = _known(draft, name)
    _title(draft, name, piece.cells[0], piece.line)
    for column, cell in zip(piece.head[1:], piece.cells[1:], strict=False):
        _cell(draft, name, column.lower(), cell, piece.line, texts)
    draft.used.add(piece.line)


def _speaks(head: str) -> bool:
    return any(head == word or (len(word) > 1 and word in head) for word in _HEADS)


def _cell(
    draft: Draft, name: str, column: str, cell: str, line: int, texts: dict[str, list[tuple[int, str]]]
) -> None:  # fmt: skip
    kind = next((kind for kind, words in _COLUMNS.items() if any(w in column for w in words)), "")
    span = span_in(cell)
    if kind == "update" and span:
        draft.put(("severities", name, "update_every"), Value(span, line))
    elif kind == "respond" and span:
        draft.put(("severities", name, "respond_within"), Value(span, line))
    elif kind == "title":
        draft.put(("severities", name, "title"), Value(cell, line))
    else:
        # An action, a response in words, who does it: kept with the severity, for people.
        _describe(draft, name, cell, line)
        texts.setdefault(name, []).append((line, cell))
        if span and kind != "describe":
            draft.put(("severities", name, "respond_within"), Value(span, line))


def _describe(draft: Draft, name: str, text: str, line: int) -> None:
    severity = draft.at("severities", name)
    before = severity.get("description")
    if isinstance(before, Value):
        severity["description"] = Value(f"{before.value}; {text}"[:900], before.line)
    elif text:
        draft.put(("severities", name, "description"), Value(text[:900], line))


def _line(piece: Piece, draft: Draft, texts: dict[str, list[tuple[int, str]]]) -> None:
    """`- **SEV1** - Critical: everything is down (respond within 15 minutes)`, or a line under a heading
    that is a severity."""
    own = severity_in(piece.strong or piece.text)
    if own and (
        piece.strong or re.match(r"\W*(?:sev|p[0-5]\b|priority|level)", piece.text, re.IGNORECASE)
    ):
        if not (
            piece.under("sever", "priorit", "classif", "level", "threat")
            or draft.has("severities", _known(draft, own))
        ):
            return
        name = _known(draft, own)
        label, rest = after_label(piece.text)
        _title(draft, name, label or piece.strong, piece.line)
        _facts_of_line(draft, name, rest, piece.line, texts)
        return
    heading = severity_in(piece.section) if piece.headings else ""
    if heading and (
        piece.under("sever", "priorit", "level", "threat")
        or re.match(r"\W*(?:sev|p[0-5])", piece.section, re.IGNORECASE)
    ):
        name = _known(draft, heading)
        _title(draft, name, piece.section, piece.line)
        label, rest = after_label(piece.text)
        _labelled(draft, name, label.lower(), rest, piece.line, texts)


def _labelled(
    draft: Draft, name: str, label: str, rest: str, line: int, texts: dict[str, list[tuple[int, str]]]
) -> None:  # fmt: skip
    span = span_in(rest)
    if span and any(word in label for word in _COLUMNS["update"]):
        draft.put(("severities", name, "update_every"), Value(span, line))
    elif span and any(word in label for word in ("respon", "acknowledg", "sla", "within", "time")):
        draft.put(("severities", name, "respond_within"), Value(span, line))
    else:
        _facts_of_line(draft, name, f"{label}: {rest}" if label else rest, line, texts)
    draft.used.add(line)


def _facts_of_line(
    draft: Draft, name: str, text: str, line: int, texts: dict[str, list[tuple[int, str]]]
) -> None:  # fmt: skip
    update = re.search(r"updates?\b[^.;,]*", text, re.IGNORECASE)
    if update and span_in(update[0]):
        draft.put(("severities", name, "update_every"), Value(span_in(update[0]), line))
        text = text.replace(update[0], "")
    answer = re.search(r"(?:respon\w*|within|acknowledg\w*|in under|<)[^.;]*", text, re.IGNORECASE)
    if answer and span_in(answer[0]):
        draft.put(("severities", name, "respond_within"), Value(span_in(answer[0]), line))
    _describe(draft, name, text.strip(" ;,"), line)
    texts.setdefault(name, []).append((line, text))
    draft.used.add(line)


def _known(draft: Draft, name: str) -> str:
    """The severity under the name it already has: `SEV-1` and `SEV1` are one."""
    plain = name.replace("-", "").lower()
    for known in draft.at("severities"):
        if known.replace("-", "").lower() == plain:
            return known
    draft.at("severities", name)
    return name


def _title(draft: Draft, name: str, text: str, line: int) -> None:
    rest = re.sub(re.escape(name).replace("\\-", r"[\s-]?"), "", text, flags=re.IGNORECASE).strip(
        " -–—:()[]/|"
    )
    grade = severity_in(rest) if rest else ""
    title = grade or rest
    if title and title.upper() != name and len(title) <= 60:
        draft.put(("severities", name, "title"), Value(title, line))


def _complete(draft: Draft, names: list[str]) -> None:
    """What the language demands and the text does not say."""
    if not names:
        names += ["SEV1", "SEV2"]
        for name in names:
            draft.at("severities", name)
    fallback = ("5m", "15m", "1h", "1bd", "3bd")
    for place, name in enumerate(names):
        assumed = Value(fallback[min(place, 4)], 0, "the text names no time to respond")
        draft.put(("severities", name, "respond_within"), assumed)
        if place == 0:
            draft.put(
                ("severities", name, "all_stop"), Value(True, 0, "the worst one stops the agents")
            )
        draft.put(("severities", name, "tell"), Value(["responders"], 0, "say who else is told"))


def _classify(draft: Draft, names: list[str], texts: dict[str, list[tuple[int, str]]]) -> None:
    """Rows from the words of each severity, the worst first; the last row catches the rest."""
    rows = draft.rows("classification")
    seen: set[str] = set()
    for name in names:
        for line, text in texts.get(name, []):
            for fact, test in _tests(text):
                if f"{fact}{test}" in seen:
                    continue
                seen.add(f"{fact}{test}")
                rows.append({
                    "severity": Value(name), "when": {fact: Value(Raw(test), line)},
                    "because": Value(text[:120] or name, line),
                })  # fmt: skip
    last: Tree = {
        "severity": Value(names[-1], 0, "the mildest, for what no row above describes"),
        "because": Value("no row above describes it", 0, "review this"),
    }
    if len(names) > 1:
        unknown: Tree = {
            "severity": Value(
                names[min(1, len(names) - 2)], 0, "not knowing is no reason to be calm"
            ),
            "when": {"failed_share_percent": Value(None), "users": Value(None)},
            "because": Value("nobody has measured the impact yet", 0, "review this"),
        }
        rows.append(unknown)
    rows.append(last)


def _tests(text: str) -> list[tuple[str, str]]:
    found = []
    for pattern, fact in (
        (_MONEY, "lost_per_hour"),
        (_RECORDS, "records_exposed"),
        (_USERS, "users"),
    ):
        match = pattern.search(text)
        if match:
            amount = int(match[1].replace(",", "")) * (
                1000 if fact == "lost_per_hour" and match[2] else 1
            )
            unit = " USD" if fact == "lost_per_hour" else ""
            found.append((fact, f"{{more_than: {amount}{unit}}}"))
    share = _SHARE.search(text)
    if share and int(share[1]) <= 100:
        fact = (
            "capacity_lost_percent"
            if (share[2] or "").lower() == "capacity"
            else "failed_share_percent"
        )
        found.append((fact, f"{{more_than: {share[1]}}}"))
    found += [
        (fact, test) for pattern, fact, test in _TESTS if re.search(pattern, text, re.IGNORECASE)
    ]
    return found

"""What has to be there and the text does not say: assumed, and marked so. Rows of the classification."""

from __future__ import annotations

import re
from typing import Any

from allstop.protocol.importing.draft import Draft, Raw, Scalar, Tree, Value
from allstop.protocol.importing.facts import facts_in
from allstop.protocol.importing.naming import grade_of
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.inherit import Source, read_source
from allstop.protocol.problems import Place
from allstop.protocol.reader import find, plain

_FALLBACK = ("5m", "15m", "1h", "1bd", "3bd")
MOST_ROWS = 60


def complete(draft: Draft) -> None:
    """Assume what has to be there and the text does not say. May be called again and again."""
    severities = draft.at("severities")
    if not severities:
        for name in ("SEV1", "SEV2", "SEV3"):
            draft.put(("severities", name, "title"), name, None, "the text names no severities")
    stops = any("all_stop" in one for one in severities.values() if isinstance(one, dict))
    for place, name in enumerate(severities):
        why = "the text names no time to respond"
        draft.put(("severities", name, "respond_within"), _FALLBACK[min(place, 4)], None, why)
        if place == 0 and not stops:
            draft.put(
                ("severities", name, "all_stop"), True, None, "the worst one stops the agents"
            )
        if "tell" not in draft.at("severities", name):
            draft.at("severities", name)["tell"] = [Value("responders", (), "say who else is told")]
    if not draft.root.get("classification"):
        draft.root["classification"] = _last_rows(list(severities))
    _phases(draft)
    if 0 < len(severities) < 3 and not draft.has("remedy"):
        _without_third_level(draft)


def _phases(draft: Draft) -> None:
    phases = draft.at("phases")
    if not phases:
        draft.put(("phases", "respond", "title"), "Respond", None, "the text names no phases")
    for name in phases:
        if not draft.has("phases", name, "exit"):
            path = ("phases", name, "exit", f"{name}-done")
            draft.put((*path, "title"), "Its tasks are done", None, "the text names no exit")
            draft.put((*path, "tasks"), True, None)


def _without_third_level(draft: Draft) -> None:
    """The decision table of the base protocol, without its row for the third severity and below, which
    could never match here."""
    base, _ = read_source(Source("packs/base.yaml", None, "base"), Place("packs/base.yaml", 1, 1))
    table = plain(find(base, ("remedy", "table"))) if base is not None else []
    rows: list[Tree] = []
    for one in table:
        if "severity_rank" in one.get("when", {}):
            continue
        tests: Tree = {fact: Value(_written(test)) for fact, test in one.get("when", {}).items()}
        row: Tree = {
            "remedy": Value(one["remedy"], (), "as in base, without the row for a third severity")
        }
        rows.append(row | ({"when": tests} if tests else {}) | {"because": Value(one["because"])})
    draft.at("remedy")["table"] = rows


def _written(test: Any) -> Scalar:
    if isinstance(test, dict):
        return Raw("{" + ", ".join(f"{op}: {value}" for op, value in test.items()) + "}")
    return None if test is None else bool(test)


def classify(draft: Draft, names: list[str], texts: dict[str, list[tuple[Piece, str]]]) -> None:
    """Rows from the words of each severity, the worst first; the last row catches the rest."""
    rows: list[Tree] = []
    seen: set[tuple[str, str]] = set()
    for name in names:
        for piece, text in texts.get(name, []):
            for fact, test in facts_in(text):
                if (fact, test) not in seen and len(rows) < MOST_ROWS:
                    seen.add((fact, test))
                    rows.append({
                        "severity": Value(name), "when": {fact: Value(Raw(test), piece.lines)},
                        "because": Value(text[:160].strip(), piece.lines),
                    })  # fmt: skip
    if names:
        draft.root["classification"] = [*rows, *_last_rows(names)]


def _last_rows(names: list[str]) -> list[Tree]:
    rows: list[Tree] = []
    if len(names) > 1:
        careful = names[min(1, len(names) - 2)]
        rows.append({
            "severity": Value(careful, (), "not knowing is no reason to be calm"),
            "when": {"failed_share_percent": Value(None), "users": Value(None)},
            "because": Value("nobody has measured the impact yet", (), "review this"),
        })  # fmt: skip
    rows.append({
        "severity": Value(names[-1], (), "the mildest, for what no row above describes"),
        "because": Value("no row above describes it", (), "review this"),
    })  # fmt: skip
    return rows


def worst(draft: Draft) -> list[str]:
    """The severities there are, the worst first; grades of their titles do not count here."""
    found = draft.root.get("severities")
    return list(found) if isinstance(found, dict) else []


def named_in(draft: Draft, text: str) -> list[str]:
    """The severities of the draft that a text names: `SEV1 and SEV2`, `SEV1/2`, `Critical incidents`."""
    found = []
    for name in worst(draft):
        title = draft.get("severities", name, "title")
        words = [re.escape(name).replace(r"\-", "[ -]?")]
        numbered = re.fullmatch(r"([A-Za-z]+)-?([0-9])", name)
        if numbered:
            long = {"SEV": "Severity", "P": "Priority"}.get(numbered[1].upper(), numbered[1])
            words += [f"{word}[ -]?{numbered[2]}" for word in (numbered[1], long)]
        if title and grade_of(str(title.value)) is not None and " " not in str(title.value):
            words.append(re.escape(str(title.value)))
        if re.search(rf"\b(?:{'|'.join(words)})\b", text, re.IGNORECASE):
            found.append(name)
    return found

"""What is owed and kept: obligations, emergency mode, drills, reviews, hours, points."""

from __future__ import annotations

import re
from datetime import date
from zoneinfo import available_timezones

from allstop.protocol.importing.assuming import named_in, worst
from allstop.protocol.importing.draft import LINES, Draft, Value
from allstop.protocol.importing.pieces import Piece
from allstop.protocol.importing.tables import cell, column
from allstop.protocol.importing.words import after_label, days_in, slug, span_in, wall_span_in

MOST_OBLIGATIONS, MOST_MODE, MOST_DRILLS, MOST_RULES, MOST_HOLIDAYS = 40, 40, 12, 20, 60
_DUE = re.compile(
    r"\b(?:within|by|in|no later than|due|after|before)\s+(?:the\s+)?(?:next\s+)?(?=[\w<])|\((?:[^()]{0,20})\)|^[^:–—]{1,30}(?::|–|—)",
    re.IGNORECASE,
)
_PAST = re.compile(r"\b(?:last|past|previous|for)\s+(?:the\s+)?(?:last\s+)?\d", re.IGNORECASE)


# --- what is owed ------------------------------------------------------------------------------------


def read_obligations(found: list[Piece], draft: Draft) -> None:
    """Lists and tables under headings about the time after, with a time in the heading or the line."""
    for piece in draft.free(found, "after"):
        within = _within(piece)
        title = _title(piece)
        if (
            not within
            or not title
            or len(title) > 300
            or draft.count("obligations") >= MOST_OBLIGATIONS
        ):
            continue
        id = draft.fresh(("obligations",), slug(title, "obligation"))
        draft.put(("obligations", id, "title"), title, piece)
        draft.put(("obligations", id, "owner"), "commander", None, "say who owes it")
        draft.put(("obligations", id, "within"), within, piece)
        severities = named_in(draft, piece.text)
        if severities:
            draft.at("obligations", id)["severities"] = [
                Value(one, piece.lines) for one in severities
            ]


def _within(piece: Piece) -> str:
    if piece.kind == "row":
        due = cell(
            piece, column([piece], r"within|due|deadline|when|time ?frame|timeline|time\b|sla")
        )
        return span_in(due)
    own = span_in(piece.text)
    if own and _DUE.search(piece.text) and not _PAST.search(piece.text):
        return own
    # Below `Within 24 hours` everything in a list is owed by then.
    return piece.where.within if piece.kind == "item" and not own else ""


def _title(piece: Piece) -> str:
    if piece.kind != "row":
        label, rest = after_label(piece.text)
        return rest if label and rest and span_in(label) and len(label) <= 30 else piece.text
    place = column([piece], r"what|action|task|activity|deliverable|item|step|obligation")
    if place is None:
        due = column([piece], r"within|due|deadline|when|time")
        place = next((at for at in range(len(piece.cells)) if at != due), 0)
    more = [
        one
        for at, one in enumerate(piece.cells)
        if at != place and not span_in(one) and one.strip(" -–—")
    ]
    return f"{cell(piece, place)} ({'; '.join(more)})" if more else cell(piece, place)


# --- emergency mode ----------------------------------------------------------------------------------


def read_mode(found: list[Piece], draft: Draft) -> None:
    """`Suspended:` and `Active:` under a heading about emergency mode."""
    for piece in draft.free(found, "mode"):
        label, rest = after_label(piece.text)
        near = " ".join((piece.section, piece.strong or label))
        expires = re.search(
            r"\b(?:expires?|ends?|lasts?|at most|maximum)\b.{0,60}", piece.text, re.IGNORECASE
        )
        if expires and wall_span_in(expires[0]) and not draft.has("emergency_mode", "expires"):
            draft.put(("emergency_mode", "expires"), wall_span_in(expires[0]), piece)
            continue
        key = _changes(near)
        if not key or piece.text.endswith(":"):
            continue
        inside = _changes(piece.strong or label) and rest
        for text in re.split(r",\s+|;\s+", rest) if inside else [piece.text]:
            id = slug(text, "")
            if id and len(text) <= 200 and draft.count("emergency_mode", key) < MOST_MODE:
                draft.put(
                    ("emergency_mode", key, draft.fresh(("emergency_mode", key), id)), text, piece
                )
    if draft.has("emergency_mode") and worst(draft):
        chosen = [Value(one, (), "say where it applies") for one in worst(draft)[:1]]
        draft.at("emergency_mode")["severities"] = chosen


def _changes(text: str) -> str:
    if re.search(
        r"\bsuspend|\bpaus|\bdisabl|\bfrozen\b|\bstopped\b|\binactive\b|\bswitched off\b|\bon hold\b",
        text,
        re.IGNORECASE,
    ):
        return "suspend"
    return (
        "enable"
        if re.search(
            r"\bactive\b|\benabl|\bactivated\b|\bswitched on\b|\ballowed\b", text, re.IGNORECASE
        )
        else ""
    )


# --- drills and the review ---------------------------------------------------------------------------


def read_cycles(found: list[Piece], draft: Draft) -> None:
    """`Quarterly drill`, `This protocol is reviewed every 90 days`, and keys of the front matter."""
    for piece in draft.free(found, kinds=(*LINES, "front")):
        if len(piece.text) > 400:
            continue
        every = days_in(piece.text)
        key = piece.cells[0].lower() if piece.kind == "front" else ""
        if key:
            if every and "review" in key:
                draft.put(("review", "every"), every, piece)
            elif re.search(r"last.?review|reviewed", key) and _day(piece.text):
                draft.put(("review", "last"), _day(piece.text), piece)
        elif piece.topic == "drills" and every and draft.count("drills") < MOST_DRILLS:
            id = draft.fresh(
                ("drills",), slug(piece.strong or after_label(piece.text)[0] or piece.text, "drill")
            )
            draft.put(("drills", id, "title"), piece.text[:200], piece)
            draft.put(("drills", id, "every"), every, piece)
        elif every and (
            piece.topic == "review"
            or re.search(
                r"\b(?:this|the) (?:document|protocol|policy|plan|runbook|playbook) (?:is|must be|shall be|will be|should be) reviewed\b",
                piece.text,
                re.IGNORECASE,
            )
        ):
            draft.put(("review", "every"), every, piece)


def _day(text: str) -> str:
    match = re.search(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b", text)
    try:
        return date.fromisoformat(match[0]).isoformat() if match else ""
    except ValueError:
        return ""


# --- business hours ----------------------------------------------------------------------------------

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_NAMES = r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?"
_DAY_RANGE = re.compile(
    rf"\b{_DAY_NAMES}(?:\s*(?:-|–|—|to|through)\s*{_DAY_NAMES})?", re.IGNORECASE
)
_CLOCK = re.compile(
    r"\b(\d{1,2})(?:[:.](\d{2}))?\s?(am|pm)?\s*(?:-|–|—|to)\s*(\d{1,2})(?:[:.](\d{2}))?\s?(am|pm)?(?![\w:])",
    re.IGNORECASE,
)


def read_calendar(found: list[Piece], draft: Draft) -> None:
    """`Monday to Friday, 9:00-17:00 Europe/Vienna`; holidays as dates."""
    for piece in draft.free(found, "calendar"):
        text = piece.text[:400]
        days, hours = _days(text), _hours(text)
        if days and hours and not draft.has("calendar", "hours"):
            for day in _DAYS:
                draft.at("calendar", "hours")[day] = (
                    Value(hours, piece.lines) if day in days else Value(None, (), "not named")
                )
            draft.claimed |= set(piece.lines)
        zone = re.search(
            r"\b(?:[A-Z][a-z]+/[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_]+)?|UTC|CET|GMT)\b", text
        )
        if zone and zone[0] in available_timezones():
            draft.put(("calendar", "zone"), zone[0], piece)
        if re.search(r"holiday|closed", f"{piece.section} {text}", re.IGNORECASE) and _day(text):
            draft.add(("calendar", "holidays"), _day(text), piece, MOST_HOLIDAYS)


def _days(text: str) -> list[str]:
    match = _DAY_RANGE.search(text)
    if match is None:
        return list(_DAYS[:5]) if re.search(r"\bweekdays\b", text, re.IGNORECASE) else []
    first = _DAYS.index(match[1].lower())
    last = _DAYS.index(match[2].lower()) if match[2] else first
    return list(_DAYS[first : last + 1]) if first <= last else []


def _hours(text: str) -> str:
    match = _CLOCK.search(text)
    if match is None:
        return ""
    opens, closes = _minutes(match[1], match[2], match[3]), _minutes(match[4], match[5], match[6])
    if not match[3] and match[6] and opens > closes:
        return ""
    if not 0 <= opens < closes <= 1440 or not (match[2] or match[3] or match[5] or match[6]):
        return ""
    return f"{opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"


def _minutes(hour: str, minute: str | None, half: str | None) -> int:
    count = int(hour) * 60 + int(minute or 0)
    if half and int(hour) <= 12:
        count = (int(hour) % 12 + (12 if half.lower() == "pm" else 0)) * 60 + int(minute or 0)
    return count if int(minute or 0) < 60 else -1


# --- points ------------------------------------------------------------------------------------------

_POINTS = re.compile(r"(?<![\w.])([+–−-]?)\s?(\d{1,6})\s*(?:points?|pts?)?\b", re.IGNORECASE)
_EARNS = (
    ("causer", re.compile(r"\bcaus", re.IGNORECASE)),
    ("supporter", re.compile(r"\bsupport|\bassist|\bhelp", re.IGNORECASE)),
    ("resolver", re.compile(r"\bresolv|\bfix", re.IGNORECASE)),
)


def read_points(found: list[Piece], draft: Draft) -> None:
    """`Resolving team: +50 points`, where it is clear who gets them."""
    for piece in draft.free(found, "points"):
        match = _POINTS.search(piece.text)
        to = next((name for name, words in _EARNS if words.search(piece.text)), "")
        if match is None or not to or len(_POINTS.findall(piece.text)) > 1 or len(piece.text) > 300:
            continue
        if draft.count("ledger", "rules") < MOST_RULES:
            id = draft.fresh(("ledger", "rules"), slug(to))
            points = int(match[2]) * (-1 if match[1] in ("-", "–", "−") else 1)
            draft.put(("ledger", "rules", id, "to"), to, piece)
            draft.put(("ledger", "rules", id, "points"), points, piece)
            draft.put(("ledger", "rules", id, "because"), piece.text, piece)

"""Words of ordinary protocols: times, severities, names."""

from __future__ import annotations

import re

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60,
}  # fmt: skip
_COUNT = r"(?P<count>[0-9]+(?:\.5)?|" + "|".join(_NUMBERS) + r")"
_TIME = re.compile(
    rf"\b{_COUNT}(?:\s*[-–]\s*(?P<more>[0-9]+))?\s*-?\s*"
    r"(?P<unit>business\s+days?|business\s+hours?|working\s+days?|working\s+hours?|bd\b|"
    r"seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|quarters?|[smhdw]\b)",
    re.IGNORECASE,
)
_WORDS = (
    (re.compile(r"\bnext\s+sprint\b", re.IGNORECASE), "10bd"),
    (
        re.compile(
            r"\b(?:immediate(?:ly)?|instant(?:ly)?|at once|right away|asap)\b", re.IGNORECASE
        ),
        "1m",
    ),
    (re.compile(r"\b(?:hourly|every hour)\b", re.IGNORECASE), "1h"),
    (re.compile(r"\b(?:daily|every day|once a day)\b", re.IGNORECASE), "1d"),
    (re.compile(r"\b(?:next|same)\s+(?:business|working)\s+day\b", re.IGNORECASE), "1bd"),
    (re.compile(r"\b(?:weekly|every week)\b", re.IGNORECASE), "7d"),
)
_SEVERITY = re.compile(
    r"\b(?P<word>sev(?:erity)?|p(?:rio(?:rity)?)?|level|l|tier|threat)[\s-]?(?P<number>[0-5])\b",
    re.IGNORECASE,
)
_COLOURS = ("red", "orange", "amber", "yellow", "green", "blue")
_GRADES = (
    "critical", "severe", "major", "high", "moderate", "medium", "minor", "low", "informational",
)  # fmt: skip
_RISKS = {
    "critical": 0,
    "severe": 0,
    "major": 1,
    "high": 1,
    "moderate": 2,
    "medium": 2,
    "minor": 3,
    "low": 3,
}


def span_in(text: str) -> str:
    """The first time a text names, as a span (`15m`, `2h`, `1bd`), or empty. Of a range, its end."""
    plain = _first_plain(text)
    for pattern, span in _WORDS:
        match = pattern.search(text)
        if match and (plain is None or match.start() < plain[0]):
            return span
    return plain[1] if plain else ""


def _first_plain(text: str) -> tuple[int, str] | None:
    match = _TIME.search(text)
    if match is None:
        return None
    count = match["more"] or match["count"].lower()
    number = _NUMBERS.get(count) if count in _NUMBERS else None
    unit = " ".join(match["unit"].lower().split())
    if count.endswith(".5"):
        return match.start(), _halves(int(count[:-2]), unit)
    return match.start(), _span(number if number is not None else int(count), unit)


def _halves(whole: int, unit: str) -> str:
    if unit.startswith("h"):
        return _span(whole * 60 + 30, "minutes")
    return _span(whole * 24 + 12, "hours") if unit.startswith("d") else _span(whole + 1, unit)


def _span(number: int, unit: str) -> str:
    if number <= 0:
        return ""
    if unit.startswith(("business d", "working d", "bd")):
        return f"{number}bd"
    if unit.startswith(("business h", "working h")):
        return f"{number}bh"
    for start, letter, factor in (
        ("month", "d", 30), ("mo", "d", 30), ("quarter", "d", 90), ("w", "d", 7), ("s", "s", 1),
        ("m", "m", 1), ("h", "h", 1), ("d", "d", 1),
    ):  # fmt: skip
        if unit.startswith(start):
            return f"{number * factor}{letter}"
    return ""


def severity_in(text: str) -> str:
    """The severity a text names first, as people write it (`SEV1`, `P2`, `RED`, `Critical`), or empty."""
    match = _SEVERITY.search(text)
    if match:
        return (
            match[0]
            .strip()
            .upper()
            .replace(" ", "-")
            .replace("SEVERITY", "SEV")
            .replace("PRIORITY", "P")
            .replace("--", "-")
        )
    first = re.match(r"\W*([A-Za-z]+)", text)
    word = first[1].lower() if first else ""
    if word in _COLOURS:
        return word.upper()
    return word.capitalize() if word in _GRADES else ""


def rank_of(name: str) -> tuple[int, int]:
    """For sorting severities, the worst first: by number, colour or grade; unknown ones last."""
    digits = re.search(r"[0-9]", name)
    if digits:
        return 0, int(digits[0])
    lower = name.lower()
    if lower in _COLOURS:
        return 0, _COLOURS.index(lower)
    return (0, _RISKS[lower]) if lower in _RISKS else (1, 0)


def slug(text: str) -> str:
    """A name for a document: letters, digits and dashes."""
    found = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return found[:60].strip("-") or "unnamed"


def after_label(text: str) -> tuple[str, str]:
    """`Incident Commander: coordinates` -> both parts; without a label the first part is empty."""
    match = re.match(r"([^:–—]{1,60}?)\s*(?::|\s[-–—]\s|–|—)\s*(.*)", text)
    return (match[1].strip(), match[2].strip()) if match else ("", text.strip())

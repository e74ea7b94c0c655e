"""Severities as people write them: SEV1, P2, Level 3, RED, Critical."""

from __future__ import annotations

import re

_STRICT = re.compile(
    r"(?<![\w.-])(?P<word>sev(?:erity)?|prio(?:rity)?|P)(?:\s(?:level\s)?|-)?(?P<number>[0-5])(?![\w.])",
    re.IGNORECASE,
)
_LOOSE = re.compile(
    r"(?<![\w.-])(?P<word>level|tier|threat(?:\slevel)?|defcon|L|S)[\s-]?(?P<number>[0-9])(?![\w.])",
    re.IGNORECASE,
)
_COLOURS = ("black", "red", "orange", "amber", "yellow", "green", "blue")
_GRADES = {
    "catastrophic": 0, "critical": 0, "severe": 0, "emergency": 0, "major": 1, "high": 1, "urgent": 1, "serious": 1,
    "moderate": 2, "medium": 2, "elevated": 2, "normal": 2, "minor": 3, "low": 3, "guarded": 3,
    "informational": 4, "info": 4, "cosmetic": 4,
}  # fmt: skip
# Words beside a colour or a grade that leave it a name: `Code Red`, `High priority`.
_BESIDE = frozenset({
    "code", "level", "alert", "threat", "status", "severity", "priority", "impact", "incident", "incidents", "issue",
    "issues", "condition", "emergency",
})  # fmt: skip


def strict_severity(text: str) -> str:
    """`SEV1`, `P2`, as the text names it first; `Priority 2` is `P2`. Empty where there is none."""
    match = _STRICT.search(text)
    if match is None:
        return ""
    if match["word"].lower().startswith("prio") or len(match["word"]) == 1:
        return f"P{match['number']}"
    return f"SEV{'-' if '-' in match[0] else ''}{match['number']}"


def severity_in(label: str) -> str:
    """The severity a short label names, levels, colours and grades among them, or empty."""
    found = strict_severity(label)
    if found:
        return found
    match = _LOOSE.search(label)
    if match:
        word = match["word"].split()[0]
        return f"{word.upper() if len(word) == 1 else word.capitalize()}-{match['number']}".replace(
            "L-", "L").replace("S-", "S")  # fmt: skip
    return _worded(label)


def _worded(label: str) -> str:
    words = re.findall(r"[A-Za-z]+", label)[:5]
    plain = [word.lower() for word in words]
    named = [word for word in plain if word in _COLOURS or word in _GRADES]
    if not named or len(words) > 4:
        return ""
    # `RED (Critical)` is red; `High traffic` is no severity.
    if any(w not in _BESIDE and w not in _COLOURS and w not in _GRADES for w in plain):
        return ""
    colour = next((word for word in named if word in _COLOURS), "")
    return colour.upper() if colour else named[0].capitalize()


def grade_of(label: str) -> int | None:
    """How bad a word such as `Critical` is, 0 the worst; None when there is none."""
    for word in re.findall(r"[A-Za-z]+", label)[:6]:
        if word.lower() in _GRADES:
            return _GRADES[word.lower()]
    return None


def in_order(titles: dict[str, str], spans: dict[str, int | None]) -> list[str]:
    """Names of severities, the worst first. titles: what they are called beside their names; spans: how soon
    somebody has to respond, in seconds.

    By number, colour or grade. Numbers of levels that go up with the harm are turned around: the words say
    so, or the times.
    """
    names = sorted(titles, key=_rank)
    numbered = [name for name in names if _number(name) is not None]
    grades = [grade for name in numbered if (grade := grade_of(titles[name])) is not None]
    times = [span for name in numbered if (span := spans.get(name)) is not None]
    upwards = len(grades) > 1 and grades[0] > grades[-1]
    if not upwards and len(grades) < 2 and not any(strict_severity(name) for name in numbered):
        upwards = len(times) > 1 and times[0] > times[-1]
    if upwards:
        turned = iter(reversed(numbered))
        names = [next(turned) if name in numbered else name for name in names]
    return names


def _number(name: str) -> int | None:
    digits = re.search(r"[0-9]+$", name)
    return int(digits[0]) if digits else None


def _rank(name: str) -> tuple[int, int]:
    number, lower = _number(name), name.lower()
    if number is not None:
        return 0, number
    if lower in _COLOURS:
        return 0, _COLOURS.index(lower)
    return (0, _GRADES[lower]) if lower in _GRADES else (1, 0)


def same(one: str, other: str) -> bool:
    """`SEV-1` and `SEV1` are one severity."""
    return one.replace("-", "").lower() == other.replace("-", "").lower()


def without_name(label: str) -> str:
    """What stands beside the name: `SEV1 - Critical` -> `Critical`."""
    for pattern in (_STRICT, _LOOSE):
        if pattern.search(label):
            return pattern.sub("", label).strip(" -–—:()[]/|,.")
    return label.strip(" -–—:()[]/|,.")

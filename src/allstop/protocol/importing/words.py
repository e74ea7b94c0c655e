"""Words of ordinary protocols: times, names, labels."""

from __future__ import annotations

import re
import unicodedata

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "ten": 10, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60,
}  # fmt: skip
_TIME = re.compile(
    r"(?<![\w$€£.,:/])(?<!\w-)"
    rf"(?P<count>[0-9]{{1,5}}(?:\.5)?|(?i:{'|'.join(_NUMBERS)})(?=[\s-]))"
    r"(?:\s{0,2}(?:-|–|—|to)\s{0,2}(?P<more>[0-9]{1,5}))?\s{0,2}[-–]?\s{0,2}"
    r"(?P<unit>(?i:(?:business|working|work)[\s-]{1,2}(?:days?|hours?|hrs?)|bd|bh|seconds?|secs?|minutes?|mins?"
    r"|hours?|hrs?|(?:calendar\s)?days?|weeks?|months?|quarters?)|[smhdw]|H)(?:(?![\w%])|(?<=\d[dhm])(?=\d{1,2}[hms]\b))",
)
_COMPACT = re.compile(r"[1-9][0-9]?[hms]\b")
_RATE = re.compile(r"(?:times|once|twice|per)\s{1,2}$", re.IGNORECASE)
_COUNTED_FROM = re.compile(
    r"\bT\s?\+\s?(?P<count>[0-9]{1,4})(?!\s?(?:[0-9.]|:\d|min|hour|hr|sec|day|week|[smhd]\b))"
)
# Hours of coverage look like times and are none.
_COVERAGE = re.compile(r"\b(?:24|7|8|5)\s?[/x×]\s?(?:24|7|5|365)\b", re.IGNORECASE)
_WORDS = tuple(
    (re.compile(pattern, re.IGNORECASE), span)
    for pattern, span in (
        (r"\bnext\s+sprint\b", "10bd"),
        (r"\b(?:immediate(?:ly)?|instant(?:ly)?|at once|right away|asap)\b", "1m"),
        (r"\b(?:within|in|under)\s+the\s+hour\b", "1h"),
        (r"\bhalf[\s-](?:an?[\s-])?hour(?:ly)?\b", "30m"),
        (r"\bquarter\s+of\s+an\s+hour\b", "15m"),
        (r"\b(?:hourly|(?:every|each)\s+hour)\b", "1h"),
        (r"\btwice\s+(?:a\s+day|daily)\b", "12h"),
        (r"\b(?:daily|(?:every|each)\s+day|once\s+a\s+day)\b", "1d"),
        (
            r"\b(?:next|same)\s+(?:business|working)\s+day\b|\bend\s+of\s+(?:the\s+)?(?:business\s+|working\s+)?day\b|\bEOD\b",
            "1bd",
        ),
        (r"\b(?:weekly|every\s+week)\b", "7d"),
    )
)
_CYCLES = tuple(
    (re.compile(pattern, re.IGNORECASE), days)
    for pattern, days in (
        (r"\b(?:semi-?annual(?:ly)?|bi-?annual(?:ly)?|half-?yearly|twice\s+a\s+year)\b", 180),
        (r"\b(?:annual(?:ly)?|yearly|(?:once\s+a|every|each)\s+year)\b", 365),
        (r"\b(?:quarterly|(?:once\s+a|every|each)\s+quarter)\b", 90),
        (r"\b(?:bi-?weekly|fortnightly)\b", 14),
        (r"\b(?:monthly|(?:once\s+a|every|each)\s+month)\b", 30),
        (r"\b(?:weekly|(?:once\s+a|every|each)\s+week)\b", 7),
    )
)
_EVERY = re.compile(r"\bevery\b.{0,40}", re.IGNORECASE)
# Ten years, as the language allows: longer is a slip of the pen.
_MOST_SECONDS = 3_650 * 86_400
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "bh": 3_600, "bd": 86_400}

_ROLE = re.compile(
    r"\b(?:commander|lead|leader|manager|officer|scribe|deputy|coordinator|engineers?|owner|responders?|director|"
    r"head(?:master|mistress)?|captain|on-?call|liaison|specialists?|analyst|experts?|smes?|cto|ceo|ciso|cio|coo|vp|"
    r"president|executives?|communicator|moderator|approver|reviewer|recorder|operator|administrator|admin|dba|sre|"
    r"counsel|prefect|principal|supervisor|founder|chief)\b",
    re.IGNORECASE,
)
_OURS = (
    ("deputy", re.compile(r"\bdeputy\b|second[\s-]in[\s-]command", re.IGNORECASE)),
    ("commander", re.compile(r"\bcommander\b|\bincident (?:lead|manager)\b|^headmaster$", re.IGNORECASE)),
    ("communications", re.compile(r"\bcommunicat|\bcomms\b|\bliaison\b", re.IGNORECASE)),
    ("operations", re.compile(r"\boperations\b|\bops lead\b|\btech(?:nical)? lead\b", re.IGNORECASE)),
    ("scribe", re.compile(r"\bscribe\b|\brecorder\b|\bnote-?taker\b", re.IGNORECASE)),
)  # fmt: skip


def span_in(text: str) -> str:
    """The first time a text names, as a span (`15m`, `2h`, `1bd`), or empty. Of a range, its end."""
    text = _COVERAGE.sub("", text)
    place, found = _first_plain(text)
    for pattern, span in _WORDS:
        match = pattern.search(text)
        if match and (not found or match.start() < place):
            place, found = match.start(), span
    return found


def wall_span_in(text: str) -> str:
    """The same, where business time will not do."""
    found = span_in(text)
    return "" if found.endswith(("bd", "bh")) else found


def days_in(text: str) -> str:
    """How often something comes back, in days: `90d` for quarterly."""
    for pattern, days in _CYCLES:
        if pattern.search(text):
            return f"{days}d"
    every = _EVERY.search(text)
    found = span_in(every[0]) if every else ""
    return found if re.fullmatch(r"[1-9][0-9]{0,3}d", found) else ""


def _first_plain(text: str) -> tuple[int, str]:
    counted = _COUNTED_FROM.search(text)
    for match in _TIME.finditer(text):
        if counted and counted.start() < match.start():
            break
        span = _spelled(match, text)
        if not span:
            continue
        end = match.end()
        compact = _COMPACT.match(text, end)
        following = compact or _TIME.match(text, end + (text[end : end + 1] == " "))
        more = compact[0] if compact else _spelled(following, text) if following else ""
        joined = span[-1:] + more[-1:] in ("dh", "hm", "ms") and not more.startswith("b")
        return match.start(), _bounded(span + more if joined and span[-2:-1] != "b" else span)
    if counted and int(counted["count"]):
        return counted.start(), f"{int(counted['count'])}m"
    return 0, ""


def _spelled(match: re.Match[str], text: str) -> str:
    """One count and its unit as a span, or empty for what only looks like one."""
    count, unit = match["count"].lower(), " ".join(match["unit"].lower().replace("-", " ").split())
    if count in _NUMBERS and (len(unit) == 1 or unit.startswith(("sec", "quarter"))):
        return ""
    if count in ("a", "an") and _RATE.search(text[: match.start()]):
        return ""
    if count.endswith(".5") and not match["more"]:
        return _halves(int(count[:-2]), unit)
    number = match["more"] or str(_NUMBERS.get(count, count))
    return _span(int(number.partition(".")[0]), unit)


def _halves(whole: int, unit: str) -> str:
    if unit.startswith("h"):
        return _span(whole * 60 + 30, "minutes")
    return _span(whole * 24 + 12, "hours") if unit.startswith("d") else _span(whole + 1, unit)


def _span(number: int, unit: str) -> str:
    if number <= 0:
        return ""
    if unit.startswith(("business ", "working ", "work ")) or unit in ("bd", "bh"):
        last = unit.rpartition(" ")[2]
        return f"{number}{'bd' if last in ('bd', 'day', 'days') else 'bh'}"
    for start, letter, factor in (
        ("month", "d", 30), ("quarter", "d", 90), ("w", "d", 7), ("s", "s", 1), ("m", "m", 1),
        ("h", "h", 1), ("d", "d", 1), ("calendar", "d", 1),
    ):  # fmt: skip
        if unit.startswith(start):
            return f"{number * factor}{letter}"
    return ""


def seconds(span: str) -> int:
    """How long a span is, business days taken for days."""
    parts = re.findall(r"([0-9]+)(bh|bd|[smhd])", span)
    return sum(int(count) * _SECONDS[unit] for count, unit in parts)


def _bounded(span: str) -> str:
    return span if seconds(span) <= _MOST_SECONDS else ""


def slug(text: str, otherwise: str = "unnamed") -> str:
    """A name for a document: letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", text[:200]).encode("ascii", "ignore").decode()
    found = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
    return found[:40].strip("-") or otherwise


def after_label(text: str) -> tuple[str, str]:
    """`Incident Commander: coordinates` -> both parts; without a label the first part is empty."""
    match = re.match(
        r"([^:–—]{1,60}?)\s{0,3}(?::(?=\s|$)|\s[-–—]\s|–|—)\s{0,3}(.*)", text, re.DOTALL
    )
    return (match[1].strip(), match[2].strip()) if match else ("", text.strip())


def is_role(name: str) -> bool:
    """Whether a few words name somebody's part rather than a thing to do."""
    return len(name) <= 60 and len(name.split()) <= 6 and bool(_ROLE.search(name))


def our_role(name: str) -> str:
    """The role of the base protocol that is meant, or empty."""
    return next((role for role, words in _OURS if words.search(name)), "")


def without_marks(title: str) -> str:
    """A title without numbering, emoji and a colon at the end."""
    plain = "".join(
        " " if unicodedata.category(one) in ("So", "Sk", "Cf", "Mn", "Cc") else one for one in title
    )
    plain = re.sub(r"^\W*(?:§\s*)?(?:[0-9]{1,3}(?:\.[0-9]{1,3})*[.):]?|[A-Z][.)])\s+", "", plain)
    return " ".join(plain.split()).strip(" :-–—*_#")

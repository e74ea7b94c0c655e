"""Times as other programs write them, in milliseconds."""

from __future__ import annotations

import re

_COMPOSE = re.compile(
    r"(?:(\d{1,9})h)?(?:(\d{1,9})m(?!s))?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?(?:\d{1,9}us)?"
)
_WORDS = {
    "usec": 0.001, "us": 0.001, "msec": 1, "ms": 1, "seconds": 1000, "second": 1000, "sec": 1000,
    "s": 1000, "minutes": 60_000, "minute": 60_000, "min": 60_000, "m": 60_000, "hours": 3_600_000,
    "hour": 3_600_000, "hr": 3_600_000, "h": 3_600_000, "days": 86_400_000, "day": 86_400_000,
    "d": 86_400_000, "weeks": 604_800_000, "week": 604_800_000, "w": 604_800_000,
}  # fmt: skip
_SYSTEMD = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]*)\s*")
# What a document may say at most is ten years; nothing here takes longer than a day.
LONGEST_MS = 86_400_000


def compose_ms(text: str) -> int | None:
    """`1m30s`, `500ms`; a plain number counts seconds. None for anything else, and for nothing."""
    text = text.strip()
    if re.fullmatch(r"\d{1,9}", text):
        return within(int(text) * 1000)
    match = _COMPOSE.fullmatch(text)
    if not match or not any(match.groups()):
        return None
    hours, minutes, seconds, rest = (int(one or 0) for one in match.groups())
    return within(((hours * 60 + minutes) * 60 + seconds) * 1000 + rest)


def seconds_ms(text: str) -> int | None:
    """Whole seconds, as supervisor and Kubernetes count."""
    match = re.fullmatch(r"(\d{1,9})s?", text.strip())
    return within(int(match[1]) * 1000) if match else None


def systemd_ms(text: str) -> int | None:
    """`90`, `1min 30s`, `5m`. None for `infinity` and anything else."""
    text, total, at = text.strip().lower(), 0.0, 0
    while at < len(text):
        match = _SYSTEMD.match(text, at)
        if not match or (match[2] and match[2] not in _WORDS):
            return None
        total += float(match[1]) * _WORDS.get(match[2], 1000)
        at = match.end()
    return within(round(total)) if text else None


def within(milliseconds: int) -> int | None:
    """None for nothing and for longer than a day."""
    return milliseconds if 0 < milliseconds <= LONGEST_MS else None


def written(milliseconds: int) -> str:
    """As a document says it: `1m30s`."""
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "1ms"

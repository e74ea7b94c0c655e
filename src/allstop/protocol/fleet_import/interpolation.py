"""Variables in a compose file: `${X:-y}` is y, because nobody here knows the environment it will run in."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DEEPEST = 8


def interpolated(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with defaults put in, and the variables whose value nobody knows; these stay as they are."""
    unknown: list[str] = []
    found, _ = _run(text[:20_000], 0, "", unknown, 0)
    return found, tuple(dict.fromkeys(unknown))


def _run(text: str, at: int, until: str, unknown: list[str], depth: int) -> tuple[str, int]:
    """Read up to `until` (empty: to the end); the text found, and where that ends."""
    parts: list[str] = []
    while at < len(text):
        letter = text[at]
        if until and letter == until:
            return "".join(parts), at
        if letter != "$":
            parts.append(letter)
            at += 1
        elif text.startswith("$$", at):
            parts.append("$")
            at += 2
        elif text.startswith("${", at) and depth < DEEPEST:
            value, at = _braced(text, at, unknown, depth)
            parts.append(value)
        else:
            name = _NAME.match(text, at + 1)
            if name:
                unknown.append(name[0])
            parts.append(text[at : name.end() if name else at + 1])
            at = name.end() if name else at + 1
    return "".join(parts), at


def _braced(text: str, at: int, unknown: list[str], depth: int) -> tuple[str, int]:
    """`${X}`, `${X:-y}`, `${X-y}`, `${X:?why}`, `${X:+y}`."""
    name = _NAME.match(text, at + 2)
    if not name:
        return text[at : at + 2], at + 2
    rest = name.end()
    colon = 1 if text.startswith(":", rest) else 0
    sign = text[rest + colon : rest + colon + 1]
    if sign not in ("-", "?", "+") or not sign:
        end = text.find("}", rest)
        end = len(text) if end < 0 else end + 1
        unknown.append(name[0])
        return text[at:end], end
    # What stands in an alternative that is not taken is not known to be needed.
    inner: list[str] = unknown if sign == "-" else []
    value, end = _run(text, rest + colon + 1, "}", inner, depth + 1)
    end = min(end + 1, len(text))
    if sign == "-":
        return value, end
    if sign == "+":
        return "", end
    unknown.append(name[0])
    return text[at:end], end

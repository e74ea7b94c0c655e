"""Sections with keys, as supervisor and systemd write them, each value with its lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from allstop.protocol.fleet_import.sources import Ledger

COMMENT = re.compile(r"\s*[#;]")
_SECTION = re.compile(r"\s*\[([^\[\]]+)\]\s*(?:[;#].*)?$")
_ENTRY = re.compile(r"\s*([A-Za-z0-9_.%()-]+)\s*([=:])(.*)$", re.DOTALL)


@dataclass(slots=True)
class Entry:
    """One key with its value. first, last: its lines."""

    key: str
    value: str
    first: int
    last: int


@dataclass(slots=True)
class Section:
    """ledger: of the file it stands in; line: of its head; entries: in order, keys may repeat."""

    ledger: Ledger
    name: str
    line: int
    entries: list[Entry] = field(default_factory=list)
    handled: set[int] = field(default_factory=set)

    def all(self, key: str) -> list[Entry]:
        """Every entry of a key; they count as handled then."""
        found = [one for one in self.entries if one.key.lower() == key.lower()]
        self.handled |= {one.first for one in found}
        return found

    def last(self, key: str) -> Entry | None:
        """The entry that counts where keys repeat; the ones before are listed."""
        found = self.all(key)
        for one in found[:-1]:
            self.leave(one, "it is set again further down")
        return found[-1] if found else None

    def use(self, entry: Entry) -> None:
        self.ledger.use(entry.first, entry.last, f"{self.name}.{entry.key}")

    def leave(self, entry: Entry, why: str) -> None:
        self.ledger.leave(entry.first, entry.last, f"{self.name}.{entry.key}", why)

    def leave_rest(self, why: str) -> None:
        """Every entry nobody has asked for."""
        for one in self.entries:
            if one.first not in self.handled:
                self.leave(one, why)


def sections(
    ledger: Ledger, first: int = 1, last: int = 0, *, backslash: bool = False
) -> list[Section]:
    """The sections between two lines of a file. Lines outside of any are left to the ledger.

    backslash: a line goes on behind a backslash (systemd); else on lines that are indented (supervisor).
    """
    found: list[Section] = []
    number, last = first, last or len(ledger.lines)
    while number <= last:
        line = ledger.lines[number - 1]
        head = _SECTION.match(line)
        if head:
            found.append(Section(ledger, head[1].strip(), number))
            ledger.frame(number)
            number += 1
            continue
        if not found or not line.strip() or COMMENT.match(line):
            number += 1
            continue
        text, end = _whole(ledger, number, last, backslash=backslash)
        entry = _ENTRY.match(text)
        if entry and (entry[2] == "=" or not backslash):
            value = entry[3].strip()
            found[-1].entries.append(Entry(entry[1], value, number, end))
        number = end + 1
    return found


def _whole(ledger: Ledger, number: int, last: int, *, backslash: bool) -> tuple[str, int]:
    """A logical line and the last of its lines."""
    lines = ledger.lines
    if backslash:
        text = lines[number - 1]
        while text.endswith("\\") and number < last:
            number += 1
            following = lines[number - 1]
            text = text[:-1] + (" " if COMMENT.match(following) else f" {following.strip()}")
            if COMMENT.match(following):
                text += "\\"
        return text.removesuffix("\\"), number
    parts = [_uncommented(lines[number - 1])]
    while number < last:
        following = lines[number]
        if not following[:1].isspace() or not following.strip():
            break
        number += 1
        if not COMMENT.match(following):
            parts.append(_uncommented(following).strip())
    return "\n".join(parts), number


def _uncommented(line: str) -> str:
    """Without what follows ` ;`, as supervisor reads it."""
    return re.split(r"\s;", line, maxsplit=1)[0]

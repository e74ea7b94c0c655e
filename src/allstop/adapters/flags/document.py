"""The format of flag files, and the reading of them that is safe: in doubt, a flag is off. Blocking.

One file with several flags:    {"v": 1, "flags": {"NAME": {"on": true, ...}, ...}}
A folder with a file for each:  FOLDER/NAME.json holds {"v": 1, "on": true, ...}

A flag is on if, and only if, the file is JSON as above, no key stands twice in it, and `on` is true.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.files import beginning, replace
from allstop.adapters.mechanisms.text import one_line

VERSION = 1
_LARGEST = 1_000_000


class Damaged(Exception):
    """The file is there and makes no sense; applications take its flags for off."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. epoch, by: number and id of the order that set it last, -1 where none did; at: when."""

    on: bool
    epoch: int = -1
    reason: str = ""
    at: str = ""
    by: str = ""

    @classmethod
    def read(cls, record: Any) -> Flag:
        """Raises Damaged."""
        if not isinstance(record, dict) or not isinstance(record.get("on"), bool):
            raise Damaged("`on` is neither true nor false")
        epoch = record.get("epoch", -1)
        if not isinstance(epoch, int) or isinstance(epoch, bool):
            raise Damaged("`epoch` is no number")
        words = (one_line(str(record.get(name, "")), 300) for name in ("reason", "at", "by"))
        return cls(record["on"], epoch, *words)

    def fields(self) -> dict[str, Any]:
        return {
            "on": self.on, "epoch": self.epoch, "reason": self.reason, "at": self.at, "by": self.by
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where a flag stands: a file, and whether that is the flag's own. name: the flag's."""

    file: Path
    name: str
    own: bool

    def records(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The flags of a document, unread."""
        if not self.own:
            flags: Mapping[str, Any] = document["flags"]
            return flags
        return {} if document == self.empty else {self.name: document}

    def with_record(self, document: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
        """The document with the flag's record in place of what was there."""
        if self.own:
            return {**record, "v": VERSION}
        flags = {**document["flags"], self.name: dict(record)}
        return {**document, "v": VERSION, "flags": flags}

    @property
    def empty(self) -> dict[str, Any]:
        return {"v": VERSION} if self.own else {"v": VERSION, "flags": {}}


def place_of(path: str, name: str) -> Place:
    """Where the flag is, or would be. A symbolic link stays one: what it points to is meant."""
    found = Path(path).resolve()
    if found.is_dir():
        return Place((found / f"{name}.json").resolve(), name, own=True)
    return Place(found, name, own=False)


def read_document(place: Place) -> dict[str, Any]:
    """What the file holds. Raises FileNotFoundError, Damaged."""
    try:
        text = beginning(place.file, _LARGEST)
        found = json.loads(text, object_pairs_hook=_once)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise Damaged(one_line(f"{place.file} makes no sense: {error}")) from None
    if not isinstance(found, dict) or type(found.get("v")) is not int or found["v"] != VERSION:
        raise Damaged(one_line(f"{place.file} is no flag file of version {VERSION}"))
    if not place.own and not isinstance(found.get("flags"), dict):
        raise Damaged(one_line(f"{place.file} has no flags"))
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def write_document(place: Place, document: Mapping[str, Any]) -> None:
    """Put a document in place, all or nothing, with the rights and the owner the file had. Raises OSError."""
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    if not place.file.exists():
        replace(place.file, text)
        return
    found = place.file.stat()
    replace(place.file, text, found.st_mode & 0o777, (found.st_uid, found.st_gid))


def is_on(path: str, name: str) -> bool:
    """Whether an application takes the flag for on. Never raises: whatever is wrong, it is off."""
    try:
        place = place_of(path, name)
        record = place.records(read_document(place))[name]
        return isinstance(record, dict) and record.get("on") is True
    except (OSError, ValueError, KeyError, TypeError, Damaged):
        return False


def missing(place: Place, document: Mapping[str, Any]) -> str:
    """What to say of a flag that is not there: it may be misspelt."""
    if place.own:
        names = sorted(one.stem for one in place.file.parent.glob("*.json") if one != place.file)
    else:
        names = sorted(document["flags"])
    return one_line(f"no flag {place.name}, only {', '.join(names) or 'none'}")

"""A second layer for Claude Code: the administrator's settings deny its tools, which sessions that run take up by themselves.

It needs no hook and no state file, so it holds where the gate was got around; it knows no scope and gives no reason.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from allstop.runtimes.installed_files import (
    Kept,
    Place,
    digest,
    missing_folders,
    read_bytes,
    read_record,
)
from allstop.runtimes.installing import FileChange, Plan
from allstop.runtimes.settings_file import Pinned, cleaned, edited

NAME = "claude-deny"
FILE = Path("/etc/claude-code/managed-settings.d/60-allstop-deny.json")
# As a default halt does: reading and reporting stay open.
TOOLS = (
    "Bash", "PowerShell", "Monitor", "Write", "Edit", "MultiEdit", "NotebookEdit", "WebFetch", "WebSearch",
    "SendMessage", "Agent", "Task",
)  # fmt: skip
EVERYTHING = ("*",)
_UNSEEN = f"{FILE.parent} is new: sessions that run already do not look there, those that start from now on do"


def plan_deny(place: Place, at: str, *, everything: bool) -> Plan:
    """What it takes to deny the tools that change something, or all of them with reading and reporting. Raises Invalid, Refused."""
    disk = place.on_disk(FILE)
    record = read_record(place.on_disk(place.record))
    body, kept = read_bytes(disk), record.of(str(FILE))
    before = kept.before if kept and body is not None and digest(body) == kept.after else body
    new = edited(str(FILE), before, _changes(everything=everything))
    if new.body == body:
        return Plan(place, (), record)
    entry = Kept(str(FILE), NAME, at, before, digest(new.body), new.was, new.made)
    made = {*record.folders, *missing_folders(disk.parent)}
    made |= {*missing_folders(place.on_disk(place.record).parent)}
    told = replace(record.with_one(entry), folders=tuple(sorted(made)))
    notes = () if disk.parent.exists() else (_UNSEEN,)
    return Plan(place, (FileChange(disk, body, new.body),), told, notes=notes)


def plan_lift(place: Place) -> Plan:
    """What it takes to end that. A file that is not as it was written, and is on no record, stays, and is named. Raises as above."""
    disk = place.on_disk(FILE)
    record = read_record(place.on_disk(place.record))
    body, kept = read_bytes(disk), record.of(str(FILE))
    after = body
    notes: tuple[str, ...] = ()
    if body is not None and kept is not None and digest(body) == kept.after:
        after = kept.before
    elif body is not None and kept is not None:
        after, notes = cleaned(str(FILE), body, kept.was, kept.made)
    elif body is not None and body in _written():
        after = None
    elif body is not None:
        notes = (f"{FILE} is none that Allstop wrote, so it stays",)
    changes = (FileChange(disk, body, after),) if after != body else ()
    left = record.without(str(FILE))
    return Plan(place, changes, left, notes=notes, folders=record.folders, leaving=True)


def _written() -> tuple[bytes, ...]:
    return tuple(
        edited(str(FILE), None, _changes(everything=everything)).body
        for everything in (True, False)
    )


def _changes(*, everything: bool) -> tuple[Pinned, ...]:
    return (Pinned(("permissions", "deny"), EVERYTHING if everything else TOOLS),)

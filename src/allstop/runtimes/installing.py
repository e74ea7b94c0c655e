"""Putting the gate into a client's settings, and taking it out again. First a plan, which changes nothing and can be shown; then it is carried out."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from allstop.errors import Invalid, Missing, Refused, Unavailable
from allstop.gate import gate_path
from allstop.gate.state_file import State, Unreadable, parse, render
from allstop.runtimes.installed_files import (
    Kept,
    Place,
    Record,
    digest,
    make_folders,
    missing_folders,
    put,
    read_bytes,
    read_record,
    record_bytes,
)
from allstop.runtimes.settings_file import cleaned, edited, holds_ours
from allstop.runtimes.settings_places import MANAGED, SETTINGS, Settings

# What the folder of a host process holds from the moment it has joined.
_OF_A_HOST = ("host.toml", "journal.json")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file on this disk, before and after; None: it is not there. mode: of one that is new."""

    path: Path
    before: bytes | None
    after: bytes | None
    mode: int = 0o644

    def diff(self) -> str:
        """What changes, as people know it; of a file that goes whole only its name."""
        if self.after is None:
            return f"removed: {self.path}\n"
        old = "/dev/null" if self.before is None else str(self.path)
        lines = difflib.unified_diff(_lines(self.before), _lines(self.after), old, str(self.path))
        return "".join(lines)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, in this order. changes: settings files and the state; gate: the gate, None when it stays as it is.

    notes: what a person should know; folders: those to remove when they are empty; spool: to be made; leaving: it takes out.
    """

    place: Place
    changes: tuple[FileChange, ...]
    record: Record
    gate: FileChange | None = None
    notes: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    spool: Path | None = None
    leaving: bool = False

    @property
    def nothing(self) -> bool:
        return not self.changes and self.gate is None

    def shown(self) -> str:
        """The diff of everything."""
        parts = [one.diff() for one in self.changes]
        if self.gate is not None and self.gate.after is not None:
            word = "new file" if self.gate.before is None else "replaced"
            parts.insert(
                0, f"{word}: {self.gate.path} (the gate, sha256 {digest(self.gate.after)[:16]})\n"
            )
        elif self.gate is not None:
            parts.append(f"removed: {self.gate.path} (the gate)\n")
        return "\n".join(part for part in parts if part)


def plan_install(settings: Settings, place: Place, at: str, *, state_first: bool = False) -> Plan:
    """What it takes to let a client ask the gate. at: now, for the record.

    state_first: a state file with nothing standing is written when there is none. Raises Missing when there is none and
    that was not asked for, Invalid when a file cannot be understood, Refused.
    """
    first = list(_state(place, state_first=state_first))
    changes = list(first)
    path = settings.file(place.scope, place.home, place.environment)
    disk = place.on_disk(path)
    record = read_record(place.on_disk(place.record))
    body, kept = read_bytes(disk), record.of(str(path))
    before, notes = _without_ours(str(path), body, kept)
    wanted = settings.changes(place.scope, place.hook(settings.name))
    new = edited(str(path), body, wanted)
    if new.body != body:
        # Begun anew from what stood there without us, so that nothing of an older installation stays.
        new = edited(str(path), before, wanted)
        changes.append(FileChange(disk, body, new.body))
    gate = place.on_disk(place.gate)
    entry = Kept(str(path), settings.name, at, before, digest(new.body), new.was, new.made)
    folders = {*record.folders, *missing_folders(disk.parent), *missing_folders(gate.parent)}
    program = gate_path().read_bytes()
    found = read_bytes(gate)
    put_gate = None if found == program else FileChange(gate, found, program, 0o755)
    if kept and new.body == body:
        entry = kept
    return Plan(
        place, tuple(changes),
        replace(
            record.with_one(entry), gate=digest(program),
            folders=tuple(sorted(folders)),
        ),
        put_gate,
        (*notes, *_notes(settings, place)), spool=_spool(place) if first else None,
    )  # fmt: skip


def plan_uninstall(settings: Settings, place: Place) -> Plan:
    """What it takes to undo that: the very bytes that stood there when nobody changed the file since, else only our part goes. Raises as above."""
    record = read_record(place.on_disk(place.record))
    usual = str(settings.file(place.scope, place.home, place.environment))
    files = {one.file for one in record.files if one.runtime == settings.name} | {usual}
    changes: list[FileChange] = []
    notes: list[str] = []
    left = record
    for file in sorted(files):
        disk, kept = place.on_disk(Path(file)), record.of(file)
        body = read_bytes(disk)
        left = left.without(file)
        if body is None:
            notes += [f"{file} is gone already"] if kept else []
            continue
        before, said = _without_ours(file, body, kept)
        notes += said
        if before != body:
            changes.append(FileChange(disk, body, before))
    gate, last = place.on_disk(place.gate), read_bytes(place.on_disk(place.gate))
    gone = None
    if last is not None and not any(one.runtime in SETTINGS for one in left.files):
        if digest(last) in (record.gate, digest(gate_path().read_bytes())):
            gone = FileChange(gate, last, None)
        else:
            notes.append(f"{place.gate} is not the gate that was put there, so it stays")
    return Plan(place, tuple(changes), left, gone, tuple(notes), record.folders, leaving=True)


def carry_out(plan: Plan) -> None:
    """Does what was planned. Raises Refused when a file has changed since, Unavailable when one may not be written.

    The gate is there before a client is told of it, and goes after it was forgotten. A file is on record as long as our
    part stands in it, so that whatever ends this can be undone.
    """
    record = plan.place.on_disk(plan.place.record)
    coming = plan.gate is not None and plan.gate.after is not None
    gate = (plan.gate,) if plan.gate else ()
    path = record
    try:
        for one in (*plan.changes, *gate):
            path = one.path
            if read_bytes(one.path) != one.before:
                text = f"{one.path} was changed by somebody meanwhile, so nothing was done"
                raise Refused((("changed", text, "Do it again."),))
        path = record
        if not plan.leaving:
            _write_record(record, plan.record)
        for one in (*gate, *plan.changes) if coming else (*plan.changes, *gate):
            path = one.path
            _do(one)
        path = record
        if plan.leaving:
            _write_record(record, plan.record)
            _remove_empty((str(record.parent), *plan.folders), plan.place)
        if plan.spool is not None:
            path = plan.spool
            _make_spool(plan.spool)
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be written: {error.strerror}",
            "sudo allstop agents ... for --scope managed" if os.geteuid() else "",
        ) from error


def _write_record(path: Path, record: Record) -> None:
    if record.files:
        make_folders(path.parent)
        put(path, record_bytes(record), 0o600)
    else:
        path.unlink(missing_ok=True)


def _do(one: FileChange) -> None:
    if one.after is None:
        one.path.unlink(missing_ok=True)
        return
    make_folders(one.path.parent)
    put(one.path, one.after, one.mode)


def _without_ours(
    file: str, body: bytes | None, kept: Kept | None
) -> tuple[bytes | None, list[str]]:
    """A settings file as it is without us: the very bytes from before when nobody touched it since."""
    if body is None:
        return None, []
    if kept is not None and digest(body) == kept.after:
        return kept.before, []
    if kept is not None and body == kept.before:
        return body, []
    if kept is None and not holds_ours(file, body):
        return body, []
    new, said = cleaned(file, body, kept.was if kept else (), kept.made if kept else None)
    by = "somebody changed it since" if kept else "there is no record of how it was"
    notes = [f"{file}: {by}, so only Allstop's own part is taken out", *said]
    ours_alone = (kept is None or kept.before is None) and new.strip() in (b"", b"{}")
    return None if ours_alone else new, notes


def _state(place: Place, *, state_first: bool) -> Iterable[FileChange]:
    """Without a state file the gate would refuse everything from the next tool call on."""
    path = place.on_disk(place.state / "state")
    body = read_bytes(path)
    if body is None and state_first:
        for name in _OF_A_HOST:
            if place.on_disk(place.state / name).exists():
                # What stands is in its journal: a file that says otherwise would end it.
                said = f"a host process has joined here ({place.state / name}), and it alone says what stands"
                raise Refused((("host", said, "allstop host run writes the state file again."),))
        text = render(State(0, _boot()))
        yield FileChange(path, None, text.encode("ascii"))
    elif body is None:
        raise Missing(
            f"no host process has ever run here: there is no {place.state / 'state'}, and without it every tool call would be refused",
            "allstop host join, then allstop host run; or --state-first writes one with nothing standing.",
        )
    else:
        try:
            parse(body.decode("utf-8", "surrogateescape"))
        except Unreadable as error:
            raise Invalid(
                f"{place.state / 'state'} makes no sense ({error.text}), so every tool call would be refused",
                "The host process writes it again when it starts: allstop host run",
            ) from error


def _boot() -> str:
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return "none"


def _spool(place: Place) -> Path:
    return place.on_disk(place.state / "spool" / "receipts")


def _make_spool(path: Path) -> None:
    """As the host process makes it: everybody may append, nobody but the owner may read or list."""
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o711)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o622)
    os.fchmod(handle, 0o622)
    os.close(handle)


def _remove_empty(folders: Iterable[str], place: Place) -> None:
    for name in sorted(set(folders), key=len, reverse=True):
        folder = Path(name)
        if folder.is_relative_to(place.root):
            with contextlib.suppress(OSError):  # somebody else has something in it
                folder.rmdir()


def _notes(settings: Settings, place: Place) -> list[str]:
    if place.scope != MANAGED:
        said = [
            f"These are one person's settings of {settings.title}: an agent that runs as them can take the hook out.",
            "Only --scope managed enforces.",
        ]
        if settings.name == "codex":
            said.append(
                "Codex skips a hook nobody has looked at: start it once and trust the hook in /hooks."
            )
        return said
    if settings.name == "codex":
        return [
            "From now on Codex runs no hooks but those of the administrator: people's own are switched off."
        ]
    return []


def _lines(body: bytes | None) -> list[str]:
    text = (body or b"").decode("utf-8", "replace")
    return [line + "\n" for line in text.splitlines()]


def known(name: str) -> Settings:
    """A client by its name. Raises Missing."""
    if name not in SETTINGS:
        raise Missing(f"{name} is no client Allstop knows", ", ".join(SETTINGS))
    return SETTINGS[name]

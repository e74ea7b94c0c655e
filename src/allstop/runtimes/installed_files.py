"""Files an installation writes: where they go, how they are put there whole, and what is kept of them so that it can be undone."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from allstop.errors import Invalid, Refused
from allstop.runtimes.settings_file import GATE, Was
from allstop.runtimes.settings_places import MANAGED, Hook

_FOLDER = Path("usr/local/lib/allstop")
_RECORD = "installed.json"
_VERSION = 1
_LARGEST = 4_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where an installation goes. scope: managed or user; home and environment: of the person; state: folder of the state file.

    root: what stands before every path on this disk; the settings themselves say the paths without it.
    """

    scope: str
    home: Path
    environment: Mapping[str, str]
    state: Path
    root: Path = Path("/")

    @property
    def folder(self) -> Path:
        """Of the gate and the record, as clients see it."""
        return (
            Path("/") / _FOLDER
            if self.scope == MANAGED
            else self.home / ".local" / "share" / "allstop"
        )

    @property
    def gate(self) -> Path:
        return self.folder / GATE

    @property
    def record(self) -> Path:
        return self.folder / _RECORD

    def hook(self, runtime: str) -> Hook:
        return Hook(self.gate, runtime, self.state)

    def on_disk(self, path: Path) -> Path:
        """Where a path lies here, through a symbolic link of the file. Raises Invalid, and Refused when it leads out of the root."""
        if not path.is_absolute():
            raise Invalid(f"{path} is no whole path, one that begins with /")
        found = (self.root / path.relative_to("/")).resolve()
        if not found.is_relative_to(self.root.resolve()):
            text = f"{path} is a link that leads out of {self.root}"
            raise Refused((("outside", text, "Install without --root, there."),))
        return found


@dataclass(frozen=True, slots=True)
class Kept:
    """What was done to one settings file. before: its bytes, None when there was none; after: hash of what it became."""

    file: str
    runtime: str
    at: str
    before: bytes | None
    after: str
    was: tuple[Was, ...]
    made: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Everything an installation did in one scope. gate: hash of the gate that was put there; folders: those that were made."""

    gate: str = ""
    folders: tuple[str, ...] = ()
    files: tuple[Kept, ...] = ()

    def of(self, file: str) -> Kept | None:
        return next((one for one in self.files if one.file == file), None)

    def with_one(self, kept: Kept) -> Record:
        others = tuple(one for one in self.files if one.file != kept.file)
        return replace(self, files=(*others, kept))

    def without(self, file: str) -> Record:
        return replace(self, files=tuple(one for one in self.files if one.file != file))


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def read_bytes(path: Path) -> bytes | None:
    """An ordinary file's bytes, None when there is none. Raises Invalid for what is no such file or may not be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}", "Who owns it?") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Invalid(f"{path} is no ordinary file, so it was left alone")
    with os.fdopen(handle, "rb") as file:
        body = file.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        raise Invalid(f"{path} is larger than any settings file, so it was left alone")
    return body


def put(path: Path, body: bytes, mode: int) -> None:
    """The whole new content or the old one, also after a crash. A file that is there keeps its mode and owner. Raises OSError."""
    found = path.stat() if path.exists() else None
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(body)
            file.flush()
            if found is not None and (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):
                    os.fchown(handle, found.st_uid, found.st_gid)
            os.fchmod(handle, stat.S_IMODE(found.st_mode) if found is not None else mode)
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        # Whatever ended it, an interrupt too: no draft is left behind.
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_folders(folder: Path) -> None:
    """A folder with those above it, which everybody may look into: a client that cannot see the gate may run its tool."""
    for one in [*reversed(folder.parents), folder]:
        if not one.exists():
            one.mkdir()
            one.chmod(0o755)


def missing_folders(folder: Path) -> tuple[str, ...]:
    """Those that would have to be made, the deepest first."""
    return tuple(str(one) for one in (folder, *folder.parents) if not one.exists())


# --- the record ---


def read_record(path: Path) -> Record:
    """What was done; nothing when there is no record. Raises Invalid for one that makes no sense."""
    body = read_bytes(path)
    if body is None:
        return Record()
    try:
        found = json.loads(body)
        if found["v"] != _VERSION:
            raise ValueError(f"it is of version {found['v']}")
        return Record(
            str(found["gate"]),
            tuple(str(one) for one in found["folders"]),
            tuple(_kept(one) for one in found["files"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(
            f"the record of what was installed makes no sense: {path}: {error}",
            "Move it away; uninstall then takes out what it recognises as Allstop's.",
        ) from error


def record_bytes(record: Record) -> bytes:
    files = [
        {
            "file": one.file,
            "runtime": one.runtime,
            "at": one.at,
            "before": None if one.before is None else base64.b64encode(one.before).decode("ascii"),
            "after": one.after,
            "was": [
                {"path": list(was.path), "value": was.value, "had": was.had, "was": was.was}
                for was in one.was
            ],
            "made": [list(path) for path in one.made],
        }
        for one in record.files
    ]
    whole = {"v": _VERSION, "gate": record.gate, "folders": list(record.folders), "files": files}
    return (json.dumps(whole, indent=1, default=str) + "\n").encode("utf-8")


def _kept(found: Mapping[str, Any]) -> Kept:
    before = found["before"]
    return Kept(
        str(found["file"]), str(found["runtime"]), str(found["at"]),
        None if before is None else base64.b64decode(before, validate=True), str(found["after"]),
        tuple(Was(tuple(one["path"]), one["value"], bool(one["had"]), one["was"]) for one in found["was"]),
        tuple(tuple(path) for path in found["made"]),
    )  # fmt: skip

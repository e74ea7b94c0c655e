"""Snapshots on this machine: which is whose, and whether a load of it has proven it.

<folder>/<name>.rdb          the copy
<folder>/<name>.json         whose it is: key of the effect, server, keys, SHA-256
<folder>/<name>.proof.json   what a check of it showed, and when
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import beginning, replace
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.redis_server.resp import LoginOptions
from allstop.adapters.redis_server.server import Refused

_VERSION = 1
_LARGEST = 100_000
_CHUNK = 1 << 20
_PROOF = ".proof.json"


class FolderOptions(LoginOptions):
    """Which server's snapshots, and where they lie."""

    folder: str = Field(
        min_length=1, title="Folder", description="Folder of this machine for the copies."
    )


@dataclass(frozen=True, slots=True)
class Manifest:
    """A snapshot. key: of the effect that took it; at: when, by the server's clock, UTC; keys: how many
    there were, at least and at most (they differ where somebody wrote in that very moment)."""

    key: str
    server: str
    at: str
    keys_least: int
    keys_most: int
    bytes: int
    sha256: str
    version: str
    offset: int


@dataclass(frozen=True, slots=True)
class Proof:
    """What a check showed. loaded: keys that a server had after loading it; None: it was not loaded."""

    key: str
    at: str
    sha256: str
    proven: bool
    loaded: int | None
    because: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot and where it lies."""

    folder: Path
    name: str
    manifest: Manifest

    @property
    def copy(self) -> Path:
        return self.folder / f"{self.name}.rdb"

    def is_whole(self) -> bool:
        """Whether the copy is there, in its full length. Blocking."""
        return self.copy.is_file() and self.copy.stat().st_size == self.manifest.bytes

    def proof(self) -> Proof | None:
        """The last proof; None when there is none. Blocking. Raises Refused."""
        path = self.folder / f"{self.name}{_PROOF}"
        found = _read(path, Proof)
        return found if isinstance(found, Proof) else None

    def write_proof(self, proof: Proof) -> None:
        """Put a proof beside it, in place of an older one. Blocking. Raises OSError."""
        _write(self.folder / f"{self.name}{_PROOF}", proof)

    def age_s(self, now: datetime) -> int:
        """Seconds since it was taken; below 0 where the server's clock is ahead of ours."""
        return int((now - datetime.fromisoformat(self.manifest.at)).total_seconds())


def name_of(server: str, key: str) -> str:
    """The name of an effect's snapshot: readable, and different for different keys."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_prefix(server)}-{digest}"


def _prefix(server: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", server).strip("-")[:80]


def snapshot_of(folder: Path, server: str, key: str) -> Snapshot | None:
    """The snapshot an effect took; None when it took none. Blocking. Raises Refused."""
    name = name_of(server, key)
    manifest = _read(folder / f"{name}.json", Manifest)
    if not isinstance(manifest, Manifest):
        return None
    if manifest.key != key or manifest.server != server:
        raise Refused(f"{name} is another effect's")
    return Snapshot(folder, name, manifest)


def newest(folder: Path, server: str) -> Snapshot:
    """The newest snapshot of a server. Blocking. Raises Refused when there is none."""
    try:
        # What else lies there is nobody's snapshot of this server.
        ours = re.compile(re.escape(_prefix(server)) + r"-[0-9a-f]{12}\.json")
        names = [one.stem for one in folder.iterdir() if ours.fullmatch(one.name)]
    except OSError as error:
        raise Refused(f"{folder} cannot be read: {error.strerror}") from None
    found = []
    for name in names:
        manifest = _read(folder / f"{name}.json", Manifest)
        if isinstance(manifest, Manifest) and manifest.server == server:
            found.append(Snapshot(folder, name, manifest))
    if not found:
        raise Refused(f"no snapshot of {server} in {folder}")
    return max(found, key=lambda one: datetime.fromisoformat(one.manifest.at))


def write_manifest(folder: Path, manifest: Manifest) -> Snapshot:
    """Say whose a copy is; only then it counts. Blocking. Raises OSError."""
    name = name_of(manifest.server, manifest.key)
    _write(folder / f"{name}.json", manifest)
    return Snapshot(folder, name, manifest)


def copied(source: int, target: Path, deadline: Deadline) -> tuple[int, str]:
    """Copy an open file, durably, and put it in place when it is whole; its size and SHA-256.

    Blocking. Raises TimeoutError, OSError.
    """
    digest, size = hashlib.sha256(), 0
    part = target.with_name(f".{target.name}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            while chunk := os.read(source, _CHUNK):
                if deadline.passed():
                    raise TimeoutError("the copy was not complete in time")
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return size, digest.hexdigest()


def sha256_of(path: Path, deadline: Deadline) -> str:
    """Blocking. Raises TimeoutError, OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if deadline.passed():
                raise TimeoutError("the copy could not be read in time")
            digest.update(chunk)
    return digest.hexdigest()


def _write(path: Path, value: Manifest | Proof) -> None:
    replace(path, json.dumps({"v": _VERSION, **asdict(value)}, indent=1) + "\n", 0o600)


def _read(path: Path, kind: type[Manifest] | type[Proof]) -> Manifest | Proof | None:
    try:
        body: Any = json.loads(beginning(path, _LARGEST))
        if body.pop("v") != _VERSION:
            raise ValueError("another version")
        found = kind(**body)
        if datetime.fromisoformat(found.at).tzinfo is None:
            raise ValueError("no time zone")
        return found
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Refused(one_line(f"{path} makes no sense: {error}")) from None

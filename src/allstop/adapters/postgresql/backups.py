"""Where backups lie, which is whose, and whether a restore has proven one.

    <backup_root>/<name>/ALLSTOP      whose it is: key of the effect, cluster, when it was begun
    <backup_root>/<name>/data/        what pg_basebackup wrote
    <backup_root>/<name>/proof.json   what a restore of it showed, and when

The files of ours lie beside the data: pg_verifybackup takes a stranger's file for damage.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import Field

from allstop.adapters.mechanisms.files import beginning, replace
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.postgresql.local import PlainPath, ProgramOptions
from allstop.adapters.postgresql.server import Refused

KEY_FILE = "ALLSTOP"
PROOF_FILE = "proof.json"
PARTIAL = ".partial"
NEWEST = "newest"
_LARGEST = 1_000_000
_LONGEST_NAME = 80


class RootOptions(ProgramOptions):
    """Where backups lie."""

    backup_root: PlainPath = Field(
        min_length=1,
        title="Backups",
        description="Folder of this machine that holds one folder for each backup.",
    )


class BackupChoice(RootOptions):
    """Which backup."""

    backup: str = Field(
        min_length=1,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$",
        title="Backup",
        description="Name of its folder; or `newest`, the one begun last.",
    )
    system_identifier: str = Field(
        default="",
        pattern=r"^[0-9]{0,20}$",
        title="System identifier",
        description="Number of the cluster it must be of; needed for `newest` where several clusters' backups lie.",
    )


@dataclass(frozen=True, slots=True)
class Proof:
    """What a restore showed.

    proven: every check was met; at: when, UTC; manifest: SHA-256 of the backup's manifest; key: of
    the effect that asked for it.
    """

    proven: bool
    at: datetime
    cluster: str
    manifest: str
    because: str
    key: str


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that is complete. folder: where it lies; taken_at: when it was begun, UTC."""

    folder: Path
    key: str
    cluster: str
    taken_at: datetime

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def manifest(self) -> str:
        """SHA-256 of its manifest, hexadecimal. Blocking. Raises Refused."""
        return manifest_of(self.data)

    def proof(self) -> Proof | None:
        """The last proof of this very backup; None when there is none. Blocking. Raises Refused."""
        try:
            body = _read(self.folder / PROOF_FILE)
            return Proof(
                body["proven"] is True,
                _moment(body["at"]),
                str(body["system_identifier"]),
                str(body["manifest_sha256"]),
                str(body["because"]),
                str(body["key"]),
            )
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, ValueError) as error:
            raise Refused(f"the proof of {self.folder.name} makes no sense") from error

    def unproven(self) -> str:
        """Why it does not count as proven, or empty. Blocking. Raises Refused."""
        proof = self.proof()
        if proof is None:
            return f"no restore has proven {self.folder.name}"
        if not proof.proven:
            return f"the last restore of {self.folder.name} failed: {proof.because}"
        if proof.cluster != self.cluster:
            return f"the proof of {self.folder.name} is of another cluster"
        if proof.manifest != self.manifest():
            return f"the proof of {self.folder.name} is of another manifest"
        return ""


def manifest_of(data: Path) -> str:
    """SHA-256 of the manifest of a backup's data. Blocking. Raises Refused when there is none."""
    try:
        with (data / "backup_manifest").open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Refused(f"{data.parent.name} has no manifest: {error.strerror}") from None


def folder_name(key: str) -> str:
    """The folder's name for an effect: readable, and different for different keys."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    readable = re.sub(r"[^A-Za-z0-9_-]+", "-", key)[:_LONGEST_NAME].strip("-")
    return f"{readable or 'effect'}-{digest}"


def write_key(folder: Path, key: str, cluster: str, taken_at: datetime) -> None:
    """Say whose backup a folder holds. Blocking. Raises OSError."""
    body = {"v": 1, "key": key, "system_identifier": cluster, "taken_at": taken_at.isoformat()}
    replace(folder / KEY_FILE, json.dumps(body, indent=1) + "\n")


def write_proof(backup: Backup, proof: Proof, checks: Sequence[Mapping[str, Any]]) -> None:
    """Put the proof beside the backup, in place of an older one. Blocking. Raises OSError."""
    body = {
        "v": 1,
        "proven": proof.proven,
        "at": proof.at.isoformat(),
        "system_identifier": proof.cluster,
        "manifest_sha256": proof.manifest,
        "because": proof.because,
        "key": proof.key,
        "checks": list(checks),
    }
    replace(backup.folder / PROOF_FILE, json.dumps(body, indent=1) + "\n")


def read_backup(folder: Path) -> Backup:
    """The backup in a folder. Blocking. Raises Refused when it is none, or not complete."""
    try:
        body = _read(folder / KEY_FILE)
        found = Backup(
            folder, str(body["key"]), str(body["system_identifier"]), _moment(body["taken_at"])
        )
    except FileNotFoundError:
        raise Refused(f"no backup {folder}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f"the key file of {folder.name} makes no sense") from error
    if folder.name.endswith(PARTIAL):
        raise Refused(f"{folder.name} is not complete")
    return found


def backups(root: Path) -> list[Backup]:
    """All complete backups, the newest first; what is none is passed over. Blocking. Raises Refused."""
    try:
        folders = sorted(root.iterdir())
    except OSError as error:
        raise Refused(f"{root} cannot be read: {error.strerror}") from None
    complete = (one for one in folders if one.is_dir() and not one.name.endswith(PARTIAL))
    found = [read_backup(one) for one in complete if (one / KEY_FILE).is_file()]
    return sorted(found, key=lambda one: one.taken_at, reverse=True)


def chosen(options: BackupChoice) -> Backup:
    """The backup the options name. Blocking. Raises Refused."""
    root = Path(options.backup_root)
    if options.backup != NEWEST:
        found = read_backup(root / options.backup)
    else:
        every = backups(root)
        clusters = {one.cluster for one in every}
        if options.system_identifier:
            every = [one for one in every if one.cluster == options.system_identifier]
        elif len(clusters) > 1:
            raise Refused(
                f"{root} holds backups of {len(clusters)} clusters: give system_identifier"
            )
        if not every:
            raise Refused(f"no backup in {root}")
        found = every[0]
    if options.system_identifier and found.cluster != options.system_identifier:
        raise Refused(f"{found.folder.name} is of another cluster: {found.cluster}")
    return found


def now() -> datetime:
    """The time of this machine, UTC."""
    return datetime.now(UTC)


def fresh_proof(root: Path, cluster: str, within_ms: int) -> tuple[Backup | None, str]:
    """A backup of `cluster` taken, and proven by a restore, within `within_ms`; or why there is none.

    Blocking. Raises Refused when the folder cannot be read.
    """
    mine = [one for one in backups(root) if one.cluster == cluster]
    if not mine:
        return None, f"no backup of cluster {cluster} in {root}"
    since, why = now() - timedelta(milliseconds=within_ms), ""
    for one in mine:
        fault = one.unproven()
        proof = None if fault else one.proof()
        if proof is not None and (one.taken_at < since or proof.at < since):
            fault = f"{one.folder.name} was taken {one.taken_at:%F %T}, proven {proof.at:%F %T}: too long ago"
        if proof is not None and max(one.taken_at, proof.at) > now():
            fault = f"{one.folder.name} is dated in the future"
        if not fault:
            return one, ""
        why = why or fault
    return None, one_line(why)


def _read(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(beginning(path, _LARGEST))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None
    if not isinstance(body, dict):
        raise TypeError("no mapping")
    return body


def _moment(text: object) -> datetime:
    found = datetime.fromisoformat(str(text))
    if found.tzinfo is None:
        raise ValueError("no time zone")
    return found

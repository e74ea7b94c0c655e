"""Proving a backup: its manifest is verified, and a server is really restored from it and asked."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from allstop.adapters.postgresql.backups import (
    Backup,
    BackupChoice,
    Proof,
    chosen,
    now,
    write_proof,
)
from allstop.adapters.postgresql.checks import DOOR, Check, asked, let_in
from allstop.adapters.postgresql.local import (
    PlainPath,
    check_version,
    control,
    major,
    program,
    succeed,
)
from allstop.adapters.postgresql.orders import holding
from allstop.adapters.postgresql.server import Attempt, Refused, in_thread, patience
from allstop.adapters.postgresql.throwaway import (
    RESERVED,
    cleared,
    copied,
    settings_of,
    throwaway,
)
from allstop.domain.effects import Outcome, done, failed
from allstop.domain.policy.tables import Scalar


class RestoredOptions(BackupChoice):
    """Which backup, and what a server restored from it is asked."""

    checks: list[Check] = Field(
        min_length=1,
        title="Checks",
        description="Queries the restored server must answer as expected: row counts, references, sums.",
    )
    user: str = Field(
        default="postgres",
        min_length=1,
        title="User",
        description="Role of the backup that asks; no password is needed on the private socket.",
    )
    settings: dict[str, str] = Field(
        default_factory=dict,
        title="Settings",
        description="More settings of the restored server, such as its memory.",
    )

    @field_validator("settings")
    @classmethod
    def _stays_private(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not name.replace("_", "").replace(".", "").isalnum() or "\0" in text:
                raise ValueError("write names of settings")
            if name in RESERVED or name.endswith(("_file", "_directory", "_command")):
                raise ValueError(f"{name} is not to be set: the restored server keeps to itself")
        return value


class VerifyBackupOptions(RestoredOptions):
    """Which backup is proven, and where it is restored for that."""

    scratch_dir: PlainPath = Field(
        default="",
        title="Scratch",
        description="Folder with room for a copy, which is taken away afterwards; empty: beside the backup.",
    )


async def verify_backup(attempt: Attempt[VerifyBackupOptions]) -> Outcome:
    """Verify, restore, ask, and write down what was seen. A failed restore takes an older proof away."""
    options = attempt.options
    found = await in_thread(attempt.deadline, chosen, options)
    earlier = await in_thread(attempt.deadline, _earlier, found, attempt.effect.id)
    if earlier is not None:
        return _told(found, earlier, 0)
    parent = Path(options.scratch_dir or options.backup_root)
    if not parent.is_dir():
        raise Refused(f"no folder {parent}")
    await check_version(options, found.data, attempt.deadline)
    scratch = parent / f"{found.folder.name}.scratch"
    async with holding(scratch, attempt.deadline):
        fault, seen = await _damage(attempt, found), list[dict[str, Any]]()
        if not fault:
            fault, seen = await _restored(attempt, found, scratch)
    proof = Proof(
        not fault,
        now(),
        found.cluster,
        await in_thread(attempt.deadline, found.manifest),
        fault or "restored, and every check was met",
        attempt.effect.id,
    )
    await in_thread(attempt.deadline, write_proof, found, proof, seen)
    return _told(found, proof, len(seen))


def _earlier(found: Backup, key: str) -> Proof | None:
    """The proof this very effect has written already, when it still holds. Blocking."""
    proof = found.proof()
    return proof if proof is not None and proof.key == key and not found.unproven() else None


def _told(found: Backup, proof: Proof, checks: int) -> Outcome:
    facts: dict[str, Scalar] = {
        "backup": found.folder.name,
        "copy": found.folder.name,
        "taken_at": found.taken_at.isoformat(timespec="seconds"),
        "system_identifier": found.cluster,
        "proven_at": proof.at.isoformat(timespec="seconds"),
        "manifest_sha256": proof.manifest,
        "checks": checks,
    }
    if not proof.proven:
        return failed(f"{found.folder.name} is not proven: {proof.because}", facts)
    return done(f"{found.folder.name}: {proof.because}", facts)


async def _damage(attempt: Attempt[VerifyBackupOptions], found: Backup) -> str:
    """What pg_verifybackup finds, or empty: sizes and sums of all files, and the log it needs."""
    options = attempt.options
    argv = [program(options, "pg_verifybackup"), "--exit-on-error", "--quiet", str(found.data)]
    try:
        await succeed(options, argv, attempt.deadline)
        seen = await control(options, found.data, attempt.deadline)
    except Refused as error:
        return str(error)
    return "" if seen.cluster == found.cluster else f"it is of another cluster: {seen.cluster}"


async def _restored(
    attempt: Attempt[VerifyBackupOptions], found: Backup, scratch: Path
) -> tuple[str, list[dict[str, Any]]]:
    """The first fault or empty, and what was seen on a server restored from a copy."""
    options, deadline = attempt.options, attempt.deadline
    await cleared(options, scratch, deadline)
    try:
        await copied(options, found.data, scratch, deadline)
        seen = await control(options, scratch, deadline)
        settings = settings_of(seen, major(scratch), {**options.settings, "fsync": "off"})
        door = (options.user, DOOR)
        try:
            async with (
                throwaway(options, scratch, settings, door, deadline) as login,
                let_in(login, options.checks, deadline),
            ):
                fault, answers = await asked(login, options.checks, deadline)
        except Refused as error:
            return str(error), []
        after = await control(options, scratch, deadline)
        return fault or ("" if after.clean else f"it was not shut down: {after.state}"), answers
    except BaseException as error:
        deadline = patience(error, deadline)
        raise
    finally:
        await asyncio.shield(cleared(options, scratch, deadline))


async def verify_backup_seen(attempt: Attempt[VerifyBackupOptions]) -> Outcome:
    """Whether this effect has written its proof, and the backup is still the one it is about."""
    try:
        found = await in_thread(attempt.deadline, chosen, attempt.options)
    except Refused as error:
        return failed(str(error))
    proof = await in_thread(attempt.deadline, _earlier, found, attempt.effect.id)
    return failed("this effect has proven nothing yet") if proof is None else _told(found, proof, 0)

"""Taking a base backup into a folder of its own, found again by its key."""

from __future__ import annotations

import asyncio
from pathlib import Path

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import sync_folder
from allstop.adapters.postgresql.backups import (
    KEY_FILE,
    PARTIAL,
    Backup,
    RootOptions,
    folder_name,
    now,
    read_backup,
    write_key,
)
from allstop.adapters.postgresql.local import call, control, program, succeed
from allstop.adapters.postgresql.orders import holding
from allstop.adapters.postgresql.server import (
    Attempt,
    Refused,
    ServerOptions,
    administering,
    identifier,
    in_thread,
    patience,
)
from allstop.adapters.postgresql.session import password
from allstop.domain.effects import Outcome, done, failed
from allstop.domain.policy.tables import Scalar

_CLEARING_MS = 3000


class BackupOptions(ServerOptions, RootOptions):
    """Of which server, and to where."""


def folder_of(options: RootOptions, key: str) -> Path:
    """Where the backup of one effect lies."""
    return Path(options.backup_root) / folder_name(key)


async def backup(attempt: Attempt[BackupOptions]) -> Outcome:
    """Take it, unless it is there already. A folder of this name is complete, or it is not there."""
    options, key = attempt.options, attempt.effect.id
    root, final = Path(options.backup_root), folder_of(options, key)
    if not root.is_dir():
        raise Refused(f"no folder {root}")
    async with holding(final, attempt.deadline):
        if final.exists():
            return await _told(read_backup(final), key, "was taken before", attempt.deadline)
        partial = final.with_name(final.name + PARTIAL)
        async with administering(options, attempt.deadline) as opened:
            cluster = await identifier(opened)
            (spaces,) = await opened.row(
                "SELECT count(*) FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')"
            )
        if spaces:
            raise Refused("the cluster has tablespaces of its own, which are not backed up here")
        await _clear(options, partial, attempt.deadline)
        try:
            await _take(attempt, partial, cluster)
        except (
            BaseException
        ) as error:  # whatever ends it, a cancellation too: tidy up, then let it go on
            await asyncio.shield(_clear(options, partial, patience(error, attempt.deadline)))
            raise
        partial.rename(final)
        sync_folder(root)
        return await _told(read_backup(final), key, "taken", attempt.deadline)


async def _take(attempt: Attempt[BackupOptions], partial: Path, cluster: str) -> None:
    """Into the partial folder. Raises Refused, TimeoutError: then nothing has happened."""
    options, begun = attempt.options, now()
    await succeed(options, ["mkdir", "-m", "700", "--", str(partial)], attempt.deadline)
    write_key(partial, attempt.effect.id, cluster, begun)
    argv = [program(options, "pg_basebackup"), "-D", str(partial / "data"), "--format=plain"]
    argv += ["--checkpoint=fast", "--wal-method=stream", "--manifest-checksums=SHA256"]
    argv += ["--no-password", f"--host={options.host}", f"--port={options.port}"]
    argv += [f"--username={options.user}", f"--label=allstop {partial.name.removesuffix(PARTIAL)}"]
    secret = password(options)
    env = {"PGSSLMODE": options.sslmode, "PGAPPNAME": "allstop", "PGGSSENCMODE": "disable"}
    if options.root_certificate:
        env["PGSSLROOTCERT"] = options.root_certificate
    if secret is not None:
        env["PGPASSWORD"] = secret  # never among the arguments, which everybody can read
    ended = await call(options, argv, attempt.deadline, env)
    if ended.code is None:
        raise Refused("no end in time; nothing of it counts as a backup")
    if ended.code != 0:
        lines = ended.errors.decode("utf-8", "replace").strip().splitlines()
        raise Refused(lines[-1] if lines else f"pg_basebackup: exit code {ended.code}")
    seen = await control(options, partial / "data", attempt.deadline)
    if seen.cluster != cluster:
        raise Refused(f"another cluster was backed up: {seen.cluster}, not {cluster}")


async def _clear(options: BackupOptions, partial: Path, until: Deadline) -> None:
    """Take away what an attempt of this very effect has left: until the deadline, and a moment in any case."""
    if partial.is_dir():
        deadline = max(until, Deadline.within(_CLEARING_MS), key=lambda each: each.at_ns)
        await call(options, ["rm", "-rf", "--", str(partial)], deadline)


async def _told(found: Backup, key: str, how: str, deadline: Deadline) -> Outcome:
    if found.key != key:
        raise Refused(f"{found.folder} is the backup of another effect")
    facts: dict[str, Scalar] = {
        "backup": found.folder.name,
        "copy": found.folder.name,
        "system_identifier": found.cluster,
        "taken_at": found.taken_at.isoformat(timespec="seconds"),
        "manifest_sha256": await in_thread(deadline, found.manifest),
    }
    return done(f"{found.folder.name} {how}; no restore has proven it yet", facts)


async def backup_seen(attempt: Attempt[BackupOptions]) -> Outcome:
    """Whether this effect's backup lies there, complete."""
    final = folder_of(attempt.options, attempt.effect.id)
    if not (final / KEY_FILE).is_file():
        return failed(f"no backup {final.name}")
    return await _told(read_backup(final), attempt.effect.id, "was taken", attempt.deadline)

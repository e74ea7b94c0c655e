"""Actuator `postgres`: all its verbs, and what carries each of them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.postgresql.activity import activity
from allstop.adapters.postgresql.backups import BackupChoice, RootOptions, chosen
from allstop.adapters.postgresql.fencing import (
    DatabaseOptions,
    TerminateOptions,
    fence,
    fence_seen,
    terminate,
    unfence,
    unfence_seen,
)
from allstop.adapters.postgresql.local import ProgramOptions, call, check_version, program
from allstop.adapters.postgresql.proving import (
    VerifyBackupOptions,
    verify_backup,
    verify_backup_seen,
)
from allstop.adapters.postgresql.restoring import RestoreOptions, proven, restore, restore_seen
from allstop.adapters.postgresql.running import (
    ClusterOptions,
    promote,
    promote_seen,
    start,
    start_seen,
    stop,
    stop_seen,
)
from allstop.adapters.postgresql.server import (
    Attempt,
    Refused,
    ServerOptions,
    Verb,
    administering,
    identifier,
    in_thread,
    looked,
    observed,
    settled,
)
from allstop.adapters.postgresql.session import check_driver
from allstop.adapters.postgresql.statements import SqlOptions, sql, sql_seen
from allstop.adapters.postgresql.taking import BackupOptions, backup, backup_seen
from allstop.adapters.postgresql.wal import SwitchWalOptions, checkpoint, switch_wal
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed

_AGAIN, _MARKED = Repeat.REPEATABLE, Repeat.PROBE

VERBS = (
    Verb(
        VerbInfo(
            "checkpoint",
            "Writes a checkpoint and reads back where it begins.",
            _AGAIN,
            ServerOptions,
        ),
        checkpoint,
    ),
    Verb(
        VerbInfo(
            "switch-wal",
            "Ends the current log segment and sees it whole in the archive.",
            _AGAIN,
            SwitchWalOptions,
        ),
        switch_wal,
    ),
    Verb(
        VerbInfo(
            "fence",
            "Lets nobody into a database any more, ends the open sessions, and is refused itself.",
            _AGAIN,
            DatabaseOptions,
            "unfence",
        ),
        fence,
        fence_seen,
    ),
    Verb(
        VerbInfo("unfence", "Lets sessions in again, and gets in.", _AGAIN, DatabaseOptions),
        unfence,
        unfence_seen,
    ),
    Verb(
        VerbInfo(
            "terminate",
            "Ends the sessions of a database, all or those idle in a transaction.",
            _AGAIN,
            TerminateOptions,
        ),
        terminate,
    ),
    Verb(
        VerbInfo("backup", "Takes a base backup into a folder of its own.", _MARKED, BackupOptions),
        backup,
        backup_seen,
    ),
    Verb(
        VerbInfo(
            "verify-backup",
            "Proves a backup: verifies its manifest, restores a private server from a copy, and asks it.",
            _MARKED,
            VerifyBackupOptions,
        ),
        verify_backup,
        verify_backup_seen,
    ),
    Verb(
        VerbInfo(
            "restore",
            "Makes a data directory as it was at a point in time, from a proven backup and the archive; leaves it stopped.",
            _MARKED,
            RestoreOptions,
        ),
        restore,
        restore_seen,
    ),
    Verb(
        VerbInfo(
            "stop",
            "Stops the server; the control file must say that it was shut down.",
            _AGAIN,
            ClusterOptions,
            "start",
        ),
        stop,
        stop_seen,
    ),
    Verb(
        VerbInfo("start", "Starts the server and asks it who it is.", _AGAIN, ClusterOptions),
        start,
        start_seen,
    ),
    Verb(
        VerbInfo("promote", "Makes a standby a primary and reads it back.", _AGAIN, ClusterOptions),
        promote,
        promote_seen,
    ),
    Verb(
        VerbInfo(
            "sql",
            "Runs one statement in one transaction; refused until a restore has proven a fresh backup, unless it is read-only.",
            _MARKED,
            SqlOptions,
        ),
        sql,
        sql_seen,
    ),
    Verb(
        VerbInfo(
            "activity",
            "Counts sessions by database and state, and says which cluster it is.",
            _AGAIN,
            ServerOptions,
            read_only=True,
        ),
        activity,
    ),
)
_BY_NAME = {verb.info.name: verb for verb in VERBS}


class Postgres:
    """See `info`. Raises ModuleNotFoundError when psycopg is missing."""

    info = AdapterInfo(
        name="postgres",
        summary="Fences, backs up, proves, restores, stops and starts a PostgreSQL cluster.",
        version="1",
        ports=("actuator",),
        verbs=tuple(verb.info for verb in VERBS),
    )

    def __init__(self) -> None:
        check_driver()

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """Carry out one verb. What was asked for and not answered is unknown."""
        verb = _BY_NAME.get(effect.verb)
        if verb is None:
            return failed(f"no verb {effect.verb}")
        options = read_options(verb.info.options, effect.options)
        if isinstance(options, str):
            return failed(options)
        attempt = Attempt(effect, options, Deadline.within(effect.timeout_ms), keep)
        reading = verb.info.read_only or bool(effect.options.get("read_only"))
        return await settled(verb.act(attempt), effect.timeout_ms, reading=reading)

    async def observe(self, effect: Effect) -> Outcome:
        """Look for what this very effect has left: a mark, a folder, a transaction."""
        verb = _BY_NAME.get(effect.verb)
        if verb is None:
            return failed(f"no verb {effect.verb}")
        options = read_options(verb.info.options, effect.options)
        if isinstance(options, str):
            return failed(options)
        if verb.observe is None:
            return failed("it leaves no mark; doing it again does no harm")
        attempt = Attempt(effect, options, Deadline.within(effect.timeout_ms), lambda _: "")
        return await observed(verb.observe(attempt), effect.timeout_ms)

    async def ready(self, verb: str, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """The same for one verb: nobody has to answer at a server that is to be started."""
        info = self.info.verb(verb)
        chosen = read_options(info.options, options) if info else f"no verb {verb}"
        if isinstance(chosen, str):
            return failed(chosen)
        reaching = _reach(chosen, Deadline.within(timeout_ms), login=verb != "start")
        return await looked(reaching, timeout_ms)

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether a verb with these options finds its server, programs and folders. Changes nothing."""
        chosen_by = next(
            (
                found
                for verb in VERBS
                if not isinstance(found := read_options(verb.info.options, options), str)
            ),
            None,
        )
        if chosen_by is None:
            return failed("no verb takes these options")
        return await looked(_reach(chosen_by, Deadline.within(timeout_ms)), timeout_ms)


async def _reach(options: BaseModel, deadline: Deadline, *, login: bool = True) -> Outcome:
    """Log in where there is a server, look for what lies on this machine; the first fault is raised."""
    seen = []
    if isinstance(options, ProgramOptions):
        ended = await call(options, [program(options, "postgres"), "--version"], deadline)
        if ended.code != 0:
            raise Refused(f"{program(options, 'postgres')} does not run")
        seen.append("programs run")
    if isinstance(options, ClusterOptions):
        await check_version(options, options.data, deadline)
        seen.append("they fit the data directory")
    if isinstance(options, RootOptions):
        if not Path(options.backup_root).is_dir():
            raise Refused(f"no folder {options.backup_root}")
        seen.append("the folder of backups is there")
    if isinstance(options, BackupChoice):
        seen.append(await _seen_backup(options, deadline))
    if login and isinstance(options, ServerOptions):
        async with administering(options, deadline) as opened:
            seen.append(f"cluster {await identifier(opened)} answers")
            if isinstance(options, DatabaseOptions | SqlOptions):
                query = "SELECT 1 FROM pg_database WHERE datname = $1"
                if not (await opened.rows(query, [options.database])).rows:
                    raise Refused(f"no database {options.database}")
    return done("; ".join(seen))


async def _seen_backup(options: BackupChoice, deadline: Deadline) -> str:
    """What there is of the backup. Raises Refused for a restore that would be refused."""
    if isinstance(options, RestoreOptions):
        found = await proven(options, deadline)
        return f"{found.folder.name} is proven, and the archive is there"
    found = await in_thread(deadline, chosen, options)
    unproven = await in_thread(deadline, found.unproven)
    return unproven or f"{found.folder.name} is proven"

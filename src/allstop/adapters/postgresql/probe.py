"""Probe `postgres`: whether a server answers, keeps up, is whole, archived and backed up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.postgresql.backups import backups, now
from allstop.adapters.postgresql.checks import shown
from allstop.adapters.postgresql.local import PlainPath
from allstop.adapters.postgresql.server import (
    Refused,
    ServerOptions,
    administering,
    identifier,
    in_thread,
)
from allstop.adapters.postgresql.session import (
    LoginOptions,
    Lost,
    Session,
    StatementError,
    TurnedAway,
    Unreachable,
    check_driver,
    session,
)
from allstop.application.ports import AdapterInfo
from allstop.domain.samples import Sample

Found = tuple[bool | None, str, dict[str, Any]]

_NEEDS = {
    "lag": ("replica",),
    "integrity": ("database", "query"),
    "backup-age": ("backup_root", "at_most_ms"),
}
_LOOK_AGAIN_MS = 300
_DAMAGE = (
    "XX",
    "58",
)  # data or index corrupted, a page that fails its checksum, files that cannot be read
_POLL_SECONDS = 0.02


class PostgresProbeOptions(ServerOptions):
    """What to look at, and what is still good."""

    kind: Literal["answers", "lag", "integrity", "backup-age", "checksums", "archiver"] = Field(
        default="answers",
        title="Kind",
        description="What is measured: see the page of the adapter.",
    )
    role: Literal["any", "primary", "standby"] = Field(
        default="any", title="Role", description="For answers: what the server should be."
    )
    replica: str = Field(
        default="",
        title="Replica",
        description="For lag: application_name of the replica, as the primary's pg_stat_replication has it.",
    )
    replica_host: str = Field(
        default="",
        title="Replica's host",
        description="For lag in time: where the replica itself is asked; port, user and the rest as above unless given.",
    )
    replica_port: int = Field(
        default=5432, ge=1, le=65_535, title="Replica's port", description="Its port."
    )
    at_most_bytes: int = Field(
        default=16_777_216,
        ge=0,
        title="At most, bytes",
        description="For lag: how far behind in the log it may be.",
    )
    at_most_ms: int = Field(
        default=0,
        ge=0,
        title="At most, milliseconds",
        description="For backup-age: how old the newest proven backup may be. For lag: how old the newest replayed commit may be while the replica is behind; 0: only bytes count.",
    )
    database: str = Field(
        default="", title="Database", description="For integrity: where it is asked."
    )
    query: str = Field(
        default="",
        title="Query",
        description="For integrity: must give no row, or one row with the number 0. Runs read-only.",
    )
    backup_root: PlainPath = Field(
        default="", title="Backups", description="For backup-age: the folder of the backups."
    )
    archive_dir: PlainPath = Field(
        default="",
        title="Archive",
        description="For archiver: folder where the segment that was archived last must lie whole.",
    )

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> PostgresProbeOptions:
        missing = [name for name in _NEEDS.get(self.kind, ()) if not getattr(self, name)]
        if missing:
            raise ValueError(f"{self.kind} needs {', '.join(missing)}")
        if self.kind == "lag" and self.at_most_ms and not self.replica_host:
            raise ValueError("lag in time needs replica_host")
        return self


class PostgresProbe:
    """See `info`. Raises ModuleNotFoundError when psycopg is missing."""

    info = AdapterInfo(
        name="postgres",
        summary="Asks a PostgreSQL server: answers, lag, integrity, backup-age, checksums, archiver.",
        version="1",
        ports=("probe",),
        probe_options=PostgresProbeOptions,
    )

    def __init__(self) -> None:
        check_driver()
        self._failures: dict[str, int] = {}

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """One look. No answer is bad; a look that could not be taken is neither good nor bad."""
        chosen = read_options(PostgresProbeOptions, options)
        if isinstance(chosen, str):
            return Sample(name, None, chosen), {}
        deadline = Deadline.within(timeout_ms)
        looks: dict[str, Callable[[PostgresProbeOptions, Deadline], Awaitable[Found]]] = {
            "answers": _answers,
            "lag": _lag,
            "integrity": _integrity,
            "backup-age": _backup_age,
            "checksums": _checksums,
            "archiver": self._archiver,
        }
        try:
            good, text, facts = await looks[chosen.kind](chosen, deadline)
        except Refused as error:
            return Sample(name, None, one_line(str(error))), {}
        except Unreachable as error:
            usable = error.passing or isinstance(error, TurnedAway)
            return Sample(name, False if usable else None, str(error)), {}
        except Lost as error:
            return Sample(name, False, f"{error} ({seconds(timeout_ms)})"), {}
        except StatementError as error:
            # A query that does not run says nothing about the data, unless damage was why.
            damaged = not error.sqlstate or error.sqlstate.startswith(_DAMAGE)
            return Sample(name, False if damaged else None, str(error)), {}
        except (OSError, ValueError) as error:
            return Sample(name, None, one_line(str(error))), {}
        return Sample(name, good, one_line(text)), facts

    async def _archiver(self, options: PostgresProbeOptions, deadline: Deadline) -> Found:
        """Failures must not grow from one look to the next, nor be newer than the last success."""
        async with administering(options, deadline) as opened:
            cluster = await identifier(opened)
            mode, count, last, failing, size = await opened.row(
                "SELECT current_setting('archive_mode'), failed_count, coalesce(last_archived_wal, ''),"
                " coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false),"
                " pg_size_bytes(current_setting('wal_segment_size')) FROM pg_stat_archiver"
            )
        facts = {"failed_count": int(count), "last_archived": str(last)}
        before, self._failures[cluster] = self._failures.get(cluster), int(count)
        if mode == "off":
            return False, "archive_mode is off: nothing is archived", facts
        if failing:
            return (
                False,
                f"archiving fails: {count} failures, the last one newer than any success",
                facts,
            )
        if before is not None and int(count) > before:
            return False, f"{int(count) - before} failures since the last look", facts
        if options.archive_dir and len(str(last)) == 24:
            fault = await in_thread(
                deadline, _missing, Path(options.archive_dir) / str(last), int(size)
            )
            if fault:
                return False, f"{last} counts as archived, but {fault}", facts
        return True, f"last archived: {last or 'nothing yet'}; {count} failures in all", facts


def _missing(path: Path, size: int) -> str:
    """What is wrong with a segment in the archive, or empty. Blocking."""
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        return "it is not in the archive"
    return "" if found == size else f"the archive has {found} of its {size} bytes"


async def _answers(options: PostgresProbeOptions, deadline: Deadline) -> Found:
    async with administering(options, deadline) as opened:
        (standby,) = await opened.row("SELECT pg_is_in_recovery()")
        cluster = await identifier(opened)
    role = "standby" if standby else "primary"
    facts = {"role": role, "system_identifier": cluster}
    if options.role not in ("any", role):
        return False, f"it answers as a {role}, not as a {options.role}", facts
    return True, f"it answers as a {role}", facts


async def _lag(options: PostgresProbeOptions, deadline: Deadline) -> Found:
    """By the primary's word, in bytes. Time counts only while there is something to catch up with:
    on an idle primary the newest replayed commit gets older and older, and nothing is missing."""
    async with administering(options, deadline) as opened:
        (standby,) = await opened.row("SELECT pg_is_in_recovery()")
        if standby:
            raise Refused("it is a standby: ask the primary")
        found = await opened.rows(_BEHIND, [options.replica], 2)
        if not found.rows:
            return False, f"no replica {options.replica} is connected", {}
        if len(found.rows) > 1:
            raise Refused(f"several replicas are called {options.replica}")
        state, behind, lsn = found.rows[0]
        facts: dict[str, Any] = {"lag_bytes": int(behind), "state": str(state)}
        if state != "streaming":
            return False, f"the replica is in state {state}, {behind} bytes behind", facts
        if behind > options.at_most_bytes:
            return False, f"{behind} bytes behind, more than {options.at_most_bytes}", facts
        if not options.at_most_ms:
            return True, f"{behind} bytes behind", facts
        if not behind:
            return True, "0 bytes behind; its time says nothing then", facts
        if await _caught_up(opened, options.replica, str(lsn)):
            return True, f"was {behind} bytes behind, and has caught up with them", facts
    late = await _replayed_ms_ago(options, deadline)
    facts["lag_ms"] = late
    if late is None or late > options.at_most_ms:
        since = (
            "has replayed no commit"
            if late is None
            else f"last replayed a commit {seconds(late)} ago"
        )
        return False, f"{behind} bytes behind, and {since}", facts
    return True, f"{behind} bytes and at most {seconds(late)} behind", facts


_BEHIND = """
    SELECT state, greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(replay_lsn, '0/0')), 0)::bigint,
           pg_current_wal_lsn()::text
    FROM pg_stat_replication WHERE application_name = $1
"""


async def _caught_up(opened: Session, replica: str, lsn: str) -> bool:
    """Whether what was missing at the first look arrives at once: then nothing is late."""
    again = Deadline.within(min(_LOOK_AGAIN_MS, opened.deadline.left_ms() // 2))
    while not again.passed():
        query = (
            "SELECT replay_lsn >= $2::pg_lsn FROM pg_stat_replication WHERE application_name = $1"
        )
        found = (await opened.rows(query, [replica, lsn], 1)).rows
        if found and found[0][0]:
            return True
        await asyncio.sleep(_POLL_SECONDS)
    return False


async def _replayed_ms_ago(options: PostgresProbeOptions, deadline: Deadline) -> int | None:
    """How long ago the newest commit that the replica has replayed was made; by its own clock."""
    names = LoginOptions.model_fields
    own = {name: getattr(options, name) for name in names}
    login = LoginOptions(**{**own, "host": options.replica_host, "port": options.replica_port})
    async with session(login, options.maintenance_database, deadline) as opened:
        (ago,) = await opened.row(
            "SELECT (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint"
        )
    return None if ago is None else max(0, int(ago))


async def _integrity(options: PostgresProbeOptions, deadline: Deadline) -> Found:
    async with session(options, options.database, deadline, ours=False) as opened:
        if options.system_identifier and await identifier(opened) != options.system_identifier:
            raise Refused("another cluster answers there")
        await opened.do("BEGIN READ ONLY")
        found = await opened.rows(options.query, most=1)
    if not found.rows:
        return True, "no rows", {}
    value = found.rows[0][0]
    single = len(found.columns) == 1 and not found.more
    if single and not isinstance(value, bool) and value == 0:
        return True, "0", {}
    return False, f"it gives {shown(value)}" if single else "it gives rows", {}


async def _backup_age(options: PostgresProbeOptions, deadline: Deadline) -> Found:
    return await in_thread(deadline, _newest_proven, options)


def _newest_proven(options: PostgresProbeOptions) -> Found:
    """By the files alone: it must be known also when the server is down. Blocking."""
    every = backups(Path(options.backup_root))
    if options.system_identifier:
        every = [one for one in every if one.cluster == options.system_identifier]
    elif len({one.cluster for one in every}) > 1:
        raise Refused(
            f"{options.backup_root} holds backups of several clusters: give system_identifier"
        )
    why = "there is no backup"
    for one in every:
        why = one.unproven()
        if why:
            continue
        age = (now() - one.taken_at) // timedelta(milliseconds=1)
        facts = {"backup": one.folder.name, "age_ms": age}
        if age < 0:
            return None, f"{one.folder.name} is dated in the future", facts
        good = age <= options.at_most_ms
        return good, f"{one.folder.name}, taken {seconds(age // 1000 * 1000)} ago, is proven", facts
    return False, why, {}


async def _checksums(options: PostgresProbeOptions, deadline: Deadline) -> Found:
    async with administering(options, deadline) as opened:
        enabled, count, names = await opened.row(
            "SELECT current_setting('data_checksums'), coalesce(sum(checksum_failures), 0)::bigint,"
            " coalesce(string_agg(coalesce(datname, 'shared'), ', ') FILTER (WHERE checksum_failures > 0), '')"
            " FROM pg_stat_database"
        )
    if enabled != "on":
        return None, "the cluster keeps no checksums, so nothing can be seen", {}
    facts = {"checksum_failures": int(count)}
    return (not count), f"{count} failures {names}" if count else "no failures", facts

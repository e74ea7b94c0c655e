"""What the probe `postgres` looks at, one look a kind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.text import seconds
from allstop.adapters.postgresql.backups import backups, now
from allstop.adapters.postgresql.checks import shown
from allstop.adapters.postgresql.fencing import SESSIONS
from allstop.adapters.postgresql.local import ProgramOptions, control, occupants, postmaster
from allstop.adapters.postgresql.probe_options import PostgresProbeOptions
from allstop.adapters.postgresql.server import Refused, administering, identifier, in_thread
from allstop.adapters.postgresql.session import LoginOptions, Session, TurnedAway, session

Found = tuple[bool | None, str, dict[str, Any]]
"""Good, bad or not known; what was seen; facts."""

_LOOK_AGAIN_MS = 300
_POLL_SECONDS = 0.02


def missing(path: Path, size: int) -> str:
    """What is wrong with a segment in the archive, or empty. Blocking."""
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        return "it is not in the archive"
    return "" if found == size else f"the archive has {found} of its {size} bytes"


async def archiver(options: PostgresProbeOptions, deadline: Deadline) -> tuple[int, Found]:
    """How often archiving has failed in all, and whether it works now: the last failure must not be newer
    than the last success, and what counts as archived must lie there."""
    async with administering(options, deadline) as opened:
        mode, count, last, failing, size = await opened.row(
            "SELECT current_setting('archive_mode'), failed_count, coalesce(last_archived_wal, ''),"
            " coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false),"
            " pg_size_bytes(current_setting('wal_segment_size')) FROM pg_stat_archiver"
        )
    facts = {"failed_count": int(count), "last_archived": str(last)}
    good, text = True, f"last archived: {last or 'nothing yet'}; {count} failures in all"
    if mode == "off":
        good, text = False, "archive_mode is off: nothing is archived"
    elif failing:
        good, text = False, f"archiving fails: {count} failures, the last newer than any success"
    elif options.archive_dir and len(str(last)) == 24:
        path = Path(options.archive_dir) / str(last)
        fault = await in_thread(deadline, missing, path, int(size))
        if fault:
            good, text = False, f"{last} counts as archived, but {fault}"
    return int(count), (good, text, facts)


async def admission(options: PostgresProbeOptions, deadline: Deadline) -> Found:
    """Whether a fresh session gets into a database. Closed means: it is refused, by the server and for that
    reason, and no older session is left inside."""
    name = options.database
    async with administering(options, deadline) as opened:
        found = await opened.rows("SELECT datallowconn FROM pg_database WHERE datname = $1", [name])
        if not found.rows:
            raise Refused(f"no database {name}")
        allowed = bool(found.rows[0][0])
        inside = len((await opened.rows(SESSIONS, [name])).rows)
    facts = {"allowed": allowed, "sessions": inside}
    try:
        async with session(options, name, deadline) as fresh:
            await fresh.row("SELECT 1")
            refusal = ""
    except TurnedAway as error:
        if error.passing:
            raise
        refusal = str(error)
    if options.expect == "open":
        return not refusal, refusal or "a fresh session gets in", facts
    if not refusal or allowed:
        return (
            False,
            "a fresh session gets in" if not refusal else f"not closed, but {refusal}",
            facts,
        )
    if inside:
        return False, f"closed, but {inside} sessions are still inside", facts
    return True, f"a fresh session is refused: {refusal}", facts


async def stopped(options: PostgresProbeOptions, deadline: Deadline) -> Found:
    """Whether nothing runs on a data directory, and its control file says that it was shut down."""
    programs = ProgramOptions(bin_dir=options.bin_dir, run_as=options.run_as)
    data = Path(options.data_dir)
    running = await in_thread(deadline, postmaster, data)
    left = await in_thread(deadline, occupants, data)
    if running is not None or left:
        return False, f"{max(1, len(left))} processes run on {data}", {"processes": len(left)}
    seen = await control(programs, data, deadline)
    facts = {"state": seen.state, "system_identifier": seen.cluster}
    return seen.clean, f"the control file says: {seen.state}", facts


async def answers(options: PostgresProbeOptions, deadline: Deadline) -> Found:
    async with administering(options, deadline) as opened:
        (standby,) = await opened.row("SELECT pg_is_in_recovery()")
        cluster = await identifier(opened)
    role = "standby" if standby else "primary"
    facts = {"role": role, "system_identifier": cluster}
    if options.role not in ("any", role):
        return False, f"it answers as a {role}, not as a {options.role}", facts
    return True, f"it answers as a {role}", facts


async def lag(options: PostgresProbeOptions, deadline: Deadline) -> Found:
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


async def integrity(options: PostgresProbeOptions, deadline: Deadline) -> Found:
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


async def backup_age(options: PostgresProbeOptions, deadline: Deadline) -> Found:
    """How long ago the newest backup was begun, that a restore has proven unless that is not asked for. By
    the files alone: it must be known also while the server is down."""
    return await in_thread(deadline, _newest, options)


def _newest(options: PostgresProbeOptions) -> Found:
    every = backups(Path(options.backup_root))
    if options.system_identifier:
        every = [one for one in every if one.cluster == options.system_identifier]
    elif len({one.cluster for one in every}) > 1:
        raise Refused(f"{options.backup_root} is of several clusters: give system_identifier")
    why = "there is no backup"
    for one in every:
        why = one.unproven()
        if why and options.proven:
            continue
        age = (now() - one.taken_at) // timedelta(milliseconds=1)
        facts = {"backup": one.folder.name, "age_ms": age, "proven": not why}
        if age < 0:
            return None, f"{one.folder.name} is dated in the future", facts
        text = f"{one.folder.name}, begun {seconds(age // 1000 * 1000)} ago, {why or 'is proven'}"
        return age <= options.at_most_ms, text, facts
    return False, why, {}


async def checksums(options: PostgresProbeOptions, deadline: Deadline) -> Found:
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


LOOKS: Mapping[str, Callable[[PostgresProbeOptions, Deadline], Awaitable[Found]]] = {
    "answers": answers,
    "admission": admission,
    "lag": lag,
    "integrity": integrity,
    "backup-age": backup_age,
    "checksums": checksums,
    "stopped": stopped,
}
"""By kind. `archiver` is not among them: whoever asks for it also has to remember the last count."""

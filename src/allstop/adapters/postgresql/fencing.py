"""Fencing one database: nobody gets in, whoever was in is out, and it is read back from outside.

A read-only default would be no fence: any client lifts it with one SET. ALLOW_CONNECTIONS refuses
even superusers, but says nothing to sessions that are open already; those are ended.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field, model_validator

from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.postgresql.server import Attempt, Refused, ServerOptions, administering
from allstop.adapters.postgresql.session import (
    Session,
    StatementError,
    TurnedAway,
    quoted,
    session,
)
from allstop.domain.effects import Outcome, done, failed
from allstop.domain.policy.tables import Scalar

# One writer at a time, in the maintenance database; the number means nothing.
_LOCK = 4_104_270_911
_MARK = re.compile(r"^allstop\.fence=([0-9]{1,18}) (fenced|open) (open|closed)$")
_FOUND = """
    SELECT d.oid::bigint, d.datallowconn, coalesce((
        SELECT c FROM pg_db_role_setting s, unnest(s.setconfig) c
        WHERE s.setdatabase = d.oid AND s.setrole = 0 AND c LIKE 'allstop.fence=%'), '')
    FROM pg_database d WHERE d.datname = $1
"""
# To a role without the right to see them, other people's sessions have no kind, start or state.
SESSIONS = """
    SELECT pid, coalesce(backend_start::text, '') FROM pg_stat_activity
    WHERE datname = $1 AND pid <> pg_backend_pid() AND (backend_type IS NULL
        OR backend_type IN ('client backend', 'walsender', 'parallel worker'))
"""
_HIDDEN = f"{SESSIONS} AND backend_type IS NULL"
_IDLE = f"""{SESSIONS}
      AND state LIKE 'idle in transaction%'
      AND state_change <= now() - $2 * interval '1 millisecond'
"""


class DatabaseOptions(ServerOptions):
    """Which database."""

    database: str = Field(
        min_length=1, title="Database", description="Its exact name; not the maintenance database."
    )

    @model_validator(mode="after")
    def _leaves_a_door(self) -> DatabaseOptions:
        if self.database == self.maintenance_database:
            raise ValueError(
                "database and maintenance_database must differ: our own session needs one"
            )
        return self


class TerminateOptions(DatabaseOptions):
    """Whose sessions end."""

    which: Literal["all", "idle-in-transaction"] = Field(
        title="Which", description="All sessions of the database, or those idle in a transaction."
    )
    idle_ms: int = Field(
        default=0,
        ge=0,
        title="Idle for",
        description="Milliseconds they must have been idle; only for idle-in-transaction.",
    )


@dataclass(frozen=True, slots=True)
class _Standing:
    """A database as it is. epoch: of the last order about it; before: whether it was open then."""

    open: bool
    epoch: int
    fenced: bool
    was_open: bool


async def _standing(opened: Session, name: str) -> _Standing:
    found = (await opened.rows(_FOUND, [name], 1)).rows
    if not found:
        raise Refused(f"no database {name}")
    _, is_open, text = found[0]
    mark = _MARK.match(str(text))
    if mark is None:
        return _Standing(bool(is_open), -1, False, bool(is_open))
    return _Standing(bool(is_open), int(mark[1]), mark[2] == "fenced", mark[3] == "open")


async def _ordered(opened: Session, attempt: Attempt[DatabaseOptions], *, fence: bool) -> _Standing:
    """Write mark and state together; the state before. Raises Refused for an older order."""
    name, epoch = attempt.options.database, attempt.effect.epoch
    await opened.do("BEGIN")
    await opened.rows("SELECT pg_advisory_xact_lock($1)", [_LOCK])
    before = await _standing(opened, name)
    if before.epoch > epoch:
        raise Refused(f"a newer order stands: {before.epoch}, not {epoch}")
    was_open = before.was_open if before.fenced else before.open
    allowed = was_open and not fence
    mark = f"{epoch} {'fenced' if fence else 'open'} {'open' if was_open else 'closed'}"
    await opened.do(f"ALTER DATABASE {quoted(name)} SET allstop.fence = '{mark}'")
    await opened.do(f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS {str(allowed).lower()}")
    await opened.do("COMMIT")
    return before


async def fence(attempt: Attempt[DatabaseOptions]) -> Outcome:
    """Refuse new sessions, end the open ones, and see from a fresh connection that it holds."""
    name = attempt.options.database
    async with administering(attempt.options, attempt.deadline) as opened:
        await _ordered(opened, attempt, fence=True)
        ended, left = await _end(opened, name, SESSIONS, [name])
        refusal = await _refusal(attempt)
        # Whoever was let in just before the fence shows up only now.
        late, left = await _end(opened, name, SESSIONS, [name]) if not left else (0, left)
        prepared = await _prepared(opened, name)
    ended += late
    facts: dict[str, Scalar] = {"sessions_ended": ended, "prepared_transactions": prepared}
    if not refusal:
        return failed(f"{name} still lets a fresh connection in", facts)
    if left:
        return failed(f"{name} takes no new sessions, but {left} would not end", facts)
    more = f"; {prepared} prepared transactions still hold their locks" if prepared else ""
    return done(
        one_line(f"{ended} sessions ended; a fresh connection was refused: {refusal}{more}"), facts
    )


async def unfence(attempt: Attempt[DatabaseOptions]) -> Outcome:
    """Let sessions in again, and get in; what was closed before the fence stays closed."""
    name = attempt.options.database
    async with administering(attempt.options, attempt.deadline) as opened:
        before = await _ordered(opened, attempt, fence=False)
    if not (before.was_open if before.fenced else before.open):
        return failed(f"{name} was closed before Allstop fenced it, and stays so")
    refusal = await _refusal(attempt)
    if refusal:
        return failed(one_line(f"{name} still refuses: {refusal}"))
    return done(f"a fresh connection got into {name}")


async def fence_seen(attempt: Attempt[DatabaseOptions]) -> Outcome:
    """Whether this order's fence stands, by its mark, and by a fresh connection."""
    standing = await _seen(attempt)
    ours = standing.fenced and standing.epoch == attempt.effect.epoch and not standing.open
    if not ours:
        return failed("no fence of this order stands")
    if not await _refusal(attempt):
        return failed("a fresh connection gets in")
    async with administering(attempt.options, attempt.deadline) as opened:
        name = attempt.options.database
        left = len((await opened.rows(SESSIONS, [name])).rows)
    return (
        failed(f"{left} sessions are still open")
        if left
        else done("the fence of this order stands")
    )


async def unfence_seen(attempt: Attempt[DatabaseOptions]) -> Outcome:
    """Whether this order lifted the fence."""
    standing = await _seen(attempt)
    if standing.fenced or standing.epoch != attempt.effect.epoch or not standing.open:
        return failed("this order has not lifted a fence")
    return failed("a fresh connection is refused") if await _refusal(attempt) else done("open")


async def _seen(attempt: Attempt[DatabaseOptions]) -> _Standing:
    async with administering(attempt.options, attempt.deadline) as opened:
        return await _standing(opened, attempt.options.database)


async def _refusal(attempt: Attempt[DatabaseOptions]) -> str:
    """How the server turns a fresh connection away; empty when it lets us in. Raises Unreachable."""
    try:
        async with session(attempt.options, attempt.options.database, attempt.deadline) as fresh:
            await fresh.row("SELECT 1")
            return ""
    except TurnedAway as error:
        if error.passing:
            raise  # too many clients, or starting up: no proof of a fence
        return str(error)


async def _prepared(opened: Session, name: str) -> int:
    (found,) = await opened.row(
        "SELECT count(*) FROM pg_prepared_xacts WHERE database = $1", [name]
    )
    return int(found)


async def _end(
    opened: Session, name: str, query: str, parameters: Sequence[object]
) -> tuple[int, int]:
    """End the sessions a query names; how many are gone, and how many are still there."""
    wanted = {(int(pid), str(since)) for pid, since in (await opened.rows(query, parameters)).rows}
    for pid, since in sorted(wanted):
        await _terminate(opened, pid, since)
    left = wanted
    while left and not opened.deadline.passed():
        there = (await opened.rows(SESSIONS, [name])).rows
        left = wanted & {(int(pid), str(since)) for pid, since in there}
        if left:
            await asyncio.sleep(0.02)
    return len(wanted) - len(left), len(left)


async def _terminate(opened: Session, pid: int, since: str) -> None:
    # The number alone could have gone to a session of another database by now.
    statement = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid = $1 AND coalesce(backend_start::text, '') = $2"
    )
    try:
        await opened.rows(statement, [pid, since])
    except StatementError as error:
        if error.sqlstate != "42501":
            raise  # not allowed to end this one: it shows up as still there


async def terminate(attempt: Attempt[TerminateOptions]) -> Outcome:
    """End sessions, and see that these very ones are gone. New ones may come: a fence stops that."""
    options, name = attempt.options, attempt.options.database
    idle = options.which == "idle-in-transaction"
    query, parameters = (_IDLE, [name, options.idle_ms]) if idle else (SESSIONS, [name])
    async with administering(options, attempt.deadline) as opened:
        await _standing(opened, name)
        hidden = len((await opened.rows(_HIDDEN, [name])).rows) if idle else 0
        if hidden:
            raise Refused(f"what {hidden} sessions do is hidden from {options.user}")
        ended, left = await _end(opened, name, query, parameters)
    facts: dict[str, Scalar] = {"sessions_ended": ended, "sessions_left": left}
    if left:
        return failed(f"{left} sessions of {name} would not end", facts)
    return done(f"{ended} sessions of {name} ended", facts)

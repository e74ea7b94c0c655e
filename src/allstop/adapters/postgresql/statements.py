"""A statement from the documents: refused until a restore has proven a fresh backup.

Before the statement runs, the number of its transaction is written down beside the backups. So after
any crash the server itself can say whether it was committed, and it is never run twice.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import Field, model_validator

from allstop.adapters.mechanisms.files import beginning, replace
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.postgresql.backups import folder_name, fresh_proof
from allstop.adapters.postgresql.checks import shown
from allstop.adapters.postgresql.local import PlainPath
from allstop.adapters.postgresql.orders import holding
from allstop.adapters.postgresql.server import (
    Attempt,
    Refused,
    ServerOptions,
    Unsettled,
    administering,
    identifier,
    in_thread,
)
from allstop.adapters.postgresql.session import Lost, Rows, Session, session
from allstop.domain.effects import Outcome, done, failed
from allstop.domain.policy.tables import Scalar

_JOURNAL = "statements"
_NOTED = ("key", "system_identifier", "timeline", "transaction")
_TIMELINE = "substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)"
_EVIDENCE_ROWS = 1000
_EVIDENCE_BYTES = 65_536


class SqlOptions(ServerOptions):
    """Which statement, where, and under whose protection."""

    database: str = Field(min_length=1, title="Database", description="Where it runs.")
    statement: str = Field(
        min_length=1,
        title="Statement",
        description="One statement; parameters are $1, $2 and so on. It runs in one transaction.",
    )
    parameters: list[int | str | bool | None] = Field(
        default_factory=list, title="Parameters", description="Values of $1, $2 and so on."
    )
    read_only: bool = Field(
        default=False,
        title="Read only",
        description="Runs it in a read-only transaction, which needs no backup; the answer is kept as evidence.",
    )
    lock_timeout_ms: int = Field(
        default=2000,
        ge=1,
        title="Lock time-out",
        description="Milliseconds to wait for a lock, so that it does not queue up everybody behind it.",
    )
    at_most_rows: int | None = Field(
        default=None,
        ge=0,
        title="At most",
        description="Rows it may touch; when it touches more it is rolled back.",
    )
    backup_root: PlainPath = Field(
        default="", title="Backups", description="Folder of the backups; needed unless read_only."
    )
    proven_within_ms: int = Field(
        default=3_600_000,
        ge=1,
        title="Proven within",
        description="A backup must have been taken, and proven by a restore, within this many milliseconds.",
    )

    @model_validator(mode="after")
    def _is_protected(self) -> SqlOptions:
        if not self.read_only and not self.backup_root:
            raise ValueError("backup_root is needed unless read_only is true")
        return self


async def sql(attempt: Attempt[SqlOptions]) -> Outcome:
    """Run it. One that changes something is refused until a restore has proven a fresh backup."""
    if attempt.options.read_only:
        return await _read(attempt)
    root = Path(attempt.options.backup_root)
    if not root.is_dir():
        raise Refused(f"no folder {root}")
    journal = root / _JOURNAL
    journal.mkdir(mode=0o700, exist_ok=True)
    path = journal / f"{folder_name(attempt.effect.id)}.json"
    async with holding(path, attempt.deadline):
        async with administering(attempt.options, attempt.deadline) as opened:
            cluster = await identifier(opened)
            fate = await _fate(opened, path, attempt.effect.id, cluster)
        if fate == "committed":
            return done("was committed before; not run again")
        if fate == "unknown":
            raise Unsettled("an earlier attempt may be under way, or is too old to tell")
        proof, why = await in_thread(
            attempt.deadline, fresh_proof, root, cluster, attempt.options.proven_within_ms
        )
        if proof is None:
            hint = f"take one and prove it: allstop plan snapshot {attempt.effect.target}"
            raise Refused(f"no proven backup, so nothing is changed: {why}; {hint}")
        return await _change(attempt, path, cluster, proof.folder.name)


async def _change(attempt: Attempt[SqlOptions], path: Path, cluster: str, backup: str) -> Outcome:
    options = attempt.options
    async with session(options, options.database, attempt.deadline, ours=False) as opened:
        await _same_cluster(opened, cluster)
        await opened.do("BEGIN")
        await opened.do(f"SET LOCAL lock_timeout = {options.lock_timeout_ms}")
        number, timeline = await opened.row(f"SELECT pg_current_xact_id()::text, {_TIMELINE}")
        noted = (attempt.effect.id, cluster, str(timeline), str(number))
        await in_thread(attempt.deadline, _note, path, noted)
        try:
            touched, _ = await opened.run(options.statement, options.parameters)
        except Lost as error:
            raise Unsettled(f"{error}; transaction {number} tells what became of it") from None
        if not opened.in_transaction():
            raise Unsettled(f"the statement ended transaction {number} by itself")
        facts: dict[str, Scalar] = {"rows": touched, "transaction": str(number), "backup": backup}
        if options.at_most_rows is not None and touched > options.at_most_rows:
            await opened.do("ROLLBACK")
            return failed(f"{touched} rows, more than {options.at_most_rows}: rolled back", facts)
        await opened.do("COMMIT")
        (fate,) = await opened.row("SELECT pg_xact_status($1::text::xid8)", [str(number)])
    if fate != "committed":
        raise Unsettled(f"transaction {number} is {fate}")
    return done(f"{touched} rows; transaction {number} is committed; backup {backup} stands", facts)


async def _same_cluster(opened: Session, cluster: str) -> None:
    if await identifier(opened) != cluster:
        raise Refused("two connections met two clusters")


def _note(path: Path, noted: tuple[str, str, str, str]) -> None:
    """Write down which transaction is this effect's, before it does anything. Raises OSError."""
    body = dict(zip(_NOTED, noted, strict=True)) | {"v": 1}
    replace(path, json.dumps(body) + "\n", mode=0o600)


async def _fate(opened: Session, path: Path, key: str, cluster: str) -> str:
    """What became of this effect's transaction: none, committed, aborted or unknown."""
    try:
        body = json.loads(beginning(path, 4096))
        noted = [str(body[name]) for name in _NOTED]
    except FileNotFoundError:
        return "none"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unsettled(
            f"the note {path.name} makes no sense: {one_line(str(error), 80)}"
        ) from None
    (timeline,) = await opened.row(f"SELECT {_TIMELINE}")
    # After a restore to an earlier moment the same number belongs to another transaction.
    if noted[:3] != [key, cluster, str(timeline)]:
        raise Unsettled(f"the note {path.name} is of another effect, cluster or timeline")
    (fate,) = await opened.row("SELECT pg_xact_status($1::text::xid8)", [noted[3]])
    return str(fate) if fate in ("committed", "aborted") else "unknown"


async def sql_seen(attempt: Attempt[SqlOptions]) -> Outcome:
    """Whether the statement was committed, by the server's own record of its transaction."""
    if attempt.options.read_only:
        return failed("a reading changes nothing")
    name = f"{folder_name(attempt.effect.id)}.json"
    path = Path(attempt.options.backup_root) / _JOURNAL / name
    if not path.is_file():
        return failed("no transaction of this effect was begun")
    async with administering(attempt.options, attempt.deadline) as opened:
        fate = await _fate(opened, path, attempt.effect.id, await identifier(opened))
    if fate == "committed":
        return done("its transaction is committed")
    if fate == "aborted":
        return failed("its transaction was rolled back")
    raise Unsettled("the server does not know its transaction, or it is under way")


async def _read(attempt: Attempt[SqlOptions]) -> Outcome:
    options = attempt.options
    async with session(options, options.database, attempt.deadline, ours=False) as opened:
        if options.system_identifier:
            await _same_cluster(opened, options.system_identifier)
        await opened.do("BEGIN READ ONLY")
        await opened.do(f"SET LOCAL lock_timeout = {options.lock_timeout_ms}")
        answer = await opened.rows(options.statement, options.parameters, _EVIDENCE_ROWS)
    facts: dict[str, Scalar] = {"rows": len(answer.rows), "more": answer.more}
    if len(answer.rows) == 1:
        facts |= {one_line(f"value_{name}", 100): shown(value) for name, value in _first(answer)}
    evidence = attempt.keep(_table(answer)) if answer.rows else ""
    more = " and more" if answer.more else ""
    return done(f"{len(answer.rows)} rows{more}", facts, evidence)


def _first(answer: Rows) -> list[tuple[str, object]]:
    return list(zip(answer.columns, answer.rows[0], strict=False))[:32]


def _table(answer: Rows) -> bytes:
    lines = ["\t".join(one_line(name, 100) for name in answer.columns)]
    lines += ["\t".join(shown(value) for value in row) for row in answer.rows]
    body = ("\n".join(lines) + "\n").encode("utf-8", "replace")
    return body if len(body) <= _EVIDENCE_BYTES else body[:_EVIDENCE_BYTES] + b"\n... cut\n"

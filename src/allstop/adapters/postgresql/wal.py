"""Checkpoints, and a WAL segment that is seen to lie in the archive."""

from __future__ import annotations

import asyncio
import hashlib
import re
import struct
from pathlib import Path

from pydantic import Field, field_validator

from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.postgresql.server import (
    Attempt,
    Refused,
    ServerOptions,
    Unsettled,
    administering,
    in_thread,
)
from allstop.adapters.postgresql.session import Session, StatementError
from allstop.domain.effects import Outcome, done, failed
from allstop.domain.policy.tables import Scalar

_NAME = re.compile(r"^[0-9A-F]{24}$")
# Of the first page of a segment: magic, info, timeline, address, rest, system id, sizes.
_HEADER = struct.Struct("=HHIQI4xQII")
_LONG = 0x0002
_CANCELLED = "57014"
_LEAVE_MS = 150  # of the attempt, for saying why


class SwitchWalOptions(ServerOptions):
    """Where segments go."""

    archive_dir: str = Field(
        title="Archive", description="Folder the archive command copies whole segments to."
    )

    @field_validator("archive_dir")
    @classmethod
    def _is_absolute(cls, value: str) -> str:
        if not Path(value).is_absolute():
            raise ValueError("write an absolute path")
        return value


async def checkpoint(attempt: Attempt[ServerOptions]) -> Outcome:
    """Make one, and read back that the newest begins where the log stood when it was asked for."""
    async with administering(attempt.options, attempt.deadline) as opened:
        await _on_primary(opened)
        (before,) = await opened.row("SELECT pg_current_wal_insert_lsn()::text")
        try:
            await opened.do("CHECKPOINT")
        except StatementError as error:
            if error.sqlstate == _CANCELLED:
                raise Unsettled("no checkpoint in time; it may still come to its end") from None
            raise
        lsn, reached = await opened.row(
            "SELECT redo_lsn::text, redo_lsn >= $1::pg_lsn FROM pg_control_checkpoint()", [before]
        )
    facts: dict[str, Scalar] = {"redo_lsn": str(lsn)}
    if not reached:
        return failed(f"the newest checkpoint begins at {lsn}, before {before}", facts)
    return done(f"checkpoint at {lsn}, read back", facts)


async def switch_wal(attempt: Attempt[SwitchWalOptions]) -> Outcome:
    """End the current segment and see it in the archive: whole, and this cluster's."""
    options = attempt.options
    folder = Path(options.archive_dir)
    if not folder.is_dir():
        raise Refused(f"no folder {folder}")
    async with administering(options, attempt.deadline) as opened:
        await _on_primary(opened)
        archiving, size, cluster, failures = await opened.row(
            "SELECT current_setting('archive_mode'), pg_size_bytes(current_setting('wal_segment_size')),"
            " (SELECT system_identifier::text FROM pg_control_system()),"
            " (SELECT failed_count FROM pg_stat_archiver)"
        )
        if archiving == "off":
            raise Refused("archive_mode is off: nothing is archived")
        # One before the end: on a boundary, versions disagree about whose name is meant.
        try:
            (segment,) = await opened.row("SELECT pg_walfile_name(pg_switch_wal() - 1)")
        except StatementError as error:
            if error.sqlstate == _CANCELLED:
                raise Unsettled("no answer in time; the segment may be switched") from None
            raise
        if not _NAME.match(str(segment)):
            raise Unsettled("the server names no segment")
        archived = Archived(folder / str(segment), int(size), str(cluster))
        await _wait(opened, archived, int(failures))
        own = await _own_copy(opened, archived)
    copied = await in_thread(attempt.deadline, archived.sha256)
    facts: dict[str, Scalar] = {"segment": str(segment), "bytes": int(size), "sha256": copied}
    if own and own != copied:
        return failed(f"{segment} lies in the archive, but differs from the server's own", facts)
    compared = "equal to the server's own" if own else "the server's own cannot be read"
    return done(f"{segment} lies in the archive, whole and of this cluster; {compared}", facts)


async def _on_primary(opened: Session) -> None:
    (standby,) = await opened.row("SELECT pg_is_in_recovery()")
    if standby:
        raise Refused("it is a standby, which writes no log of its own")


class Archived:
    """A segment as it should lie in the archive. Blocking."""

    def __init__(self, path: Path, size: int, cluster: str) -> None:
        self.path, self.size, self.cluster = path, size, cluster

    def fault(self) -> str:
        """What is wrong with the file, or empty. An archive command's exit code proves none of it."""
        try:
            found = self.path.stat().st_size
            if found != self.size:
                return f"{found} of {self.size} bytes"
            with self.path.open("rb") as file:
                head = file.read(_HEADER.size)
        except FileNotFoundError:
            return "it is not there"
        except OSError as error:
            return one_line(f"it cannot be read: {error.strerror}")
        if len(head) < _HEADER.size:
            return "it is cut short"
        _, info, timeline, _, _, cluster, size, _ = _HEADER.unpack(head)
        if not info & _LONG or size != self.size or str(cluster) != self.cluster:
            return "it is no segment of this cluster"
        # The first segment of a new timeline begins with pages of the old one.
        newer = timeline > int(self.path.name[:8], 16)
        return "it is of a later timeline" if newer else ""

    def sha256(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


async def _wait(opened: Session, archived: Archived, failures: int) -> None:
    """Until the segment lies there. Raises Unsettled when it does not in time: it still may."""
    while fault := await in_thread(opened.deadline, archived.fault):
        if opened.deadline.left_ms() <= _LEAVE_MS:
            (now,) = await opened.row("SELECT failed_count FROM pg_stat_archiver")
            why = (
                f"; archiving has failed {now - failures} times meanwhile" if now > failures else ""
            )
            raise Unsettled(f"{archived.path.name} was switched, but in the archive {fault}{why}")
        await asyncio.sleep(0.02)


async def _own_copy(opened: Session, archived: Archived) -> str:
    """SHA-256 of the server's own file; empty when it is recycled already, or ours is no right to it."""
    query = "SELECT encode(sha256(pg_read_binary_file('pg_wal/' || $1)), 'hex')"
    try:
        (own,) = await opened.row(query, [archived.path.name])
    except StatementError:
        return ""
    return str(own)

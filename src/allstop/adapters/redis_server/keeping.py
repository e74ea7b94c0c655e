"""Data made safe: on disk and with the replicas (flush), or as a copy elsewhere (snapshot)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.mechanisms.threads import ThreadPool
from allstop.adapters.redis_server.resp import Line, LoginOptions, Refusal, line
from allstop.adapters.redis_server.server import (
    Attempt,
    Busy,
    Info,
    Refused,
    ServerOptions,
    Verb,
    expected,
    info_in,
    read_info,
)
from allstop.adapters.redis_server.snapshots import (
    FolderOptions,
    Manifest,
    Snapshot,
    copied,
    name_of,
    snapshot_of,
    write_manifest,
)
from allstop.domain.effects import Outcome, done, failed
from allstop.domain.policy.tables import Scalar

DISKS = ThreadPool("redis", 8)

_PAUSE_S = 0.05
# The file of a save bears the time of its end; the clocks of two machines differ a little.
_CLOCKS_AGREE_S = 5
# `everysec` asks for a sync each second, once nothing waits: after two of them all is on disk.
_SYNCED_AFTER_US = 2_000_000


class FlushOptions(ServerOptions):
    """Which server's writes are to be safe, and where."""

    replicas: int = Field(
        default=0,
        ge=0,
        title="Replicas",
        description="So many replicas must have every byte; 0: the append-only file alone.",
    )


class SnapshotOptions(ServerOptions, FolderOptions):
    """Which server is to be copied, and where to."""

    rdb_file: str = Field(
        default="",
        title="Dump",
        description="Where this machine sees the dump of a server that runs elsewhere; empty: where the server says it is.",
    )


# --- flush -----------------------------------------------------------------------------------


async def _flush(attempt: Attempt) -> Outcome:
    options: FlushOptions = attempt.options
    async with line(options, attempt.deadline) as opened:
        info = await expected(opened, options)
        if not info.is_primary:
            raise Refused(f"{options.place} is a replica: flush its primary")
        policy = await _policy(opened, info)
        if not policy and not options.replicas:
            raise Refused(
                "it has no append-only file and no replica was asked for: take a snapshot"
            )
        target, quiet_since = info.offset, info.number("server_time_usec")
        while True:
            busy = _not_written(info) if policy else ""
            if busy:
                quiet_since = info.number("server_time_usec")
            lacking = busy or _not_yet(info, policy, quiet_since) or _behind(info, target, options)
            facts = _flush_facts(info, target, policy)
            if not lacking:
                return done(_flushed(policy, options), facts)
            if attempt.deadline.left_ms() < 2 * _PAUSE_S * 1000:
                return failed(lacking, facts)
            await asyncio.sleep(_PAUSE_S)
            info = await read_info(opened)


async def _policy(opened: Line, info: Info) -> str:
    """When the append-only file is synced; empty when there is none. Raises Refused for never."""
    if info.number("aof_enabled") == 0:
        return ""
    policy = await opened.setting("appendfsync") or ""
    if policy not in ("always", "everysec"):
        raise Refused(
            f"appendfsync is {policy or 'not known'}: nothing says when its writes are on disk"
        )
    return policy


def _not_written(info: Info) -> str:
    """What keeps the append-only file from being synced, or empty. Raises Refused when it is broken."""
    if info.text("aof_last_write_status") != "ok":
        raise Refused("the last write of the append-only file failed")
    if info.number("aof_buffer_length") or info.number("aof_pending_bio_fsync"):
        return "the append-only file is not written yet"
    # With no-appendfsync-on-rewrite, nothing is synced while one of these is under way.
    if info.number("aof_rewrite_in_progress") or info.number("rdb_bgsave_in_progress"):
        return "a save or a rewrite is under way"
    return ""


def _not_yet(info: Info, policy: str, quiet_since: int) -> str:
    waited = info.number("server_time_usec") - quiet_since
    if policy == "everysec" and waited < _SYNCED_AFTER_US:
        return "the sync of every second has not come round yet"
    return ""


def _behind(info: Info, target: int, options: FlushOptions) -> str:
    have = info.caught_up(target)
    if have >= options.replicas:
        return ""
    online = [one.offset for one in info.replicas if one.online]
    lag = f", the best lacks {target - max(online)} bytes" if online else ""
    return f"{have} of {options.replicas} replicas have everything{lag}"


def _flushed(policy: str, options: FlushOptions) -> str:
    parts = [f"the append-only file is on disk (appendfsync {policy})"] if policy else []
    if options.replicas:
        parts.append(f"{options.replicas} replicas or more have everything")
    return ", ".join(parts)


def _flush_facts(info: Info, target: int, policy: str) -> dict[str, Scalar]:
    return {
        "offset": target,
        "replicas": len(info.replicas),
        "replicas_caught_up": info.caught_up(target),
        "appendfsync": policy or "off",
    }


async def _seen_flushed(attempt: Attempt) -> Outcome:  # noqa: ARG001
    return failed("a flush leaves no mark; doing it again does no harm")


# --- snapshot --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Save:
    """A save that the server has finished. number: its count of saves, -1 where it counts none."""

    begun: Info
    keys: tuple[int, int]
    ended: Info

    @property
    def number(self) -> int:
        return self.ended.number("rdb_saves", -1)

    @property
    def at(self) -> int:
        return self.ended.number("rdb_last_save_time")


async def _snapshot(attempt: Attempt) -> Outcome:
    options: SnapshotOptions = attempt.options
    known = await _known(attempt)
    if known is not None:
        return _taken(known, attempt, "taken before")
    if not Path(options.folder).is_dir():
        raise Refused(f"no folder {options.folder}")
    async with line(options, attempt.deadline) as opened:
        info = await expected(opened, options)
        source = await _source(opened, options)
        save = await _save(attempt, opened, info)
        dump = _opened(source, save)
        try:
            # It is ours if no other save has ended by now: what is open stays what it is.
            now = await read_info(opened)
            if (now.number("rdb_saves", -1), now.number("rdb_last_save_time")) != (
                save.number,
                save.at,
            ):
                raise Busy("another save came in between")
            manifest = await _copy(attempt, dump, save)
        finally:
            os.close(dump)
    folder = Path(options.folder)
    snapshot = await DISKS.run(lambda: write_manifest(folder, manifest), attempt.deadline.left_ms())
    return _taken(snapshot, attempt, "copied and read")


async def _known(attempt: Attempt) -> Snapshot | None:
    """The snapshot of this very effect, if it was taken. Raises Refused."""
    options: SnapshotOptions = attempt.options
    key, folder = attempt.effect.id, Path(options.folder)

    def look() -> Snapshot | None:
        found = snapshot_of(folder, options.place, key)
        return found if found is not None and found.is_whole() else None

    return await DISKS.run(look, attempt.deadline.left_ms())


def _taken(snapshot: Snapshot, attempt: Attempt, how: str) -> Outcome:
    said = snapshot.manifest
    facts: dict[str, Scalar] = {
        "snapshot": snapshot.name,
        "copy": snapshot.name,
        "sha256": said.sha256,
        "bytes": said.bytes,
        "keys": said.keys_most,
        "taken_at": said.at,
        "offset": said.offset,
    }
    body = json.dumps(asdict(said), indent=1) + "\n"
    text = f"{how}: {snapshot.name}, {said.keys_most} keys, {said.bytes} bytes"
    return done(text, facts, attempt.keep(body.encode()))


async def _source(opened: Line, options: SnapshotOptions) -> Path:
    """Where the server's dump is. Raises Refused when that is on another machine."""
    if options.rdb_file:
        return Path(options.rdb_file)
    if not options.is_near:
        raise Refused(
            "the server runs on another machine: give rdb_file, where this one sees its dump"
        )
    folder, name = await opened.setting("dir"), await opened.setting("dbfilename")
    if not folder or not name:
        raise Refused("the server does not say where its dump is: give rdb_file")
    return Path(folder) / name


async def _save(attempt: Attempt, opened: Line, info: Info) -> _Save:
    """Have the server save, and await the end of it. Raises Busy, Refused, Lost, Nonsense."""
    while info.number("rdb_saves", -1) < 0 and _second(info) <= info.number("rdb_last_save_time"):
        # An old server tells two saves apart by the second alone.
        await asyncio.sleep(_PAUSE_S)
        info = await read_info(opened)
    attempt.changed = True
    try:
        before, said, after = await opened.ask_at_once(("INFO",), ("BGSAVE",), ("INFO",))
    except Refusal as error:
        attempt.changed = False
        raise Busy(f"it does not save now: {error}") from None
    if said != "Background saving started":
        raise Busy(one_line(f"it does not save now: {said}", 120))
    begun, current = info_in(before), info_in(after)
    keys = sorted((begun.keys, current.keys))
    while current.number("rdb_bgsave_in_progress"):
        await asyncio.sleep(_PAUSE_S)
        current = await read_info(opened)
    if current.text("rdb_last_bgsave_status") != "ok":
        raise Refused("the server could not save: its log says why")
    save = _Save(begun, (keys[0], keys[1]), current)
    if save.number >= 0 and save.number != begun.number("rdb_saves") + 1:
        raise Busy("another save came in between")
    if save.number < 0 and save.at <= begun.number("rdb_last_save_time"):
        raise Refused("the server says it saved, but its last save is the one before")
    return save


def _second(info: Info) -> int:
    return info.number("server_time_usec") // 1_000_000


def _opened(source: Path, save: _Save) -> int:
    """The dump, open for reading. Raises Refused for a file that is not of this save, OSError."""
    handle = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or os.pread(handle, 5, 0) != b"REDIS":
            raise Refused(f"{source} is no dump of Redis")
        if abs(int(found.st_mtime) - save.at) > _CLOCKS_AGREE_S:
            raise Refused(f"{source} is not of this save: it may be another server's")
    except BaseException:
        os.close(handle)
        raise
    return handle


async def _copy(attempt: Attempt, dump: int, save: _Save) -> Manifest:
    """Copy the dump. Raises Refused when there is no room, TimeoutError, OSError."""
    options: SnapshotOptions = attempt.options
    folder, size = Path(options.folder), os.fstat(dump).st_size
    if shutil.disk_usage(folder).free < size:
        raise Refused(f"{folder} has no room for {size} bytes")
    target = folder / f"{name_of(options.place, attempt.effect.id)}.rdb"
    written, sha256 = await _in_time(attempt, dump, target)
    if written != size:
        raise Refused(f"copied {written} of {size} bytes")
    at = datetime.fromtimestamp(_second(save.begun), UTC).isoformat()
    return Manifest(
        attempt.effect.id, options.place, at, *save.keys, size, sha256,
        save.begun.text("redis_version"), save.begun.offset,
    )  # fmt: skip


async def _in_time(attempt: Attempt, dump: int, target: Path) -> tuple[int, str]:
    # A handle of its own: the thread may outlive this attempt by a moment.
    own = os.dup(dump)

    def work() -> tuple[int, str]:
        try:
            return copied(own, target, attempt.deadline)
        finally:
            os.close(own)

    return await DISKS.run(work, attempt.deadline.left_ms())


async def _seen_snapshot(attempt: Attempt) -> Outcome:
    known = await _known(attempt)
    if known is None:
        return failed("no snapshot of this order")
    return _taken(known, attempt, "taken")


VERBS = {
    "flush": Verb(_flush, _seen_flushed),
    "snapshot": Verb(_snapshot, _seen_snapshot),
}


def reachable_folder(options: LoginOptions) -> str:
    """Why a snapshot could not be put into its folder, or empty."""
    folder = getattr(options, "folder", "")
    if folder and not os.access(folder, os.W_OK | os.X_OK):
        return f"{folder} is no folder that can be written"
    return ""

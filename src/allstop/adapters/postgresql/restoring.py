"""Going back to a point in time: a new data directory from a proven backup and the archived log.

The server that replays runs in private (see throwaway) on a folder beside; only what was promoted,
asked and shut down cleanly is renamed into place. Nothing is overwritten and nothing deleted.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import beginning, replace, sync_folder
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.postgresql.backups import KEY_FILE, Backup, chosen, folder_name
from allstop.adapters.postgresql.checks import DOOR, asked, let_in
from allstop.adapters.postgresql.local import (
    PlainPath,
    check_version,
    control,
    major,
    occupants,
    postmaster,
    program,
    succeed,
)
from allstop.adapters.postgresql.orders import ordering
from allstop.adapters.postgresql.proving import RestoredOptions
from allstop.adapters.postgresql.replayed import archived, beyond_the_end
from allstop.adapters.postgresql.running import CLUSTER, mark_of
from allstop.adapters.postgresql.server import Attempt, Refused, in_thread, patience
from allstop.adapters.postgresql.session import LoginOptions, session
from allstop.adapters.postgresql.throwaway import cleared, copied, settings_of, throwaway
from allstop.domain.effects import Outcome, done, failed
from allstop.domain.policy.tables import Scalar


class RestoreOptions(RestoredOptions):
    """Which backup, how far forward, and where to."""

    data_dir: PlainPath = Field(
        min_length=1,
        title="Data directory",
        description="Where the restored cluster goes: absent or empty, or see move_aside. No server may run on it.",
    )
    archive_dir: PlainPath = Field(
        min_length=1, title="Archive", description="Folder with the archived log segments."
    )
    target_time: str = Field(
        default="",
        title="Target time",
        description="ISO 8601 with its zone: transactions committed until then are kept.",
    )
    target_lsn: str = Field(
        default="",
        pattern=r"^([0-9A-F]{1,8}/[0-9A-F]{1,8})?$",
        title="Target position",
        description="Position in the log, as 0/16B3748.",
    )
    target_name: str = Field(
        default="",
        max_length=63,
        title="Target name",
        description="Restore point made by pg_create_restore_point.",
    )
    target_end: bool = Field(
        default=False, title="To the end", description="Everything the archive holds."
    )
    target_copy: bool = Field(
        default=False,
        title="As it was copied",
        description="As the backup was taken; nothing of the archive after it.",
    )
    without_time: Literal["", "copy", "end"] = Field(
        default="",
        title="Without a time",
        description="What target_time stands for when it is left out: the copy itself, or the end of the archive.",
    )
    timeline: str = Field(
        default="latest",
        pattern=r"^(latest|current|[1-9][0-9]{0,9})$",
        title="Timeline",
        description="latest, current (the backup's own), or a number.",
    )
    move_aside: bool = Field(
        default=False,
        title="Move aside",
        description="Rename what is in the data directory to <data_dir>.before-<name>, and keep it.",
    )

    @field_validator("target_time")
    @classmethod
    def _is_a_moment(cls, value: str) -> str:
        if value and datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("write the zone, as in 2026-03-01T12:00:00+00:00")
        return value

    @model_validator(mode="after")
    def _one_target(self) -> RestoreOptions:
        given = bool(self.target_time or self.without_time)
        named = [self.target_lsn, self.target_name, self.target_end, self.target_copy]
        if given + sum(map(bool, named)) != 1:
            raise ValueError(
                "give one of target_time, target_lsn, target_name, target_end, target_copy"
            )
        return self

    def target(self) -> dict[str, str]:
        """The server's own setting for the target; empty for the end of the archive."""
        if self.target_copy or (self.without_time == "copy" and not self.target_time):
            return {"recovery_target": "immediate"}
        every = {"time": self.target_time, "lsn": self.target_lsn, "name": self.target_name}
        return {f"recovery_target_{name}": value for name, value in every.items() if value}


async def restore(attempt: Attempt[RestoreOptions]) -> Outcome:
    """Restore, replay, promote, ask, and put in place. It is left stopped: `start` starts it."""
    options, key, deadline = attempt.options, attempt.effect.id, attempt.deadline
    data = Path(options.data_dir)
    async with ordering(mark_of(data), CLUSTER, attempt.effect, deadline) as standing:
        if _key_in(data) == key:
            return await _told(options, data, deadline, "was restored before")
        await _free(options, data, deadline)
        prepared = data.with_name(f"{data.name}.restoring-{folder_name(key)}")
        found = await proven(options, deadline)
        standing.write()
        if _key_in(prepared) != key:
            await _prepare(attempt, found, prepared)
        await _free(options, data, deadline)
        await in_thread(deadline, _put_in_place, options, prepared, data, folder_name(key))
        return await _told(options, data, deadline, f"restored from {found.folder.name}")


async def proven(options: RestoreOptions, deadline: Deadline) -> Backup:
    """The backup it begins with, beside an archive that is there. Raises Refused."""
    found = await in_thread(deadline, chosen, options)
    unproven = await in_thread(deadline, found.unproven)
    if unproven:
        raise Refused(unproven)
    if not Path(options.archive_dir).is_dir():
        raise Refused(f"no folder {options.archive_dir}")
    return found


async def _free(options: RestoreOptions, data: Path, deadline: Deadline) -> None:
    """That nobody runs on the data directory, and nothing in it would be lost. Raises Refused."""
    if data.is_symlink() or (data.exists() and not data.is_dir()):
        raise Refused(f"{data} is no folder of its own")
    if not data.parent.is_dir():
        raise Refused(f"no folder {data.parent}")
    if not data.is_dir():
        return
    running = await in_thread(deadline, postmaster, data)
    left = await in_thread(deadline, occupants, data)
    if running is not None or left:
        raise Refused(f"a server runs on {data}: stop it first")
    if any(data.iterdir()) and not options.move_aside:
        raise Refused(f"{data} is not empty; with move_aside it is renamed and kept")


async def _prepare(attempt: Attempt[RestoreOptions], found: Backup, prepared: Path) -> None:
    """Make the folder that is put in place: replayed, promoted, asked, stopped, and on disk."""
    options, deadline = attempt.options, attempt.deadline
    await check_version(options, found.data, deadline)
    await cleared(options, prepared, deadline)
    try:
        await copied(options, found.data, prepared, deadline)
        await succeed(options, ["touch", "--", str(prepared / "recovery.signal")], deadline)
        before = await control(options, prepared, deadline)
        settings = settings_of(before, major(prepared), _replaying(options))
        held = await in_thread(deadline, archived, Path(options.archive_dir))
        door = (options.user, DOOR)
        async with (
            throwaway(options, prepared, settings, door, deadline) as login,
            let_in(login, options.checks, deadline),
        ):
            fault, _ = await asked(login, options.checks, deadline)
            if not fault:
                fault = await _unpromoted(login, door[1], before.timeline, deadline)
        after = await control(options, prepared, deadline)
        if not options.target() and not fault:
            fault = await in_thread(deadline, beyond_the_end, held, prepared, after)
        if fault:
            raise Refused(f"the restored cluster is not as expected: {fault}")
        if not after.clean or after.cluster != found.cluster:
            raise Refused(f"the restored cluster was not shut down cleanly: {after.state}")
        # What was copied must be on disk before it gets the name of the data directory.
        argv = [program(options, "initdb"), "--sync-only", "-D", str(prepared)]
        await succeed(options, argv, deadline)
        replace(prepared / KEY_FILE, f"{attempt.effect.id}\n")
    except (
        BaseException
    ) as error:  # whatever ends it, a cancellation too: tidy up, then let it go on
        await asyncio.shield(cleared(options, prepared, patience(error, deadline)))
        raise


def _replaying(options: RestoreOptions) -> dict[str, str]:
    """Settings that make the private server replay the archive up to the target."""
    return {
        "restore_command": f'cp "{options.archive_dir}/%f" "%p"',
        "recovery_target_timeline": options.timeline,
        "recovery_target_inclusive": "on",
        "recovery_target_action": "promote",
        # On, without a command: the new timeline's files are kept for the archive until the real
        # server has one. Otherwise a later restore would give the same number to another timeline.
        "archive_mode": "on",
        **options.target(),
    }


async def _unpromoted(login: LoginOptions, database: str, before: int, deadline: Deadline) -> str:
    async with session(login, database, deadline) as opened:
        standby, file = await opened.row(
            "SELECT pg_is_in_recovery(), pg_walfile_name(pg_current_wal_insert_lsn())"
        )
    if standby or int(str(file)[:8], 16) <= before:
        return "it is not promoted"
    return ""


def _put_in_place(options: RestoreOptions, prepared: Path, data: Path, name: str) -> None:
    """Two renames. Blocking. Raises Refused, OSError."""
    if data.is_dir() and any(data.iterdir()):
        if not options.move_aside:
            raise Refused(f"{data} is not empty any more")
        aside = data.with_name(f"{data.name}.before-{name}")
        if aside.exists():
            raise Refused(f"{aside} is there already")
        data.rename(aside)
    prepared.rename(data)
    sync_folder(data.parent)


def _key_in(data: Path) -> str:
    """The effect that put a data directory there, or empty."""
    try:
        return beginning(data / KEY_FILE, 4096).strip("\n")
    except (OSError, ValueError):
        return ""


async def _told(options: RestoreOptions, data: Path, deadline: Deadline, how: str) -> Outcome:
    seen = await control(options, data, deadline)
    aside = data.with_name(f"{data.name}.before-{folder_name(_key_in(data))}")
    facts: dict[str, Scalar] = {
        "system_identifier": seen.cluster,
        "timeline": seen.timeline,
        "state": seen.state,
        "moved_aside": aside.name if aside.exists() else "",
    }
    kept = f"; what was there is kept as {aside.name}" if aside.exists() else ""
    return done(one_line(f"{data} {how}, promoted to timeline {seen.timeline}{kept}"), facts)


async def restore_seen(attempt: Attempt[RestoreOptions]) -> Outcome:
    """Whether this effect's cluster lies in the data directory."""
    data = Path(attempt.options.data_dir)
    if _key_in(data) == attempt.effect.id:
        return await _told(attempt.options, data, attempt.deadline, "was restored")
    prepared = data.with_name(f"{data.name}.restoring-{folder_name(attempt.effect.id)}")
    if _key_in(prepared) == attempt.effect.id:
        return failed("it is prepared, and not yet in place; doing it again goes on from there")
    return failed("it is not in place")

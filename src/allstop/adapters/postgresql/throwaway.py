"""A server of our own on a copy of a backup: private, quiet, and gone afterwards.

What the copied settings would do to the rest of the world is switched off on the command line, which
outranks the files of the copy: it must not listen, archive, replicate, subscribe or run commands.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.process_tree import send
from allstop.adapters.mechanisms.programs import Finished
from allstop.adapters.mechanisms.text import last_line, one_line
from allstop.adapters.postgresql.local import (
    Control,
    ProgramOptions,
    call,
    occupants,
    postmaster,
    program,
    succeed,
)
from allstop.adapters.postgresql.server import Refused, in_thread
from allstop.adapters.postgresql.session import LoginOptions, TurnedAway, Unreachable, session

_PORT = 5432
_POLL_SECONDS = 0.03
_CLEARING_MS = 3000
_LONGEST_PATH = 60
_QUIET: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "cluster_name": "allstop-restore",
    "archive_mode": "off",
    "archive_command": "",
    "archive_cleanup_command": "",
    "recovery_end_command": "",
    "restore_command": "",
    "primary_conninfo": "",
    "primary_slot_name": "",
    "recovery_target": "",
    "recovery_target_lsn": "",
    "recovery_target_name": "",
    "recovery_target_time": "",
    "recovery_target_xid": "",
    "synchronous_standby_names": "",
    "max_logical_replication_workers": "0",
    "shared_preload_libraries": "",
    "session_preload_libraries": "",
    "local_preload_libraries": "",
    "external_pid_file": "",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "",
    "log_statement": "none",
    "lc_messages": "C",
    "ssl": "off",
    "huge_pages": "off",
    "autovacuum": "off",
    "hot_standby": "off",
}
# A start that replays the log needs these at least as large as they were; the names of the control file.
_SIZES = {
    "max_connections": "max_connections",
    "max_worker_processes": "max_worker_processes",
    "max_wal_senders": "max_wal_senders",
    "max_prepared_transactions": "max_prepared_xacts",
    "max_locks_per_transaction": "max_locks_per_xact",
    "wal_level": "wal_level",
    "track_commit_timestamp": "track_commit_timestamp",
}
RESERVED = frozenset({*_QUIET, *_SIZES, "archive_library", "unix_socket_directories"})


def settings_of(control: Control, version: str, more: Mapping[str, str]) -> dict[str, str]:
    """All settings of the server, in the order in which they are to be given."""
    sizes = {name: control.setting(label) for name, label in _SIZES.items()}
    library = {"archive_library": ""} if int(version) >= 15 else {}
    quiet = {name: value for name, value in {**_QUIET, **library}.items() if name not in more}
    # `more` comes last: of recovery targets, an empty one after a full one counts as a second.
    return {**{name: value for name, value in sizes.items() if value}, **quiet, **more}


async def copied(options: ProgramOptions, source: Path, target: Path, deadline: Deadline) -> None:
    """Copy a data directory as its owner. Raises Refused when it does not fit or cannot stand alone, or when
    something lies there: two copies in one would be neither."""
    if target.exists():
        raise Refused(f"{target} is still there, and is not taken away yet; later it may be")
    if any((source / "pg_tblspc").iterdir()):
        # Its links would lead the copy's server to files that are not its own.
        raise Refused(f"{source.parent.name} has tablespaces, which cannot be restored apart")
    size = await in_thread(deadline, _size, source)
    free = shutil.disk_usage(target.parent).free
    if size * 11 // 10 > free:
        raise Refused(
            f"{target.parent} has {free // 1_000_000} MB, the copy needs {size // 1_000_000}"
        )
    argv = ["cp", "-aT", "--reflink=auto", "--", str(source), str(target)]
    await succeed(options, argv, deadline)
    for name in ("standby.signal", "recovery.signal"):
        await succeed(options, ["rm", "-f", "--", str(target / name)], deadline)


def _size(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(Path(place) / name).st_size
    return total


async def cleared(options: ProgramOptions, folder: Path, until: Deadline) -> None:
    """Take away a copy of ours, with the server an interrupted attempt may have left on it.

    A large one takes its time: until the deadline, and a moment in any case. What is left then, the next goes on with.
    """
    if not folder.is_dir():
        return
    deadline = max(until, _soon(), key=lambda each: each.at_ns)
    running = await in_thread(deadline, postmaster, folder)
    if running is not None and not send(running.process, signal.SIGQUIT):
        left = await in_thread(deadline, occupants, folder)
        while left and not deadline.passed():
            await asyncio.sleep(_POLL_SECONDS)
            left = await in_thread(deadline, occupants, folder)
    await call(options, ["rm", "-rf", "--", str(folder)], deadline)


@contextlib.asynccontextmanager
async def throwaway(
    options: ProgramOptions,
    data: Path,
    settings: Mapping[str, str],
    door: tuple[str, str],
    deadline: Deadline,
) -> AsyncIterator[LoginOptions]:
    """A server on `data`, once it answers; ended by a fast stop. How to log in to it.

    door: the role that asks, and a database it gets into.

    Raises Refused when it does not come up, TimeoutError.
    """
    with _private_folder(options) as place:
        words = {**settings, "unix_socket_directories": str(place)}
        words |= {f"{name}_file": str(place / name) for name in ("config", "hba", "ident")}
        argv = [program(options, "postgres"), "-D", str(data)]
        for name, value in words.items():
            argv += ["-c", f"{name}={value}"]
        task = asyncio.create_task(call(options, argv, deadline))
        try:
            login = LoginOptions(host=str(place), port=_PORT, user=door[0], sslmode="disable")
            await _comes_up(task, login, door[1], deadline)
            yield login
        finally:
            await _ended(task, data, deadline)


@contextlib.contextmanager
def _private_folder(options: ProgramOptions) -> Iterator[Path]:
    # Not below the data: the path of a socket has room for about a hundred characters. And not below a
    # folder of ours alone, where the server's own user could not get at it.
    ours = len(tempfile.gettempdir()) <= _LONGEST_PATH and not options.run_as
    place = Path(tempfile.mkdtemp(prefix="allstop-pg-", dir=None if ours else "/tmp"))  # noqa: S108 - made unguessable there
    try:
        (place / "config").write_text("")
        (place / "hba").write_text("local all all trust\n")  # the folder is its user's alone
        (place / "ident").write_text("")
        if options.run_as:
            owner = pwd.getpwnam(options.run_as)
            for path in (place, *place.iterdir()):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def _comes_up(
    task: asyncio.Task[Finished], login: LoginOptions, database: str, deadline: Deadline
) -> None:
    while True:
        if task.done():
            ended = task.result()
            if ended.code is None:
                raise TimeoutError
            raise Refused(f"the copy's server ended: {_last_words(ended.errors)}")
        try:
            async with session(login, database, deadline) as opened:
                (recovering,) = await opened.row("SELECT pg_is_in_recovery()")
                if not recovering:
                    return
        except TurnedAway as error:
            if not error.passing:
                raise Refused(f"the copy's server turns us away: {error}") from None
        except Unreachable:
            pass
        if deadline.passed():
            raise TimeoutError
        await asyncio.sleep(_POLL_SECONDS)


def _last_words(errors: bytes) -> str:
    """Why it ended. What it told us while we knocked is a FATAL as well, and no reason."""
    fatal = [line for line in errors.splitlines() if b"FATAL:" in line or b"PANIC:" in line]
    telling = [line for line in fatal if b"the database system is" not in line]
    return one_line(last_line(telling[-1] if telling else errors), 200)


def _soon() -> Deadline:
    """For tidying up, which is owed also when the time is up."""
    return Deadline.within(_CLEARING_MS)


async def _ended(task: asyncio.Task[Finished], data: Path, deadline: Deadline) -> None:
    """A fast stop; whoever does not end in time is killed by the runner of programs."""
    running = None if task.done() else await in_thread(_soon(), postmaster, data)
    if running is not None:
        send(running.process, signal.SIGINT)
        await asyncio.wait({task}, timeout=deadline.left_ms() / 1000)
    if not task.done():
        task.cancel()
    await asyncio.wait({task})
    with contextlib.suppress(asyncio.CancelledError, Refused):
        task.result()

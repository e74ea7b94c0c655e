"""Stopping, starting and promoting a server whose data directory is on this machine."""

from __future__ import annotations

import asyncio
import shlex
import signal
from pathlib import Path
from typing import Literal

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.process_tree import send
from allstop.adapters.mechanisms.text import last_line, one_line, seconds
from allstop.adapters.postgresql.local import (
    PlainPath,
    Postmaster,
    ProgramOptions,
    check_version,
    control,
    launch,
    occupants,
    postmaster,
    program,
)
from allstop.adapters.postgresql.orders import mark_at, ordering
from allstop.adapters.postgresql.server import (
    Attempt,
    Refused,
    ServerOptions,
    Unsettled,
    administering,
    identifier,
    in_thread,
)
from allstop.adapters.postgresql.session import Unreachable
from allstop.domain.effects import Outcome, done, failed, unknown
from allstop.domain.policy.tables import Scalar

_POLL_SECONDS = 0.02
_UP = ("ready", "standby")
_SIGNALS = {"fast": signal.SIGINT, "smart": signal.SIGTERM}
_LOG_TAIL = 4096
_LOOK_MS = 1000
_FOR_EVER = 86_400
_COMING_UP = "started, but it does not take connections yet; it may be recovering"
CLUSTER = "cluster"


class ClusterOptions(ServerOptions, ProgramOptions):
    """A server, and the data directory it runs on."""

    data_dir: PlainPath = Field(
        min_length=1, title="Data directory", description="Of the cluster, on this machine."
    )
    config_file: PlainPath = Field(
        default="",
        title="Configuration",
        description="postgresql.conf when it lies elsewhere, as on Debian; empty: in the data directory.",
    )
    log_file: PlainPath = Field(
        default="",
        title="Log file",
        description="What the started server says until it logs by itself; empty: <data_dir>.log.",
    )
    mode: Literal["fast", "smart"] = Field(
        default="fast",
        title="Mode",
        description="How to stop. fast: sessions are ended, their transactions rolled back. smart: waits for them, and refuses every new connection from then on, also when it never ends.",
    )

    @property
    def data(self) -> Path:
        return Path(self.data_dir)

    @property
    def log(self) -> Path:
        return Path(self.log_file or f"{self.data_dir}.log")


def mark_of(data: Path) -> Path:
    """Where the mark of orders about a data directory lies: beside it."""
    return data.with_name(f"{data.name}.allstop")


async def stop(attempt: Attempt[ClusterOptions]) -> Outcome:
    """Ask the server to stop, and see that it is gone and was shut down cleanly."""
    options = attempt.options
    await check_version(options, options.data, attempt.deadline)
    async with ordering(
        mark_of(options.data), CLUSTER, attempt.effect, attempt.deadline
    ) as standing:
        running = await _look(options.data)
        standing.write()
        if running is None:
            return await _stopped(options, attempt.deadline, "it was not running")
        refusal = send(running.process, _SIGNALS[options.mode])
        if refusal:
            raise Refused(f"the server cannot be signalled: {refusal}")
        if not await _gone(options.data, attempt.deadline):
            return unknown(_stopping(options, attempt.effect.timeout_ms))
        return await _stopped(options, attempt.deadline, f"{options.mode} stop")


def _stopping(options: ClusterOptions, timeout_ms: int) -> str:
    """A stop that was asked for cannot be taken back."""
    within = f"stopping, not over within {seconds(timeout_ms)}"
    if options.mode == "smart":
        return f"{within}: it refuses new connections from now on and waits for the open ones to end; a fast stop ends them"
    return f"{within}: sessions are ended, and a checkpoint is being written"


async def _gone(data: Path, deadline: Deadline) -> bool:
    while await _look(data) is not None:
        if deadline.left_ms() <= 1:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


async def _stopped(options: ClusterOptions, deadline: Deadline, how: str) -> Outcome:
    """The proof: no process is left on the data directory, and its control file says shut down."""
    left = await _left(options.data)
    if left:
        return failed(f"no postmaster, but {len(left)} processes are left on {options.data}")
    seen = await control(options, options.data, deadline)
    facts: dict[str, Scalar] = {"state": seen.state, "system_identifier": seen.cluster}
    if not seen.clean:
        return failed(f"{how}, but not shut down cleanly ({seen.state}): recovery is needed", facts)
    return done(f"{how}; the control file says: {seen.state}", facts)


async def stop_seen(attempt: Attempt[ClusterOptions]) -> Outcome:
    """Whether this order's stop is over."""
    options = attempt.options
    mark = mark_at(mark_of(options.data), CLUSTER)
    if (mark.verb, mark.epoch) != ("stop", attempt.effect.epoch):
        return failed("no stop of this order")
    running = await _look(options.data)
    if running is None:
        return await _stopped(options, attempt.deadline, "it is not running")
    if running.status == "stopping":
        raise Unsettled("it is stopping")
    return failed("it is running")


async def start(attempt: Attempt[ClusterOptions]) -> Outcome:
    """Start the server unless it runs, and ask it who it is."""
    options = attempt.options
    await check_version(options, options.data, attempt.deadline)
    async with ordering(
        mark_of(options.data), CLUSTER, attempt.effect, attempt.deadline
    ) as standing:
        before = await control(options, options.data, attempt.deadline)
        if options.system_identifier and before.cluster != options.system_identifier:
            raise Refused(f"{options.data} is of another cluster: {before.cluster}")
        running = await _look(options.data)
        standing.write()
        if running is None:
            left = await _left(options.data)
            if left:
                raise Refused(
                    f"{len(left)} processes of an earlier server are left on {options.data}"
                )
            await _launch(options, attempt.deadline)
        await _up(options, attempt.deadline)
    recovered = running is None and not before.clean
    return await _answers(attempt, before.cluster, recovered=recovered)


async def _launch(options: ClusterOptions, deadline: Deadline) -> None:
    """Start it, and wait until pg_ctl says how that went: it alone can see that its child has ended.

    A server that is still recovering when the attempt is over lives on.
    """
    argv = [program(options, "pg_ctl"), "start", "-w", "-t", str(_FOR_EVER), "-s"]
    argv += ["-D", options.data_dir, "-l", str(options.log), "-p", program(options, "postgres")]
    if options.config_file:
        argv += ["-o", f"-c config_file={shlex.quote(options.config_file)}"]
    try:
        await launch(options, argv, deadline)
    except TimeoutError:
        raise Unsettled(_COMING_UP) from None
    except Refused:
        raise Refused(f"it did not start: {_last_words(options.log)}") from None


async def _up(options: ClusterOptions, deadline: Deadline) -> None:
    """Wait until it says that it takes connections. Raises Refused when it ended, Unsettled."""
    while True:
        running = await _look(options.data)
        if running is None:
            raise Refused(f"it ended again: {_last_words(options.log)}")
        if running.status in _UP:
            return
        if deadline.left_ms() <= 1:
            raise Unsettled(_COMING_UP)
        await asyncio.sleep(_POLL_SECONDS)


async def _left(data: Path) -> list[int]:
    """Processes that stay on `data`; one that is just ending has let go of its file already."""
    soon = Deadline.within(_LOOK_MS)
    while left := await in_thread(Deadline.within(_LOOK_MS), occupants, data):
        if soon.passed():
            break
        await asyncio.sleep(_POLL_SECONDS)
    return left


async def _look(data: Path) -> Postmaster | None:
    """The server on `data`, looked for with a time of its own: a look is owed also at the very end."""
    return await in_thread(Deadline.within(_LOOK_MS), postmaster, data)


def _last_words(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _LOG_TAIL))
            return last_line(file.read()) or "its log is empty"
    except OSError as error:
        return f"its log cannot be read: {error.strerror}"


async def _answers(attempt: Attempt[ClusterOptions], cluster: str, *, recovered: bool) -> Outcome:
    """Ask it past everything that pg_ctl says: the right cluster has to answer at its address."""
    try:
        async with administering(attempt.options, attempt.deadline) as opened:
            found = await identifier(opened)
            (standby,) = await opened.row("SELECT pg_is_in_recovery()")
    except Unreachable as error:
        raise Unsettled(f"it runs, but does not answer: {error}") from None
    if found != cluster:
        raise Unsettled(f"it runs, but another cluster answers at its address: {found}")
    facts: dict[str, Scalar] = {
        "system_identifier": found,
        "in_recovery": bool(standby),
        "recovered": recovered,
    }
    note = (
        "; it had not been shut down cleanly and recovered: check its integrity"
        if recovered
        else ""
    )
    return done(f"it answers as {'a standby' if standby else 'a primary'}{note}", facts)


async def start_seen(attempt: Attempt[ClusterOptions]) -> Outcome:
    """Whether this order's start is over."""
    options = attempt.options
    mark = mark_at(mark_of(options.data), CLUSTER)
    if (mark.verb, mark.epoch) != ("start", attempt.effect.epoch):
        return failed("no start of this order")
    running = await _look(options.data)
    if running is None:
        return failed("it is not running")
    if running.status not in _UP:
        raise Unsettled(f"it is {running.status or 'starting'}")
    seen = await control(options, options.data, attempt.deadline)
    return await _answers(attempt, seen.cluster, recovered=False)


async def promote(attempt: Attempt[ClusterOptions]) -> Outcome:
    """Make a standby a primary, and read back that it is one."""
    options = attempt.options
    await check_version(options, options.data, attempt.deadline)
    async with ordering(
        mark_of(options.data), CLUSTER, attempt.effect, attempt.deadline
    ) as standing:
        here = await control(options, options.data, attempt.deadline)
        async with administering(options, attempt.deadline) as opened:
            found = await identifier(opened)
            if found != here.cluster:
                raise Refused(f"another cluster answers: {found}, not the one of {options.data}")
            (standby,) = await opened.row("SELECT pg_is_in_recovery()")
            standing.write()
            if standby:
                await opened.rows("SELECT pg_promote(false)")
            while standby:
                if opened.deadline.left_ms() <= 1:
                    raise Unsettled("promotion was asked for, and it is still a standby")
                await asyncio.sleep(_POLL_SECONDS)
                (standby,) = await opened.row("SELECT pg_is_in_recovery()")
            (file,) = await opened.row("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
    facts: dict[str, Scalar] = {"system_identifier": found, "timeline": int(str(file)[:8], 16)}
    return done(one_line(f"a primary, on timeline {facts['timeline']}"), facts)


async def promote_seen(attempt: Attempt[ClusterOptions]) -> Outcome:
    """Whether this order made it a primary."""
    mark = mark_at(mark_of(attempt.options.data), CLUSTER)
    if (mark.verb, mark.epoch) != ("promote", attempt.effect.epoch):
        return failed("no promotion of this order")
    async with administering(attempt.options, attempt.deadline) as opened:
        (standby,) = await opened.row("SELECT pg_is_in_recovery()")
    return failed("it is a standby") if standby else done("it is a primary")

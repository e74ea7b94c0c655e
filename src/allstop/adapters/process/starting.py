"""The verbs `start` and `restart`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import locked
from allstop.adapters.mechanisms.order_file import Unreadable
from allstop.adapters.mechanisms.order_record import claimed, noted
from allstop.adapters.mechanisms.pid_file import NoPid
from allstop.adapters.mechanisms.process_handle import ProcessHandle
from allstop.adapters.mechanisms.process_tree import is_stopped
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.mechanisms.threads import ShortWork
from allstop.adapters.process.launching import Service, launch
from allstop.adapters.process.looking import seen, tree_of
from allstop.adapters.process.naming import InDoubt, identity
from allstop.adapters.process.options import ProcessOptions
from allstop.adapters.process.stopping import stop
from allstop.adapters.process.tree import counted
from allstop.domain.effects import Effect, Ending, Outcome, done, failed


@contextlib.asynccontextmanager
async def _alone(path: Path, deadline: Deadline, threads: ShortWork) -> AsyncIterator[None]:
    """Hold the lock of an order file over several steps."""
    lock = locked(path, deadline)
    await threads.by(deadline, lock.__enter__)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


async def start(
    effect: Effect, options: ProcessOptions, deadline: Deadline, threads: ShortWork
) -> Outcome:
    """Start it unless it runs; nobody else starts it meanwhile."""
    path = options.order_path()
    async with _alone(path, deadline, threads):

        def work() -> Outcome | None:
            standing = claimed(path, effect.epoch, ends=False)
            return _in_the_way(options, standing.notes)

        ended = await threads.by(deadline, work)
        if ended is not None:
            return ended
        env = dict(options.env)
        mark = options.mark()
        if mark:
            env[mark.name] = mark.value
        service = Service(options.argv, Path(options.pid_file), options.cwd, env, options.log)
        pid = await launch(service, deadline.left_ms())
        notes = {"by": effect.id, "started": identity(pid), "left": []}
        await threads.by(deadline, lambda: noted(path, effect.epoch, notes))
    return await _settled(options, pid, deadline, threads)


def _in_the_way(options: ProcessOptions, notes: dict[str, Any]) -> Outcome | None:
    """How a start ends before it begins: it runs already, or something of it is left."""
    file = Path(options.pid_file)
    if (
        not os.path.lexists(file)
        and file.parent.is_dir()
        and not (options.word or options.env_mark)
    ):
        return None  # nothing is known of it, and nothing can be looked for
    tree = tree_of(options, notes)
    if tree.named.process is not None:
        if is_stopped(tree.named.pid):
            return failed(f"{tree.named.why}, and frozen: thaw it")
        return done(f"{tree.named.why} already", {"pid": tree.named.pid})
    left = tree.processes()
    if left:
        return failed(f"{tree.named.why}, but {counted(len(left))} of it are left: stop it first")
    return failed(one_line(tree.doubt()), {"still": True}) if tree.loose else None


async def _settled(
    options: ProcessOptions, pid: int, deadline: Deadline, threads: ShortWork
) -> Outcome:
    """Whether a started process stays, and is found by its name."""
    where = f"; see {options.log}" if options.log else ""
    try:
        handle = ProcessHandle(pid)
    except ProcessLookupError:
        return failed(one_line(f"process {pid} was started and ended at once{where}"))
    try:
        if await handle.ended(min(options.settle, deadline.left_ms())):
            return failed(one_line(f"process {pid} was started and ended at once{where}"))
    finally:
        handle.close()
    try:
        await threads.by(deadline, lambda: tree_of(options, {}))
    except (InDoubt, NoPid) as error:
        return failed(one_line(f"process {pid} runs, but could not be stopped again: {error}"))
    return done(f"process {pid} started", {"pid": pid})


async def restart(
    effect: Effect, options: ProcessOptions, deadline: Deadline, threads: ShortWork
) -> Outcome:
    """Stop it within its grace, then start it; not when this very order has done so before."""
    before = await threads.by(deadline, lambda: _restarted_by(effect, options))
    if before:
        return done(before)
    stopped = await stop(effect, options, deadline, threads, ends=False)
    if stopped.ending is not Ending.DONE:
        return stopped
    return await start(effect, options, deadline, threads)


def _restarted_by(effect: Effect, options: ProcessOptions) -> str:
    """How it was seen that this very order has restarted it before; empty: it has not."""
    try:
        found = seen(effect, options)
    except (NoPid, InDoubt, Unreadable):
        return ""  # whoever acts next says it
    return found.because if found.ending is Ending.DONE else ""

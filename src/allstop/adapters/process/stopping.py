"""The verbs `stop` and `kill`."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.freezing import thaw
from allstop.adapters.mechanisms.order_record import claim, note
from allstop.adapters.mechanisms.pid_file import NoPid
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import ShortWork
from allstop.adapters.process import at_once
from allstop.adapters.process.looking import tree_of
from allstop.adapters.process.naming import InDoubt, find, identity
from allstop.adapters.process.options import ProcessOptions
from allstop.adapters.process.signalling import Asked, ask, kill_all, still_there
from allstop.adapters.process.tree import OwnedTree, counted
from allstop.domain.effects import Effect, Outcome, done, failed, unknown
from allstop.domain.policy.tables import Scalar

_MOST_LEFT = 200


async def stop(
    effect: Effect,
    options: ProcessOptions,
    deadline: Deadline,
    threads: ShortWork,
    *,
    ends: bool = True,
) -> Outcome:
    """TERM to the group, and its end awaited for the grace; nobody is killed.

    ends: False when it is to run again, see `order_record.claimed`.
    """

    def work() -> tuple[OwnedTree, list[Asked]]:
        standing = claim(options.order_path(), effect.epoch, deadline, ends=ends)
        tree = tree_of(options, standing.notes)
        whom = [tree.named.process] if tree.named.process else tree.processes()
        asked = [one for process in whom if (one := ask(process)) is not None]
        if any(one.frozen for one in asked):
            for kin in tree.kins:
                thaw(kin, deadline)
        return tree, asked

    first = at_once.asked(effect, options, ends=ends)
    tree, asked = (None, [first]) if first is not None else await threads.by(deadline, work)
    by_grace = time.monotonic_ns() + options.grace * 1_000_000
    try:
        until = Deadline(min(by_grace, deadline.at_ns))
        left = await still_there(asked, until)
    finally:
        for one in asked:
            one.handle.close()
    if left:
        if deadline.at_ns < by_grace:
            return unknown(f"{_running(left)} when time was up; TERM was sent and may still work")
        await _remember(effect, options, left, deadline, threads)
        facts: dict[str, Scalar] = {"still": True, "processes": len(left)}
        return failed(f"{_running(left)} after its grace of {seconds(options.grace)}", facts)
    if tree is not None and tree.loose:
        return failed(one_line(tree.doubt()), {"still": True})
    if tree is not None and not asked:
        return done(one_line(tree.named.why), {"still": False})
    if at_once.gone(options.pid_file) is None and (
        successor := await threads.by(deadline, lambda: _successor(options))
    ):
        return failed(successor, {"still": True})
    woken = ", woken from its freeze" if any(one.frozen for one in asked) else ""
    return done(f"process {asked[0].handle.pid} has ended{woken}", {"still": False})


def _successor(options: ProcessOptions) -> str:
    """Who has taken its place meanwhile: something starts it again. Empty: nobody."""
    try:
        process = find(Path(options.pid_file), options.word, options.mark()).process
    except (NoPid, InDoubt):
        return ""  # it took its pid file along, or its number has gone to a stranger
    return f"it has ended, and process {process.pid} runs in its place" if process else ""


def _running(left: list[int]) -> str:
    return f"{counted(len(left))} still running"


async def _remember(
    effect: Effect,
    options: ProcessOptions,
    left: list[int],
    deadline: Deadline,
    threads: ShortWork,
) -> None:
    """Note who is left, so that a kill finds them when their leader has ended."""

    def work() -> None:
        names = [identity(pid) for pid in left[:_MOST_LEFT]]
        note(options.order_path(), effect.epoch, {"left": names}, deadline)

    with contextlib.suppress(OSError, TimeoutError):
        await threads.by(deadline, work)


async def kill(
    effect: Effect, options: ProcessOptions, deadline: Deadline, threads: ShortWork
) -> Outcome:
    """KILL to the group and all that descends from it, read back."""

    def work() -> OwnedTree:
        standing = claim(options.order_path(), effect.epoch, deadline, ends=True)
        return tree_of(options, standing.notes)

    tree = await threads.by(deadline, work)
    killed = await kill_all(tree.kins, deadline, threads)
    facts: dict[str, Scalar] = {"processes": killed.processes, "sessions": killed.sessions}
    if killed.refused:
        why = ", ".join(killed.refused)
        return failed(one_line(f"not killed: {why}"), {**facts, "still": True})
    if killed.left:
        return unknown(f"KILL was sent, and {counted(killed.left)} still there: it may still work")
    fault = await threads.by(deadline, lambda: _successor(options) or _doubt(options))
    if fault:
        return failed(one_line(fault), {**facts, "still": True})
    if not killed.processes:
        return done(one_line(tree.named.why), facts)
    return done(f"{counted(killed.processes)} killed, and gone", facts)


def _doubt(options: ProcessOptions) -> str:
    try:
        return tree_of(options, {}).doubt()
    except (NoPid, InDoubt):
        return ""

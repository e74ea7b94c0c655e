"""In which state the process is, changing nothing. Blocking."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.order_record import read_record
from allstop.adapters.mechanisms.process_tree import is_stopped, states
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.process.naming import identity
from allstop.adapters.process.options import ProcessOptions
from allstop.adapters.process.tree import OwnedTree, counted, owned_tree
from allstop.domain.effects import Effect, Outcome, done, failed


def tree_of(options: ProcessOptions, notes: dict[str, Any]) -> OwnedTree:
    """What belongs to it now. notes: those of its order file. Raises NoPid, InDoubt."""
    return owned_tree(Path(options.pid_file), options.word, options.mark(), notes.get("left"))


def seen(effect: Effect, options: ProcessOptions) -> Outcome:
    """Whether the state that an order asks for is there. Raises NoPid, InDoubt, Unreadable."""
    notes = read_record(options.order_path()).notes
    tree = tree_of(options, notes)
    process, why = tree.named.process, tree.named.why
    if effect.verb in ("stop", "kill"):
        left = len(tree.processes()) + len(tree.loose)
        return failed(f"{counted(left)} of it alive") if left else done(why)
    if process is None:
        return failed(why)
    if effect.verb == "restart":
        ours = notes.get("by") == effect.id and notes.get("started") == identity(process.pid)
        return done(f"{why}, by this order") if ours else failed(f"{why}, not by this order")
    if effect.verb == "start":
        return failed(f"{why}, and frozen") if is_stopped(process.pid) else done(why)
    return _freezing_seen(effect.verb, [one.pid for one in tree.processes()])


def _freezing_seen(verb: str, pids: list[int]) -> Outcome:
    running = sum(not is_stopped(pid) for pid in pids)
    stopped = sum("T" in states(pid) for pid in pids)
    told = f"{counted(len(pids))}, {running} of them not frozen"
    return failed(told) if (running if verb == "freeze" else stopped) else done(told)


def usable(options: ProcessOptions) -> Outcome:
    """Whether orders could be carried out. Raises NoPid, InDoubt, Unreadable."""
    read_record(options.order_path())
    folder = options.order_path().parent
    if not os.access(folder, os.W_OK):
        return failed(one_line(f"{folder} is no folder that can be written, for the order file"))
    for needed in (options.cwd, str(Path(options.log).parent)):
        if needed and not Path(needed).is_dir():
            return failed(one_line(f"there is no folder {needed}"))
    if options.argv:
        name = options.argv[0]
        program = str(Path(options.cwd, name)) if "/" in name else name
        if shutil.which(program, path=options.env.get("PATH")) is None:
            return failed(one_line(f"there is no program {program}"))
    tree = tree_of(options, {})
    return failed(one_line(tree.doubt())) if tree.loose else done(one_line(tree.named.why))

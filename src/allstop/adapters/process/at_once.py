"""What is seen or done on the spot, without a thread: only where nothing can hang or take long.

A thread costs an ordinary stop more than all of its work, and two hundred at once hold each other up. Every
function here gives up, by answering None, where there is more to it; then it is done in peace, in a thread.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.memory_files import MemoryFolders
from allstop.adapters.mechanisms.order_record import claim
from allstop.adapters.mechanisms.pid_file import Located, NoPid, locate
from allstop.adapters.mechanisms.process_handle import ProcessHandle, group_is_empty
from allstop.adapters.mechanisms.process_tree import is_gone, is_stopped
from allstop.adapters.process.options import ProcessOptions
from allstop.adapters.process.signalling import Asked, ask
from allstop.domain.effects import Effect

_FOLDERS = MemoryFolders()
_NOW = Deadline(0)


def asked(effect: Effect, options: ProcessOptions, *, ends: bool) -> Asked | None:
    """TERM to a process that lives and can hear it; None: nothing was done yet but that the order was noted.

    ends: see `order_record.claimed`. Raises NewerOrder, Unreadable, NotTouched, OSError.
    """
    order = options.order_path()
    # Reading a command line waits for the memory of the process, which may hang with it.
    if options.word or not _in_memory(str(order)):
        return None
    try:
        located = locate(Path(options.pid_file)) if _in_memory(options.pid_file) else None
    except NoPid:
        return None
    if located is None or located.process is None or is_stopped(located.pid):
        return None
    try:
        claim(order, effect.epoch, _NOW, ends=ends)
    except TimeoutError:
        return None
    return ask(located.process)


def gone(pid_file: str) -> int | None:
    """The number in the file, which nobody has any more; None: somebody has, or there is more to be seen."""
    number = _number(pid_file) if _in_memory(pid_file) else None
    return number if number is not None and is_gone(number) else None


def gone_with_its_group(pid_file: str) -> str | None:
    """How it was seen that neither it nor anybody of its group is left; None: see `gone`.

    The kernel is asked for the number itself, too, and not /proc alone.
    """
    number = gone(pid_file)
    if number is None:
        return None
    try:
        ProcessHandle(number).close()
    except ProcessLookupError:
        return Located(number, None).words() if group_is_empty(number) else None
    except OSError:
        return None
    return None


def _in_memory(file: str) -> bool:
    """Whether a file is where nothing can hang, and no link that leads elsewhere."""
    return _FOLDERS.hold(file) and not Path(file).is_symlink()


def _number(pid_file: str) -> int | None:
    """What a file holds that holds a bare number, as nearly all do."""
    try:
        handle = os.open(pid_file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        text = os.read(handle, 32).strip() if stat.S_ISREG(os.fstat(handle).st_mode) else b""
    except OSError:
        return None
    finally:
        os.close(handle)
    number = int(text) if text.isdigit() and len(text) < 11 else 0
    return number if 1 < number < 2**31 else None

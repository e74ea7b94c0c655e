"""Writing files so that a reader, or a crash, never meets half of one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from allstop.adapters.mechanisms.deadline import Deadline


@contextlib.contextmanager
def locked(path: Path, deadline: Deadline) -> Iterator[None]:
    """Hold the lock file `path`.lock, against other threads and other processes.

    Blocking. Raises TimeoutError when somebody else holds it until the deadline, OSError.
    """
    handle = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if deadline.passed():
                    raise TimeoutError(f"{path} is locked by somebody else") from None
                time.sleep(0.005)
        yield
    finally:
        os.close(handle)


def replace(path: Path, text: str, mode: int = 0o644, owner: tuple[int, int] | None = None) -> None:
    """Put `text` in place of whatever `path` holds; after a crash it is the old or the new text.

    owner: numbers of the user and the group it is to belong to; ours when None. Blocking. The folder must exist: a
    wrong path must be an error, not a file nobody reads. Raises OSError, also when it cannot be given away and
    nobody but us could read it then.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if owner is not None:
                _give(file.fileno(), owner, mode)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        # Whatever ended it, an interrupt too: no draft is left behind.
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    sync_folder(path.parent)


def _give(handle: int, owner: tuple[int, int], mode: int) -> None:
    found = os.fstat(handle)
    if (found.st_uid, found.st_gid) == owner:
        return
    try:
        os.fchown(handle, *owner)
    except PermissionError:
        # Only root gives files away; to a group of their own everybody may. Who may read it by that is not shut out.
        if not mode & stat.S_IROTH:
            os.fchown(handle, -1, owner[1])
            if not mode & stat.S_IRGRP:
                raise


def sync_folder(folder: Path) -> None:
    """Make names that were created or changed in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def append(path: Path, body: bytes) -> None:
    """Add `body` at the end in one piece and make it durable. Raises OSError.

    Refuses what is no ordinary file: opening a pipe nobody reads would wait for ever.
    """
    is_new = not path.exists()
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    handle = os.open(path, flags, 0o644)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path} is no ordinary file")
        rest = memoryview(body)
        while rest:
            rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        sync_folder(path.parent)


def holds_line(path: Path, line: bytes) -> bool:
    """Whether the file has exactly this line; False when there is no file. Raises OSError."""
    handle = None
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path} is no ordinary file")
        with os.fdopen(handle, "rb") as file:
            handle = None
            return any(found.rstrip(b"\r\n") == line for found in file)
    except FileNotFoundError:
        return False
    finally:
        if handle is not None:
            os.close(handle)


def beginning(path: Path, limit: int) -> str:
    """At most `limit` bytes of an ordinary file as text. Raises OSError, ValueError when longer."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{path} is no ordinary file")
        body = file.read(limit + 1)
    if len(body) > limit:
        raise ValueError(f"{path} is longer than {limit} bytes")
    return body.decode("utf-8", "replace")

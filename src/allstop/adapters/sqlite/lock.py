"""The lock that makes a coordinator the only one on its database."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from allstop import errors


class Lock:
    """An flock on `<db>.lock`, held for life; the kernel drops it however the process ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def take(self) -> None:
        """Raises errors.Unavailable when another process (or store) holds it."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            pid = os.pread(handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(handle)
            raise errors.Unavailable(
                f"another coordinator (pid {pid}) holds this database",
                "Use the one that runs (`allstop status`), or stop it first; "
                "give a second one its own --home.",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._handle = handle

    def drop(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

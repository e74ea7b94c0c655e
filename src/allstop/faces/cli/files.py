"""Files that a person names: read as ordinary files only, and written without waiting for anybody."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from allstop.errors import AllstopError, Invalid


def read_text(file: Path, limit: int, what: str) -> str:
    """The text of a file of at most `limit` bytes. what: it should be, as in `Markdown`.

    Raises Invalid, also for a pipe or a device: whoever reads one may wait for ever.
    """
    from allstop.protocol.reader import content  # noqa: PLC0415 - help must not load it

    try:
        body = content(file, limit)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        hint = "copy what it holds into an ordinary file that you may read"
        raise Invalid(f"{file}: {reason}", hint) from None
    if len(body) > limit:
        raise Invalid(f"{file} is longer than {limit:,} bytes", f"is it really {what}?")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(
            f"{file}: byte {error.start} is no UTF-8", f"it must be {what} in UTF-8"
        ) from None


def write(target: Path, body: bytes, option: str) -> None:
    """Write a file anew. option: the one that names another place. Raises AllstopError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        # Opened so that a pipe nobody reads is an error, and not a wait for ever.
        handle = os.open(target, flags, 0o666)
        with os.fdopen(handle, "wb") as file:
            if stat.S_ISFIFO(os.fstat(handle).st_mode):
                os.set_blocking(handle, True)
            file.write(body)
    except (OSError, ValueError) as error:
        unread = getattr(error, "errno", 0) == errno.ENXIO
        reason = "nobody reads it" if unread else getattr(error, "strerror", None) or str(error)
        raise AllstopError(f"{target}: {reason}", f"choose another place with {option}") from None

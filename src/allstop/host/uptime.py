"""The clock that counts on a machine: seconds since it started, which nobody can set, and which start it was."""

from __future__ import annotations

from pathlib import Path

from allstop.errors import Unavailable

_UPTIME = Path("/proc/uptime")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def seconds() -> float:
    """Seconds since the machine started, sleep counted in. Raises Unavailable where the system has no such clock."""
    try:
        return float(_UPTIME.read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError) as error:
        raise Unavailable(f"{_UPTIME}: {error}", "A host needs Linux.") from error


def boot() -> str:
    """Which start of the machine this is. Raises Unavailable."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError as error:
        raise Unavailable(f"{_BOOT}: {error}", "A host needs Linux.") from error

"""What the coordinator itself stands on: its documents, its disk and memory, files with secrets."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from allstop.adapters.mechanisms.files import beginning
from allstop.adapters.mechanisms.text import one_line
from allstop.application.ports import Capacity

_LONGEST_SECRET = 65_536


class OwnSurroundings:
    """See the port. problems: what is wrong with the documents now; blocking."""

    def __init__(self, home: Path, problems: Callable[[], Sequence[str]]) -> None:
        self._home = home
        self._problems = problems

    async def documents(self) -> Sequence[str]:
        return await asyncio.to_thread(self._problems)

    async def capacity(self) -> Capacity:
        def look() -> Capacity:
            disk, memory = psutil.disk_usage(str(self._home)), psutil.virtual_memory()
            return Capacity(disk.free, disk.total, memory.available, memory.total)

        return await asyncio.to_thread(look)

    async def secret(self, path: str) -> str:
        return await asyncio.to_thread(_fault, Path(path))


def _fault(path: Path) -> str:
    """Why a file holds no secret that can be read, or empty. What it holds is not repeated."""
    try:
        text = beginning(path, _LONGEST_SECRET)
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        return one_line(str(error))
    if not text.strip():
        return f"{path} is empty"
    # Its group may: that is how a secret is given to several programs.
    everybody = stat.S_IROTH | stat.S_IWOTH
    return (
        f"everybody on this machine can read or change {path}: chmod 640 it"
        if mode & everybody
        else ""
    )

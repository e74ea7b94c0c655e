"""Starting a service that outlives the coordinator, with its pid file in place before it runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from allstop.adapters.mechanisms.programs import StartError, run
from allstop.adapters.mechanisms.text import decoded, one_line
from allstop.adapters.process import launch as program


class StartUnknownError(Exception):
    """Nobody can say whether it was started; the text says why."""


@dataclass(frozen=True, slots=True)
class Service:
    """What to start. argv: no shell; env: added to a minimal environment; log: file for its output, or
    empty: none; cwd: empty: the coordinator's."""

    argv: Sequence[str]
    pid_file: Path
    cwd: str = ""
    env: Mapping[str, str] | None = None
    log: str = ""


async def launch(service: Service, timeout_ms: int) -> int:
    """Start it and return its number. Raises StartError when nothing runs, StartUnknownError."""
    log = str(Path(service.log).absolute()) if service.log else ""
    ended = await run(
        [
            sys.executable, "-I", "-S", program.__file__,
            str(service.pid_file.absolute()), log, service.cwd, *service.argv,
        ],
        timeout_ms=timeout_ms,
        env=service.env,
    )  # fmt: skip
    word, _, rest = decoded(ended.output).strip().partition(" ")
    if ended.code == 0 and word == "started" and rest.isdigit():
        return int(rest)
    if ended.code == 0 and word == "failed":
        raise StartError(one_line(rest))
    if ended.code is None:
        raise StartUnknownError("no end of the start in time; it may still come up")
    raise StartUnknownError(one_line(f"the start broke off: {decoded(ended.errors)}"))

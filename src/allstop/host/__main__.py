"""`python -m allstop.host FOLDER`: the host process by itself, as a service manager starts it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import structlog

from allstop.adapters.clock import SystemClock
from allstop.errors import AllstopError
from allstop.host.process import Host
from allstop.host.settings import default_folder, read_host_settings

FAILED = 1


def run_host(folder: Path) -> int:
    """Work until told to stop; returns the exit code. Raises AllstopError before it has begun."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    settings = read_host_settings(folder)
    clock = SystemClock()
    asyncio.run(_work(Host(settings, lambda: clock.now().utc)))
    return 0


async def _work(host: Host) -> None:
    await host.run()


def main() -> int:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default_folder()
    try:
        return run_host(folder)
    except AllstopError as error:
        sys.stderr.write(f"{error.text}\n{error.hint}\n")
        return FAILED


if __name__ == "__main__":
    sys.exit(main())

"""A text kept beside the database: the policy that was read last without an error, the newest preflight."""

from __future__ import annotations

from pathlib import Path

import structlog

from allstop.adapters.mechanisms.files import replace

log = structlog.get_logger("allstop.kept_file")


class KeptFile:
    """One file. It is a convenience: where it cannot be written or read, the log still has what counts (the policy
    of the newest incident, the turns of the preflight)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, body: str) -> None:
        """Replace what is kept, as a whole or not at all."""
        if self.read() == body:
            return
        try:
            replace(self._path, body, 0o600)
        except OSError as error:
            log.warning("not kept", path=str(self._path), because=str(error))

    def read(self) -> str | None:
        """The body; None when there is none that can be read."""
        try:
            return self._path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

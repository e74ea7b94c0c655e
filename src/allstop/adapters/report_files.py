"""Reports as files of the project folder."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = "reports"


class ReportFiles:
    """Keeps reports in `<home>/reports`; writing is atomic and durable."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def keep(self, name: str, text: str) -> str:
        """Write the report and return its path relative to the project folder. Raises OSError."""
        folder = self._home / FOLDER
        folder.mkdir(exist_ok=True)
        draft = folder / f".{name}.draft"
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / name)
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        return f"{FOLDER}/{name}"

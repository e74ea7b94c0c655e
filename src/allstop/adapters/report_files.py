"""Reports as files of the project folder."""

from __future__ import annotations

from pathlib import Path

from allstop.adapters.mechanisms.files import replace, sync_folder

FOLDER = "reports"


class ReportFiles:
    """Keeps reports in `<home>/reports`; writing is atomic and durable."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def keep(self, name: str, text: str) -> str:
        """Write the report and return its path relative to the project folder. Raises OSError."""
        folder = self._home / FOLDER
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            sync_folder(self._home)
        replace(folder / name, text)
        return f"{FOLDER}/{name}"

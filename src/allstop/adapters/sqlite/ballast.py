"""A file that takes up space, to be given up when the disk is full and a halt must be recorded."""

from __future__ import annotations

import os
from pathlib import Path

SIZE = 512 * 1024


class Ballast:
    """512 kB next to the database.

    While it is gone, only urgent lanes may write, so that intake cannot eat what was freed.
    """

    def __init__(self, path: Path, size: int = SIZE) -> None:
        self._path = path
        self._size = size
        self.stands = False

    def raise_up(self) -> bool:
        """Make the file if it is not there in full; says whether it stands."""
        try:
            if self._path.exists() and self._path.stat().st_blocks * 512 >= self._size:
                self.stands = True
                return True
            with self._path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
                os.fsync(file.fileno())
            self.stands = True
        except OSError:
            self.stands = False
            # Half a ballast would hold space that a halt may need.
            self._path.unlink(missing_ok=True)
        return self.stands

    def give_up(self) -> bool:
        """Free the space; says whether there was any."""
        if not self._path.exists():
            return False
        self._path.unlink()
        self.stands = False
        return True

"""Where the programs are that Allstop is measured beside."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

_OWN = Path(__file__).parents[2] / ".venv-bench" / "bin"


def program(name: str) -> Path | None:
    """Beside this Python, in the environment that `make bench` sets up, or on the path; None when it is nowhere."""
    for folder in (Path(sys.executable).parent, _OWN):
        if (folder / name).exists():
            return folder / name
    found = shutil.which(name)
    return Path(found) if found else None

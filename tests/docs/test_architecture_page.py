"""The architecture page's diagrams are those of the tables that run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_diagrams_are_drawn_from_the_tables() -> None:
    """Given the state tables, when the page is drawn again, then it has not changed."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "diagrams.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 0, found.stdout + found.stderr

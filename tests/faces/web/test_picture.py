"""The picture in the README is made from the console that is tested here."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CHROMIUM = Path("/usr/bin/chromium")
SIGNATURE = b"\x89PNG\r\n\x1a\n"
WIDTH = 1504


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM.exists(), reason="no chromium: run make test-tools")
def test_the_picture_of_the_console_can_be_made_again(tmp_path: Path) -> None:
    """Given an emergency in the middle, when the script runs, then a picture of both screens comes out."""
    picture = tmp_path / "console.png"
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "console_picture.py"), str(picture)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )

    assert found.returncode == 0, found.stderr
    body = picture.read_bytes()
    width, height = struct.unpack(">II", body[16:24])
    assert body.startswith(SIGNATURE)
    assert width == WIDTH
    assert height > 500

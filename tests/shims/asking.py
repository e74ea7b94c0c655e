"""Programs that ask: here, and in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from allstop import AllstopHalted, check, may

SOURCE = Path(__file__).resolve().parents[2] / "src"


def refused(**asked: object) -> AllstopHalted:
    asked = {"tool": "Bash"} | asked
    with pytest.raises(AllstopHalted) as caught:
        check(**asked)  # type: ignore[arg-type]
    assert not may(**asked).allowed  # type: ignore[arg-type]
    return caught.value


def python(before: str, environment: dict[str, str], then: str = "") -> str:
    """What a program says that asks once, in a process of its own; before and then: lines around its import."""
    code = f"""
import json, sys
{before}
from allstop import AllstopHalted, check
{dedent(then)}
try:
    check(tool="Bash")
    print("allowed")
except AllstopHalted as error:
    print("refused:", error)
"""
    ended = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout

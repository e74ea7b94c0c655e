"""Running `allstop demo` as a newcomer does, and reading what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psutil

SECONDS = 150
Line = dict[str, Any]


def run_demo(*words: str, window: str = "6s") -> tuple[int, list[Line]]:
    """The exit code and the lines of `allstop demo --json`."""
    found = subprocess.run(
        [sys.executable, "-m", "allstop", "demo", "--json", "--window", window, *words],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert found.stderr == ""
    return found.returncode, [json.loads(line) for line in found.stdout.splitlines()]


def run_until(true: Callable[[Line], bool], mark: str, *words: str) -> list[Line]:
    """The lines of a demo up to one for which something is so; then it is killed, as by `kill -9`.

    mark: carried by every process it has started, so that they can be found afterwards.
    """
    lines: list[Line] = []
    with subprocess.Popen(
        [sys.executable, "-m", "allstop", "demo", "--json", *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DEMO_TEST": mark},
    ) as demo:
        assert demo.stdout is not None
        try:
            for text in demo.stdout:
                lines.append(json.loads(text))
                if true(lines[-1]):
                    return lines
        finally:
            demo.kill()
    raise AssertionError(f"the demo ended before: {lines[-3:]}")


def left_of(mark: str) -> list[psutil.Process]:
    """The living processes that carry a mark."""
    return [one for one in psutil.process_iter() if _carries(one, mark)]


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def kinds(lines: list[Line]) -> list[str]:
    return [line["kind"] for line in lines if line["type"] == "event"]


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get("DEMO_TEST") == mark and lives(process)
    except (psutil.Error, OSError):
        return False

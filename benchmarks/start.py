"""How long `allstop --help` takes, beside a bare interpreter; and what an idle coordinator holds."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

RUNS = 20
IDLE_SECONDS = 10


def _timed(*words: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return 1000 * (time.perf_counter() - began)


def measure_help() -> dict[str, float]:
    """Milliseconds, medians and worst of RUNS, bare interpreter and command taken in turns."""
    _timed("-m", "allstop", "--help")
    bare, ours = [], []
    for _ in range(RUNS):
        bare.append(_timed("-c", "pass"))
        ours.append(_timed("-m", "allstop", "--help"))
    return {
        "bare_ms": statistics.median(bare),
        "help_ms": statistics.median(ours),
        "help_worst_ms": max(ours),
    }


def measure_idle() -> dict[str, float]:
    """Megabytes resident, share of a core, and seconds until ready, of a coordinator with nothing to do."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "project"
        _cli("init", str(home))
        began = time.perf_counter()
        up = json.loads(_cli("--home", str(home), "up", "--detach", "--json"))
        ready = time.perf_counter() - began
        try:
            process = psutil.Process(up["pid"])
            before = process.cpu_times()
            time.sleep(IDLE_SECONDS)
            after = process.cpu_times()
            used = (after.user + after.system) - (before.user + before.system)
            return {
                "resident_mb": process.memory_info().rss / 1e6,
                "cpu_percent": 100 * used / IDLE_SECONDS,
                "ready_s": ready,
            }
        finally:
            _cli("--home", str(home), "down")


def _cli(*words: str) -> str:
    found = subprocess.run(
        [sys.executable, "-m", "allstop", *words], check=True, capture_output=True, text=True
    )
    return found.stdout

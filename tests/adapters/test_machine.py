"""The clock, and the places where a test may end the process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from allstop.adapters.clock import SystemClock
from allstop.adapters.crash_points import NoCrashPoints, ProcessCrashPoints
from allstop.errors import Invalid


async def test_the_clock_reads_utc_monotonic_and_boot() -> None:
    """Given two readings around a sleep, both clocks moved, the boot did not."""
    clock = SystemClock()
    first = clock.now()
    await clock.sleep(20)
    await clock.sleep(-5)
    second = clock.now()
    assert first.utc.tzinfo is UTC
    assert second.utc - first.utc >= timedelta(milliseconds=15)
    assert 15 <= second.monotonic_ms - first.monotonic_ms < 2000
    assert first.boot == second.boot != ""
    assert abs(first.monotonic_ms - time.monotonic_ns() // 1_000_000) < 5000


@pytest.mark.parametrize(
    ("wanted", "passed"), [("here:3", "xx"), ("here", ""), ("there", "xxxxx"), ("", "xxxxx")]
)
def test_the_process_ends_at_the_nth_reach(wanted: str, passed: str) -> None:
    """Given a name and a hit, SIGKILL comes exactly then: nothing of the process runs afterwards."""
    script = (
        "from allstop.adapters.crash_points import ProcessCrashPoints\n"
        "import sys\n"
        "points = ProcessCrashPoints()\n"
        "try:\n"
        "    for _ in range(5):\n"
        "        points.reach('elsewhere'); points.reach('here')\n"
        "        sys.stdout.write('x'); sys.stdout.flush()\n"
        "finally:\n"
        "    sys.stdout.write('')\n"
    )
    source = Path(__file__).parents[2] / "src"
    env = {"PYTHONPATH": str(source), "PATH": os.environ["PATH"], "ALLSTOP_CRASH_AT": wanted}
    ended = subprocess.run(
        [sys.executable, "-c", script], env=env, check=False, capture_output=True
    )
    assert ended.stdout.decode() == passed, ended.stderr
    assert ended.returncode == (0 if passed == "xxxxx" else -signal.SIGKILL)


@pytest.mark.parametrize("wanted", ["here:0", "here:-1", "here:x", "here:1:2"])
def test_a_hit_that_is_no_number_is_refused(wanted: str) -> None:
    """Given a typing error, it is said at once instead of a test that never crashes."""
    with pytest.raises(Invalid):
        ProcessCrashPoints({"ALLSTOP_CRASH_AT": wanted})


def test_the_ordinary_life_passes_every_place() -> None:
    """Given no test, nothing happens."""
    NoCrashPoints().reach("anywhere")


class Hands:
    """A wall clock and a monotonic clock that a test moves by hand."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
        self.elapsed_ns = 5_000_000_000

    def passes(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.elapsed_ns += int(seconds * 1e9)

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.elapsed_ns)


@pytest.mark.parametrize("hours", [6, -2])
def test_a_step_of_the_wall_clock_moves_no_time(hours: int) -> None:
    """Given a running clock, when the wall clock is set by hours, then time goes on as before."""
    hands = Hands()
    clock = hands.clock()
    hands.passes(60)
    before = clock.now()
    hands.wall += timedelta(hours=hours)

    hands.passes(1)
    after = clock.now()

    assert after.utc - before.utc == timedelta(seconds=1)
    assert after.monotonic_ms - before.monotonic_ms == 1000


def test_small_corrections_are_followed_and_never_backwards() -> None:
    """Given corrections by milliseconds, then time follows those forwards and waits for the others."""
    hands = Hands()
    clock = hands.clock()
    hands.wall += timedelta(milliseconds=300)
    ahead = clock.now().utc
    hands.wall -= timedelta(milliseconds=500)

    assert ahead == datetime(2026, 11, 21, 3, 0, 0, 300_000, tzinfo=UTC)
    assert clock.now().utc == ahead

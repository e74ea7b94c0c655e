"""Emergencies on a virtual clock: sound from many seeds, the same each time, and honest about time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from allstop.testing.simulator import Faults, simulate
from allstop.testing.simulator.virtual_time import Deadlock, VirtualLoop, VirtualTime
from tests.simulation.__main__ import hush
from tests.simulation.crashing import point_faults

# What the production code must reach, or the crash tests would test nothing.
POINTS = {
    "post.before", "post.decided", "post.after", "timekeeper.due", "runner.claim", "runner.claimed",
    "runner.acted", "runner.report", "runner.reported", "monitor.samples", "monitor.declare",
    "store.before-commit", "store.after-commit", "adapter.answered",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _quiet() -> None:
    hush()


@pytest.mark.parametrize("seed", range(10))
def test_calm_emergencies_end_soundly(seed: int) -> None:
    result = simulate(seed, Faults.calm("mixed"))
    assert result.sound, (result.violations, result.tail)
    assert result.incidents >= 1


@pytest.mark.parametrize("seed", range(100, 112))
def test_rough_emergencies_with_crashes_end_soundly(seed: int) -> None:
    result = simulate(seed, Faults.rough(random_crashes=1 + seed % 4))
    assert result.sound, (result.violations, result.tail)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_dying_at_every_named_point_is_survived() -> None:
    seen = set()
    for faults in point_faults(3, Faults.calm("process")):
        if faults.crash_at[0][1] > 3:
            continue
        result = simulate(3, faults)
        assert result.sound, (faults.crash_at, result.violations)
        assert len(result.crashes) == 1
        seen.add(faults.crash_at[0][0])
    assert POINTS - {"store.before-commit", "store.after-commit"} <= seen


def test_every_named_point_is_reached() -> None:
    assert simulate(3, Faults.calm("process")).points.keys() >= POINTS


def test_the_same_seed_gives_the_same_log_bit_for_bit() -> None:
    faults = Faults.rough(random_crashes=3)
    first, second = simulate(11, faults), simulate(11, faults)
    assert first == second
    assert simulate(12, faults).digest != first.digest


def test_the_same_seed_gives_the_same_log_in_another_process() -> None:
    """Neither the order of sets nor addresses in memory reach the log."""
    program = (
        "from tests.simulation.__main__ import hush; hush()\n"
        "from allstop.testing.simulator import Faults, simulate\n"
        "print(simulate(11, Faults.rough(random_crashes=3)).digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "src:."},
            check=True, capture_output=True, text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    assert digests == {simulate(11, Faults.rough(random_crashes=3)).digest}


def test_nothing_scheduled_is_a_named_error_and_no_endless_sleep() -> None:
    loop = VirtualLoop(VirtualTime())
    try:
        with pytest.raises(Deadlock):
            loop.run_until_complete(loop.create_future())
    finally:
        loop.close()


def test_an_hour_of_sleep_takes_no_time() -> None:
    time = VirtualTime()
    loop = VirtualLoop(time)
    try:
        loop.run_until_complete(asyncio.sleep(3600))
    finally:
        loop.close()
    assert time.us == 3600 * 1_000_000


def test_the_outside_world_goes_on_while_the_coordinator_is_down() -> None:
    time = VirtualTime()
    seen: list[int] = []
    time.after(5, lambda: seen.append(time.us))
    time.after(3, lambda: time.after(1, lambda: seen.append(time.us)))
    time.move_to(10)
    assert seen == [4, 5]
    assert time.us == 10

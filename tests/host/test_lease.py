"""The lease: opted into, renewed while the coordinator is heard, alerted at half its time."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from allstop.gate.state_file import parse_lease
from allstop.host import uptime
from allstop.host.lease import Lease
from tests.host.hosts import Machine


class Clock:
    """Seconds since this machine started, as the test has them."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(uptime, "seconds", clock)
    return clock


async def rounds(lease: Lease, machine: Machine, clock: Clock, steps: list[float]) -> list[int]:
    """Let it work through these pauses; what the lease file said after each."""
    seen: list[int] = []
    left = iter(steps)

    async def pause(_: float) -> None:
        path = machine.folder / "lease"
        found = parse_lease(path.read_text()) if path.exists() else None
        seen.append(found.until if found else -1)
        step = next(left, None)
        if step is None:
            raise asyncio.CancelledError
        clock.seconds += step

    lease._pause = pause
    with contextlib.suppress(asyncio.CancelledError):
        await lease.keep()
    return seen


async def test_without_opting_in_there_is_none_and_an_old_one_goes(
    tmp_path: Path, clock: Clock
) -> None:
    machine = Machine(tmp_path)
    (tmp_path / "lease").write_text("old 1\n")
    lease = Lease(machine.settings)
    assert await rounds(lease, machine, clock, [5]) == [-1, -1]
    assert lease.words() == {"policy": "open", "seconds_left": None}


async def test_it_runs_out_when_the_coordinator_is_silent_and_people_are_alerted_once_at_half(
    tmp_path: Path, clock: Clock
) -> None:
    told = tmp_path / "told"
    alert = f"""lease = "closed"\nlease_s = 60\nalert = ["sh", "-c", "echo $0 >> {told}"]\n"""
    machine = Machine(tmp_path, extra=alert)
    lease = Lease(machine.settings)
    # given a coordinator that is heard once and then no more
    seen = await rounds(lease, machine, clock, [10, 15, 10, 10, 30])
    # then the end of the lease does not move, and people were told once, before it ran out
    assert set(seen) == {1060}
    (line,) = told.read_text().splitlines()
    assert line == "Allstop host build-7: the coordinator is silent, agents stop in 25 s"
    assert lease.words()["seconds_left"] == 0
    # and when it is heard again, the lease is new, and the next silence is told again
    lease.renewed()
    assert await rounds(lease, machine, clock, [40]) == [1135, 1135]
    assert len(told.read_text().splitlines()) == 2


async def test_an_alert_that_cannot_be_given_stops_nothing(tmp_path: Path, clock: Clock) -> None:
    machine = Machine(tmp_path, extra='lease = "closed"\nalert = ["/does/not/exist"]\n')
    lease = Lease(machine.settings)
    assert await rounds(lease, machine, clock, [40, 5]) == [1060, 1060, 1060]

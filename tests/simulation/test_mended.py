"""What the simulator and its review once found in the use cases, kept found."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from allstop.adapters.memory_store import MemoryStore
from allstop.application import monitor
from allstop.application.hub import Hub
from allstop.application.runner import Runner
from allstop.domain.policy import Meter, ProbeSpec
from allstop.errors import Unavailable
from allstop.testing.simulator import Faults, simulate
from allstop.testing.simulator.run import Run
from allstop.testing.simulator.virtual_time import SECOND
from tests.simulation.__main__ import hush


@pytest.fixture(autouse=True)
def _quiet() -> None:
    hush()


def test_a_verb_that_leaves_a_mark_is_looked_for_when_its_answer_is_lost() -> None:
    """Its attempt could not be ended as unknown: the claim stood, and the plan with it, for ever."""
    looked = 0
    for seed in range(11):
        # What is seen of the services always arrives: an hour of stability is not seen through a network like that.
        faults = Faults(trouble="release", lost_answer=30, lost_request=15, clear_sight=True)
        run = Run(seed, faults)
        result = run.play()
        assert result.sound, (seed, result.violations)
        calls = [one for one in run.journal.calls if one.effect.verb == "rollback"]
        looked += sum(1 for one in calls if one.how == "observe")
        for before, after in pairwise(calls):
            same = before.effect.id == after.effect.id
            assert not (same and before.how == after.how == "act"), "it was done again unseen"
    assert looked


def test_an_outcome_that_cannot_be_recorded_ends_the_coordinator_and_is_observed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It used to be dropped in silence, and its claim stood until somebody restarted the program."""
    report = Runner._report
    failures: list[str] = []

    async def full(self: Runner, claim: Any, *rest: Any) -> None:
        if claim.effect.verb == "isolate" and not failures:
            failures.append(claim.effect.id)
            raise Unavailable("the disk is full")
        await report(self, claim, *rest)

    monkeypatch.setattr(Runner, "_report", full)
    run = Run(1, Faults.calm())
    result = run.play()
    assert [one.invariant for one in result.violations] == ["life"]
    calls = [one.how for one in run.journal.calls if one.effect.id == failures[0]]
    assert calls[:2] == ["act", "observe"]


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1e999999", "lots", 12.5])
def test_a_meter_that_reports_nonsense_does_not_end_the_monitor(amount: object) -> None:
    probe = ProbeSpec("till", "payments", "script", {}, 1000, 1, 1)
    meter = Meter(probe, lost="lost", currency="currency", window_ms="window")
    facts = {"lost": amount, "currency": "USD", "window": 3_600_000}
    found = monitor._loss(facts, meter)
    assert found is None if isinstance(amount, str) else found.amount == "12.50"


def test_those_who_wait_are_woken_in_the_order_they_came() -> None:
    """In the order of their addresses, two runs of one seed would differ."""
    hub = Hub(MemoryStore())
    wakers = [hub.waker() for _ in range(50)]
    assert list(hub._wakers) == wakers
    for waker in wakers:
        hub.forget(waker)
        hub.forget(waker)
    assert not hub._wakers


async def test_a_wake_up_and_a_cancellation_at_once_end_the_wait() -> None:
    """asyncio.wait_for of Python 3.11 swallows that cancellation, so shutting down could hang."""
    waker = asyncio.Event()

    async def wait() -> None:
        async with asyncio.timeout(60):
            await waker.wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waker.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "wait_for" not in {*Runner._idle.__code__.co_names, *Runner._attempt.__code__.co_names}


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_monitor_declares_although_the_clock_was_set_back(seed: int) -> None:
    """`began_at` lay in the future then, and every declaration was refused for two hours."""
    run = Run(seed, Faults.calm())
    at = (62 + 7 * seed) * SECOND
    run.time.after(at, lambda: run.step_wall(-7200 * SECOND))
    result = run.play()
    assert result.sound, result.violations
    assert result.virtual_us < 10 * 60 * SECOND


def test_a_calm_run_has_no_finding() -> None:
    assert simulate(1).sound

"""Looks that may hang: one thread for each thing, and no delay for others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from allstop.adapters.mechanisms import threads
from allstop.adapters.mechanisms.threads import HangingLooks, StillLookingError
from tests.adapters.process_worlds import until


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    gate = threading.Event()
    yield gate
    gate.set()


async def test_a_look_that_hangs_delays_only_its_own_thing(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a look that hangs, it times out, the next at the same thing fails at once, others go on,
    and when it comes back at last, so does the thing."""
    monkeypatch.setattr(threads, "_JUST_BEGUN_NS", 0)
    looks: HangingLooks[int] = HangingLooks()
    began = threading.active_count()
    with pytest.raises(TimeoutError):
        await looks.look("hangs", lambda: gate.wait() and 1, 50)
    for _ in range(3):
        with pytest.raises(StillLookingError):
            await looks.look("hangs", lambda: 2, 1000)
    assert await looks.look("other", lambda: 3, 1000) == 3
    await until(lambda: threading.active_count() == began + 1)
    gate.set()
    while True:
        try:
            assert await looks.look("hangs", lambda: 4, 1000) == 4
            return
        except StillLookingError:
            await asyncio.sleep(0.005)


async def test_who_asks_meanwhile_gets_the_same_answer(gate: threading.Event) -> None:
    """Given a look that has just begun, a second one waits for it, and each keeps its own time-out."""
    looks: HangingLooks[object] = HangingLooks()
    answers = [object(), object()]

    def first() -> object:
        gate.wait()
        return answers[0]

    one = asyncio.create_task(looks.look("thing", first, 5000))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await looks.look("thing", lambda: answers[1], 10)
    two = asyncio.create_task(looks.look("thing", lambda: answers[1], 5000))
    await asyncio.sleep(0)
    gate.set()
    assert [await one, await two] == [answers[0], answers[0]]


async def test_what_the_work_raises_is_raised() -> None:
    """Given work that fails, whoever asked hears of it, and the next one begins anew."""
    looks: HangingLooks[int] = HangingLooks()
    with pytest.raises(ZeroDivisionError):
        await looks.look("thing", lambda: 1 // 0, 1000)
    assert await looks.look("thing", lambda: 5, 1000) == 5

"""Looks that may hang, and short work: as few threads as do, and no delay for others."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Iterator

import pytest

from allstop.adapters.mechanisms import threads
from allstop.adapters.mechanisms.threads import HangingLooks, ShortWork, StillLookingError
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
    # Threads that other looks have left idle would hide whether this one needs more than it should.
    monkeypatch.setattr(threads, "_LOOKING", ShortWork("test", 1000))
    looks: HangingLooks[int] = HangingLooks()
    assert await looks.look("first", lambda: 0, 1000) == 0
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


# --- short work --------------------------------------------------------------------------------------


async def test_short_work_is_done_by_one_thread_after_another() -> None:
    """Given many short pieces at once, when they are done, then in order, and never two at the same time."""
    short, order = ShortWork("test", 8), []
    under_way = threading.Lock()

    def work(number: int) -> int:
        assert under_way.acquire(blocking=False)
        order.append(number)
        under_way.release()
        return number

    pieces = [functools.partial(work, number) for number in range(50)]
    found = await asyncio.gather(*(short.run(piece, 10_000) for piece in pieces))
    assert found == order == list(range(50))


async def test_what_hangs_does_not_hold_up_the_others(gate: threading.Event) -> None:
    """Given a piece that hangs, when others come, then they are done all the same, and it ends by its time-out;
    when all the threads there may be hang, others run into theirs, and are not done afterwards."""
    short, done = ShortWork("test", 3), []
    hanging = [asyncio.create_task(short.run(gate.wait, 60_000)) for _ in range(2)]
    assert await short.run(lambda: "through", 10_000) == "through"
    with pytest.raises(TimeoutError):
        await short.run(gate.wait, 50)
    with pytest.raises(TimeoutError):
        await short.run(lambda: done.append("too late"), 50)
    gate.set()
    assert await asyncio.gather(*hanging) == [True, True]
    assert await short.run(lambda: "again", 10_000) == "again"
    assert done == []


async def test_whoever_gives_up_waiting_has_it_not_done(gate: threading.Event) -> None:
    """Given a piece that waits for its turn, when whoever wants it is cancelled, then it is not done."""
    short, done = ShortWork("test", 1), []
    hanging = asyncio.create_task(short.run(gate.wait, 60_000))
    given_up = asyncio.create_task(short.run(lambda: done.append("unwanted"), 60_000))
    await asyncio.sleep(0)
    given_up.cancel()
    gate.set()
    await hanging
    await asyncio.gather(given_up, return_exceptions=True)
    assert await short.run(lambda: "next", 10_000) == "next"
    assert done == []


async def test_what_short_work_raises_is_raised() -> None:
    """Given work that fails, whoever asked hears of it, and the next piece is done."""
    short = ShortWork("test", 2)
    with pytest.raises(ZeroDivisionError):
        await short.run(lambda: 1 // 0, 10_000)
    assert await short.run(lambda: 5, 10_000) == 5


def test_short_work_outlives_the_loop_it_was_asked_on(gate: threading.Event) -> None:
    """Given a loop that ended while a piece hung, when another loop asks, then its work is done."""
    short = ShortWork("test", 4)

    async def hang() -> None:
        with pytest.raises(TimeoutError):
            await short.run(gate.wait, 20)

    async def ask() -> int:
        return await short.run(lambda: 5, 10_000)

    asyncio.run(hang())
    assert asyncio.run(ask()) == 5
    gate.set()
    assert asyncio.run(ask()) == 5

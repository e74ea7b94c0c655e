"""The turnstile: many that are ready at once go one after another, and the first gets far ahead."""

from __future__ import annotations

import asyncio

from allstop.application.turnstile import Turnstile


async def test_the_first_is_two_steps_on_before_the_last_has_come_in() -> None:
    """Given five who are ready at the same moment, when each goes two steps, then they come in by order of arrival,
    and the first takes its second step before the last takes its first."""
    turnstile, steps = Turnstile(), []

    async def walk(name: int) -> None:
        await turnstile.through()
        steps.append((name, "first"))
        await asyncio.sleep(0)
        steps.append((name, "second"))

    await asyncio.gather(*(walk(name) for name in range(5)))
    assert [name for name, what in steps if what == "first"] == [0, 1, 2, 3, 4]
    assert steps.index((0, "second")) < steps.index((4, "first"))


async def test_whoever_comes_alone_passes_at_once() -> None:
    """Given nobody else, when one comes, then it passes without giving way to others; and so does the next one
    once that is over."""
    turnstile = Turnstile()
    others: list[str] = []
    asyncio.get_running_loop().call_soon(others.append, "another")
    await turnstile.through()
    assert others == []
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(others.append, "another")
    await turnstile.through()
    assert others == ["another"]


async def test_who_gives_up_holds_nobody_up() -> None:
    """Given three who wait, when the middle one is cancelled, then the last one passes all the same."""
    turnstile, passed = Turnstile(), []

    async def walk(name: int) -> None:
        await turnstile.through()
        passed.append(name)

    tasks = [asyncio.create_task(walk(name)) for name in range(4)]
    await asyncio.sleep(0)
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert passed == [0, 1, 3]
    await walk(4)
    assert passed == [0, 1, 3, 4]

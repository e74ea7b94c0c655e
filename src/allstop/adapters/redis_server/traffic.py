"""Writes that wait (a pause, which ends by itself) and writes that are refused (a fence, which does not)."""

from __future__ import annotations

from pydantic import Field

from allstop.adapters.mechanisms.order_marks import marking
from allstop.adapters.mechanisms.text import seconds
from allstop.adapters.redis_server.resp import Line, line
from allstop.adapters.redis_server.server import (
    Attempt,
    Info,
    OrderOptions,
    Refused,
    Unsettled,
    Verb,
    Writes,
    expected,
    try_to_write,
)
from allstop.domain.effects import Outcome, done, failed, unknown
from allstop.domain.policy.tables import Scalar

FENCE = 1_000_000_000
"""What a fence adds to the replicas a write needs: nobody has so many, and the rest is what was there."""

_NEEDED, _LAG = "min-replicas-to-write", "min-replicas-max-lag"


class PauseOptions(OrderOptions):
    """Which server's writes are to wait, and for how long."""

    pause_ms: int = Field(
        default=60_000,
        ge=1000,
        le=3_600_000,
        title="Pause",
        description="Milliseconds after which the server lets writes through by itself, unless it is renewed.",
    )


async def _ordered(attempt: Attempt, opened: Line, *words: str) -> Info:
    """Give one order to a primary, with its number noted first. Raises Refused, NewerOrder, ..."""
    options, effect = attempt.options, attempt.effect
    ends = effect.verb in ("quiesce", "fence")
    async with marking(options.marks, attempt.deadline, ends=ends) as marks:
        marks.allow(options.place, effect.epoch)
        info = await expected(opened, options)
        if not info.is_primary:
            raise Refused(f"{options.place} is a replica: its writes come from its primary")
        marks.put(options.place, effect)
        await attempt.order(opened, *words)
    return info


# --- pause -----------------------------------------------------------------------------------


async def _quiesce(attempt: Attempt) -> Outcome:
    options: PauseOptions = attempt.options
    async with line(options, attempt.deadline) as opened:
        await _ordered(attempt, opened, "CLIENT", "PAUSE", str(options.pause_ms), "WRITE")
    state, seen = await try_to_write(options, attempt.deadline)
    facts: dict[str, Scalar] = {
        "writes": state.value,
        "paused_ms": options.pause_ms,
        "renew_within_ms": options.pause_ms // 2,
    }
    until = f"let through again after {seconds(options.pause_ms)} unless renewed"
    if state is Writes.WAITING:
        return done(f"writes wait: {seen}; {until}", facts)
    if state is Writes.FENCED:
        return done(f"a fence refuses writes, and behind it they wait; {until}", facts)
    if state is Writes.HIDDEN:
        raise Unsettled(f"it took the pause, but whether writes wait cannot be tried: {seen}")
    return failed(f"it took the pause, but {seen}", facts)


async def _unquiesce(attempt: Attempt) -> Outcome:
    options: OrderOptions = attempt.options
    async with line(options, attempt.deadline) as opened:
        await _ordered(attempt, opened, "CLIENT", "UNPAUSE")
    state, seen = await try_to_write(options, attempt.deadline)
    facts: dict[str, Scalar] = {"writes": state.value}
    if state is Writes.WAITING:
        return failed(f"it ended the pause, but {seen}", facts)
    if state is Writes.TAKEN:
        return done(f"no pause: {seen}", facts)
    return done(f"the pause has ended by its own word; a write says {seen}", facts)


async def _seen_paused(attempt: Attempt) -> Outcome:
    state, seen = await try_to_write(attempt.options, attempt.deadline)
    if state is Writes.WAITING:
        return done(f"writes wait: {seen}")
    return failed(seen) if state is Writes.TAKEN else unknown(seen)


async def _seen_unpaused(attempt: Attempt) -> Outcome:
    state, seen = await try_to_write(attempt.options, attempt.deadline)
    if state is Writes.TAKEN:
        return done(f"no pause: {seen}")
    return failed(seen) if state is Writes.WAITING else unknown(seen)


# --- fence -----------------------------------------------------------------------------------


async def _needed(opened: Line) -> int:
    """How many replicas a write needs now. Raises Refused when the server has no such setting."""
    found = await opened.setting(_NEEDED)
    if found is None or not found.isdigit():
        raise Refused(f"the server has no {_NEEDED}")
    return int(found)


async def _fence(attempt: Attempt) -> Outcome:
    options: OrderOptions = attempt.options
    async with line(options, attempt.deadline) as opened:
        needed = await _needed(opened)
        if await opened.setting(_LAG) == "0":
            raise Refused(f"{_LAG} is 0, with which no number of replicas is asked for: set it")
        wanted = needed if needed >= FENCE else needed + FENCE
        await _ordered(attempt, opened, "CONFIG", "SET", _NEEDED, str(wanted))
        held = await _needed(opened)
    state, seen = await try_to_write(options, attempt.deadline)
    facts: dict[str, Scalar] = {"writes": state.value, "previous": wanted - FENCE}
    if held != wanted:
        return failed(f"the fence was set, but {_NEEDED} is {held}", facts)
    if state is Writes.HIDDEN:
        raise Unsettled(f"the fence is set, but whether it holds cannot be tried: {seen}")
    if state is not Writes.FENCED:
        return failed(f"the fence is set, but {seen}", facts)
    return done(f"writes are refused: {seen}", facts)


async def _unfence(attempt: Attempt) -> Outcome:
    options: OrderOptions = attempt.options
    async with line(options, attempt.deadline) as opened:
        needed = await _needed(opened)
        wanted = needed - FENCE if needed >= FENCE else needed
        await _ordered(attempt, opened, "CONFIG", "SET", _NEEDED, str(wanted))
        held = await _needed(opened)
    state, seen = await try_to_write(options, attempt.deadline)
    facts: dict[str, Scalar] = {"writes": state.value, _NEEDED.replace("-", "_"): held}
    if held != wanted:
        return failed(f"the fence was lifted, but {_NEEDED} is {held}", facts)
    if state is Writes.FENCED:
        return done(f"no fence; a write needs {held} replicas, as before: {seen}", facts)
    return done(f"no fence: {seen}", facts)


async def _seen_fence(attempt: Attempt) -> Outcome:
    async with line(attempt.options, attempt.deadline) as opened:
        stands = await _needed(opened) >= FENCE
    state, seen = await try_to_write(attempt.options, attempt.deadline)
    if attempt.effect.verb == "unfence":
        return failed("a fence stands") if stands else done(f"no fence stands; {seen}")
    if stands and state is Writes.FENCED:
        return done(f"writes are refused: {seen}")
    return failed(f"no fence stands: {seen}") if not stands else unknown(seen)


VERBS = {
    "quiesce": Verb(_quiesce, _seen_paused),
    "unquiesce": Verb(_unquiesce, _seen_unpaused),
    "fence": Verb(_fence, _seen_fence),
    "unfence": Verb(_unfence, _seen_fence),
}

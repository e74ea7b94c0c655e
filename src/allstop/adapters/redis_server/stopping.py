"""A stop that loses nothing: the server saves, waits for its replicas as long as it wants to, and is gone."""

from __future__ import annotations

import asyncio
import contextlib
import time

import psutil

from allstop.adapters.mechanisms.order_marks import Mark, marking, read_marks
from allstop.adapters.mechanisms.process_tree import is_gone
from allstop.adapters.mechanisms.text import seconds
from allstop.adapters.redis_server.resp import (
    Line,
    LoginOptions,
    Lost,
    Nonsense,
    Refusal,
    Unreachable,
    line,
)
from allstop.adapters.redis_server.server import (
    Attempt,
    Info,
    OrderOptions,
    Refused,
    Unsettled,
    Verb,
    expected,
    read_info,
)
from allstop.domain.effects import Outcome, done, failed, unknown

_PAUSE_S = 0.05
# What a server needs beside its own waiting, to save and to end.
_ROOM_MS = 2000
_CLOCKS_AGREE_S = 5


async def _stop(attempt: Attempt) -> Outcome:
    options: OrderOptions = attempt.options
    async with marking(options.marks, attempt.deadline, ends=True) as marks:
        standing = marks.allow(options.place, attempt.effect.epoch)
        try:
            async with line(options, attempt.deadline) as opened:
                info = await expected(opened, options)
                await _has_time(attempt, opened, info)
                process = _process(options, info)
                marks.put(options.place, attempt.effect, {"run": info.text("run_id")})
                attempt.changed = True
                try:
                    await _shut_down(opened)
                except Refused:
                    marks.put(
                        options.place, attempt.effect, {}
                    )  # a later absence is no stop of ours
                    raise
        except Unreachable as error:
            return _gone_before(error, standing, options)
    return await _until_gone(attempt, info.text("run_id"), process)


async def _has_time(attempt: Attempt, opened: Line, info: Info) -> None:
    """The server waits for replicas that lag, by its own time-out. To be killed meanwhile would harm it."""
    found = await opened.setting("shutdown-timeout")
    waits_ms = 1000 * int(found) if found is not None and found.isdigit() else 0
    if info.is_primary and info.replicas and attempt.effect.timeout_ms < waits_ms + _ROOM_MS:
        raise Refused(
            f"the server itself may wait {seconds(waits_ms)} for its replicas:"
            f" give the stop {seconds(waits_ms + _ROOM_MS)} or more"
        )


async def _shut_down(opened: Line) -> None:
    """Order it. The answer to success is that the connection ends. Raises Refused, Nonsense."""
    try:
        said = await opened.ask("SHUTDOWN", "SAVE")
    except Refusal as error:
        raise Refused(f"it does not stop: {error}") from None
    except Lost:
        return
    raise Nonsense(f"SHUTDOWN is answered with {type(said).__name__}")


def _process(options: LoginOptions, info: Info) -> psutil.Process | None:
    """The server's process where it is one of this machine; None where that cannot be told."""
    if not options.is_near:
        return None
    with contextlib.suppress(psutil.Error, ValueError):
        process = psutil.Process(info.number("process_id"))
        began = time.time() - info.number("uptime_in_seconds")
        # In a container its number may be a stranger's here.
        if abs(process.create_time() - began) < _CLOCKS_AGREE_S:
            return process
    return None


def _is_stop(mark: Mark | None) -> bool:
    """Whether the last order was a stop that the server took."""
    return mark is not None and mark.verb == "stop" and "run" in mark.notes


def _gone_before(error: Unreachable, standing: Mark, options: OrderOptions) -> Outcome:
    """Nobody is there. That is our stop only if we have stopped it: the address may be a wrong one."""
    if not error.refused:
        raise error
    if _is_stop(standing):
        return done(f"stopped before: {error}")
    return failed(f"{error}, and no stop of ours is on record for {options.place}")


async def _until_gone(attempt: Attempt, run: str, process: psutil.Process | None) -> Outcome:
    """Wait until nobody listens and the process has ended. Raises Unsettled when that takes too long."""
    while True:
        listening, text = await _listening(attempt, run)
        if listening is None:
            return failed(text)
        alive = process is not None and process.is_running() and not is_gone(process.pid)
        if not listening and not alive:
            proof = "" if process is None else ", its process has ended"
            return done(f"it was told to save and stop: {text}{proof}")
        if attempt.deadline.left_ms() < 2 * _PAUSE_S * 1000:
            why = text if listening else "nobody listens, but its process has not ended"
            raise Unsettled(f"it was told to save and stop, and is at it: {why}")
        await asyncio.sleep(_PAUSE_S)


async def _listening(attempt: Attempt, run: str) -> tuple[bool | None, str]:
    """Whether the same server still listens; None when it is one that was started since."""
    try:
        async with line(attempt.options, attempt.deadline) as opened:
            info = await read_info(opened)
    except Unreachable as error:
        return not error.refused, str(error)
    except (Refusal, Lost, Nonsense) as error:
        return True, str(error)
    if info.text("run_id") != run:
        return None, "it has stopped, and somebody has started it again"
    return True, "it still answers"


async def _seen(attempt: Attempt) -> Outcome:
    options: OrderOptions = attempt.options
    mark = read_marks(options.marks).get(options.place)
    try:
        async with line(options, attempt.deadline) as opened:
            await read_info(opened)
    except Unreachable as error:
        if error.refused and _is_stop(mark):
            return done(str(error))
        return unknown(str(error))
    return failed("it still answers")


VERBS = {"stop": Verb(_stop, _seen)}

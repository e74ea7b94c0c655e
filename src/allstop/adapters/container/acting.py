"""What the verbs do to one container; each ends with what was read back."""

from __future__ import annotations

import time

from allstop.adapters.container.engine import Engine, EngineError, Seen
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.text import one_line
from allstop.domain.effects import Outcome, done, failed, retry, unknown
from allstop.domain.policy.tables import Scalar

_KILLED = 137  # 128 + KILL


async def stop(engine: Engine, seen: Seen, grace_ms: int) -> Outcome:
    """Stop signal, then the engine's KILL after the grace."""
    if seen.is_down():
        return done("it was not running", seen.facts())
    note = ""
    if seen.paused:
        # It would never hear the signal, and be killed without having had its grace.
        await engine.change(seen, "unpause")
        note = "; it was paused, and unpaused to hear the signal"
    words = {"t": str(-(-grace_ms // 1000))}
    answer = await engine.change(seen, "stop", words)
    after = await engine.inspect(seen.id)
    if after.is_down():
        forced = after.exit_code == _KILLED
        facts: dict[str, Scalar] = {**after.facts(), "forced": forced}
        text = "killed after its grace" if forced else f"ended with {after.exit_code}"
        return done(text + note, facts)
    if answer.is_good() and (after.restarting or after.started_at != seen.started_at):
        return failed("it was started again by something else", after.facts())
    said = "" if answer.is_good() else f": {answer.said()}"
    return _refusal(answer.status, f"it is still {after.status}{said}", after)


async def kill(engine: Engine, seen: Seen) -> Outcome:
    """KILL, and wait until it is gone."""
    if seen.is_down():
        return done("it was not running", seen.facts())
    answer = await engine.change(seen, "kill", {"signal": "SIGKILL"})
    after = await engine.inspect(seen.id)
    if after.paused:
        # Some engines do not kill what is paused, others do as soon as it may run.
        await engine.change(seen, "unpause")
        if not answer.is_good():
            answer = await engine.change(seen, "kill", {"signal": "SIGKILL"})
        after = await engine.inspect(seen.id)
    while not after.is_down():
        if after.restarting or after.started_at != seen.started_at:
            return failed("it was started again by something else", after.facts())
        if not answer.is_good():
            return _refusal(answer.status, answer.said(), after)
        await engine.pause_between_looks()
        after = await engine.inspect(seen.id)
    return done("killed", after.facts())


async def start(engine: Engine, seen: Seen, settle_ms: int) -> Outcome:
    """Start it, unless it runs; it must stay up for a while."""
    if seen.paused:
        return failed("it is paused: unpause it", seen.facts())
    if not seen.is_up():
        answer = await engine.change(seen, "start")
        if not answer.is_good():
            return _refusal(answer.status, answer.said(), await engine.inspect(seen.id))
    first = await engine.inspect(seen.id)
    after = await settled(engine, first, settle_ms)
    if not after.is_up():
        return failed(f"it is {after.status}, with exit code {after.exit_code}", after.facts())
    if after.started_at != first.started_at:
        return failed("it ended, and was started again by something else", after.facts())
    return done("running" if not seen.is_up() else "it was running", after.facts())


async def settled(engine: Engine, first: Seen, settle_ms: int) -> Seen:
    """How it is after a while, or as soon as it is no longer up. Raises EngineError."""
    wait, after = Deadline(time.monotonic_ns() + settle_ms * 1_000_000), first
    while after.is_up() and after.started_at == first.started_at and not wait.passed():
        await engine.pause_between_looks()
        after = await engine.inspect(first.id)
    return after


async def pause(engine: Engine, seen: Seen) -> Outcome:
    """Freeze all its processes."""
    if seen.paused:
        return done("it was paused", seen.facts())
    if not seen.running:
        return failed(f"it is {seen.status}, so it cannot be paused", seen.facts())
    answer = await engine.change(seen, "pause")
    after = await engine.inspect(seen.id)
    if after.paused:
        return done("paused", after.facts())
    return _refusal(answer.status, answer.said(), after)


async def unpause(engine: Engine, seen: Seen) -> Outcome:
    """Let its processes go on."""
    if seen.is_up():
        return done("it was not paused", seen.facts())
    if not seen.paused:
        return failed(f"it is {seen.status}, not paused", seen.facts())
    answer = await engine.change(seen, "unpause")
    after = await engine.inspect(seen.id)
    if after.is_up():
        return done("running", after.facts())
    return _refusal(answer.status, answer.said(), after)


def _refusal(status: int, said: str, after: Seen) -> Outcome:
    text = one_line(said)
    return retry(text) if status >= 500 else failed(text, after.facts())


def trouble(engine: Engine, error: EngineError) -> Outcome:
    """What an engine without a usable answer means for an attempt."""
    if engine.changed:
        return unknown(f"{error}; it may still take effect")
    return retry(str(error)) if error.passing else failed(str(error))

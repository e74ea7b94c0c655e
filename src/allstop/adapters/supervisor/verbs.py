"""The verbs that end and begin a program, each read back."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import psutil

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.process_handle import ProcessHandle
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.supervisor.calls import Answer, Call, Fault, NoAnswer, Supervisord
from allstop.adapters.supervisor.options import SupervisorOptions
from allstop.adapters.supervisor.states import (
    ALREADY_STARTED,
    ENDED,
    NOT_RUNNING,
    Program,
    info_of,
    program,
    settled,
)
from allstop.domain.effects import Outcome, done, failed, unknown

# Between looks, in milliseconds: soon at first, then less often. One request serves all who wait.
_PAUSES = (0, 3, 10, 25, 50, 100, 200)
# Who is woken by the end of the process itself looks now and then all the same.
_SELDOM_MS = 1000


async def stop(supervisord: Supervisord, options: SupervisorOptions, deadline: Deadline) -> Outcome:
    """The stop signal, and the end awaited for the grace."""
    name = options.process
    calls = (Call("supervisor.stopProcess", (name, False)),)
    seen, refusal = await _tell(supervisord, name, calls, deadline)
    if refusal:
        return failed(f"supervisord would not stop {name}: {refusal}")
    if seen.state in ENDED:
        return done(seen.words(), {"still": False, **seen.facts()})
    by_grace = time.monotonic_ns() + options.grace * 1_000_000
    until = Deadline(min(by_grace, deadline.at_ns))
    seen = await _until_ended(supervisord, seen, until, deadline)
    if seen.state in ENDED:
        return done(seen.words(), {"still": False, **seen.facts()})
    if seen.state == "UNKNOWN":
        return unknown(f"supervisord does not know what {name} does")
    if deadline.at_ns < by_grace:
        return unknown(f"{seen.words()} when time was up; the signal was sent and may still work")
    text = f"{name} is still running after its grace of {seconds(options.grace)}: {seen.state}"
    return failed(
        one_line(f"{text}; supervisord itself kills it after its stopwaitsecs"),
        {"still": True, **seen.facts()},
    )


async def kill(supervisord: Supervisord, options: SupervisorOptions, deadline: Deadline) -> Outcome:
    """KILL, in such a way that supervisord does not start it again; its end read back."""
    name = options.process
    calls = (
        # First this: a killed program that was not to stop is started again.
        Call("supervisor.stopProcess", (name, False)),
        Call("supervisor.signalProcess", (name, "KILL")),
    )
    seen, refusal = await _tell(supervisord, name, calls, deadline)
    if refusal:
        return failed(f"supervisord would not kill {name}: {refusal}")
    if seen.state not in ENDED:
        seen = await _until_ended(supervisord, seen, deadline, deadline)
    if seen.state not in ENDED:
        return unknown(f"{seen.words()} when time was up; KILL was sent and may still work")
    return done(seen.words(), {"still": False, **seen.facts()})


async def start(
    supervisord: Supervisord, options: SupervisorOptions, deadline: Deadline
) -> Outcome:
    """Start it unless it runs, and wait until supervisord calls it RUNNING: STARTING is not yet."""
    name = options.process
    calls = (info_of(name), Call("supervisor.startProcess", (name, False)))
    near = supervisord.place.is_near()
    fault = ""
    async for count in _pauses(deadline, deadline):
        try:
            before, told = await supervisord.ask(calls, deadline)
        except NoAnswer as error:
            raise NoAnswer(str(error), sent=error.sent or count > 0) from error
        seen = program(name, before)
        if seen.state == "RUNNING":
            break
        if seen.state != "STOPPING":  # such a one says yes, and does not start: it is told again
            refusal = _refusal(told, ALREADY_STARTED)
            fault = f"; supervisord says {refusal}" if refusal else ""
            break
    async for _ in _pauses(deadline, deadline):
        seen = await _look(supervisord, name, deadline)
        if seen.state == "RUNNING" and not (near and _is_still_supervisord(seen.pid)):
            return done(seen.words(), seen.facts())
        if seen.state in ENDED:
            return failed(one_line(f"{seen.words()}{fault}"), seen.facts())
    return unknown(f"{name} was not RUNNING when time was up{fault}; it may still come up")


def _is_still_supervisord(pid: int) -> bool:
    """Whether a process is no more than supervisord's copy of itself, about to become the program.

    With `startsecs=0` that is called RUNNING, and a stop signal sent to it would be lost.
    """
    try:
        process = psutil.Process(pid)
        parent = process.parent()
        return parent is not None and process.cmdline() == parent.cmdline()
    except (psutil.Error, OSError, ValueError):
        return False  # not to be seen from here


async def _tell(
    supervisord: Supervisord, name: str, calls: tuple[Call, ...], deadline: Deadline
) -> tuple[Program, str]:
    """Its state just before these calls, and why one of them was refused."""
    answers = await supervisord.ask((info_of(name), *calls), deadline)
    seen = program(name, answers[0])
    if seen.state == "EXITED":
        # It was not told: supervisord may be about to start it again.
        seen = await settled(supervisord, name, deadline)
        if seen.state not in ENDED:
            answers = await supervisord.ask((info_of(name), *calls), deadline)
            seen = program(name, answers[0])
    refusals = (_refusal(one, NOT_RUNNING) for one in answers[1:])
    return seen, next(filter(None, refusals), "")


def _refusal(answer: Answer, harmless: int) -> str:
    """Why a call was refused; empty when it was not, or only because there was nothing to do."""
    return answer.text if isinstance(answer, Fault) and answer.code != harmless else ""


async def _until_ended(
    supervisord: Supervisord, seen: Program, until: Deadline, deadline: Deadline
) -> Program:
    """Its state when it has ended, or as last seen. Wakes up when its process ends, where that can be seen."""
    handle: ProcessHandle | None = None
    if seen.pid and supervisord.place.is_near():
        # A hint only: should the number be another's, it is looked at all the same.
        with contextlib.suppress(OSError):
            handle = ProcessHandle(seen.pid)
    try:
        while handle is not None and not await handle.ended(min(_SELDOM_MS, until.left_ms())):
            seen = await _look(supervisord, seen.name, deadline)
            if seen.state in ENDED or until.passed():
                return seen
        async for _ in _pauses(until, deadline):
            seen = await _look(supervisord, seen.name, deadline)
            if seen.state in ENDED:
                return seen
        return seen
    finally:
        if handle is not None:
            handle.close()


async def _look(supervisord: Supervisord, name: str, deadline: Deadline) -> Program:
    """Its state, after it was told something: no answer leaves that in the dark."""
    try:
        (answer,) = await supervisord.ask((info_of(name),), deadline)
        return program(name, answer)
    except NoAnswer as error:
        raise NoAnswer(str(error), sent=True) from error


async def _pauses(until: Deadline, deadline: Deadline) -> AsyncIterator[int]:
    """Counts the looks until then, with growing pauses between them; one at least, and one at its end
    if there is time for it before the deadline."""
    count = 0
    while True:
        await asyncio.sleep(min(_PAUSES[min(count, len(_PAUSES) - 1)], until.left_ms()) / 1000)
        if count and deadline.passed():
            return
        yield count
        if until.passed():
            return
        count += 1

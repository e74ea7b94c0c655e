"""Actuator `supervisor`: stops, starts and signals single programs of a supervisord, read back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.order_file import NewerOrder, Unreadable
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import ThreadPool
from allstop.adapters.supervisor.calls import Call, Fault, NoAnswer, Place, Supervisord
from allstop.adapters.supervisor.options import (
    SignalOptions,
    SupervisorOptions,
    TailOptions,
    TargetOptions,
)
from allstop.adapters.supervisor.orders import Orders
from allstop.adapters.supervisor.states import ENDED, Unfit, info_of, program, settled
from allstop.adapters.supervisor.verbs import kill, start, stop
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Ending, Outcome, Repeat, done, failed, retry, unknown

_Work = Callable[[Supervisord, SupervisorOptions, Deadline], Awaitable[Outcome]]
_WORK: dict[str, _Work] = {"stop": stop, "kill": kill, "start": start}
_READING = ("status", "tail")
# The tail of a log may begin within a letter, which supervisord cannot hand out: a letter has four bytes at most.
_LETTER_BYTES = 4


def _verb(name: str, summary: str, inverse: str = "") -> VerbInfo:
    return VerbInfo(name, summary, Repeat.REPEATABLE, SupervisorOptions, inverse)


class Supervisor:
    """See `info`."""

    info = AdapterInfo(
        name="supervisor",
        summary="Stops, starts and signals single programs of a supervisord, read back.",
        version="1",
        ports=("actuator",),
        verbs=(
            _verb("stop", "Sends the program's stop signal and waits for its end.", "start"),
            _verb("kill", "Kills the program's process, and keeps it from being started again.",
                  "start"),
            _verb("start", "Starts it and waits until it is RUNNING.", "stop"),
            VerbInfo("restart", "Stops it within its grace, then starts it.",
                     Repeat.PROBE, SupervisorOptions),
            VerbInfo("signal", "Sends the program's process a signal, once.",
                     Repeat.ONCE, SignalOptions),
            VerbInfo("status", "Says in which state it is.",
                     Repeat.REPEATABLE, TargetOptions, read_only=True),
            VerbInfo("tail", "Keeps the end of its log as evidence.",
                     Repeat.REPEATABLE, TailOptions, read_only=True),
        ),
    )  # fmt: skip

    def __init__(self) -> None:
        # Logs have connections of their own: a long one must not hold up a stop.
        self._places: dict[tuple[Place, bool], Supervisord] = {}
        self._orders = Orders(ThreadPool("supervisor-orders", 16))

    def _supervisord(self, options: TargetOptions, *, logs: bool = False) -> Supervisord:
        place = Place.of(options)
        return self._places.setdefault((place, logs), Supervisord(place))

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """Carry out one order. Orders are fenced: a number lower than one seen is refused."""
        verb = self.info.verb(effect.verb)
        if verb is None:
            return failed(f"no verb {effect.verb}")
        options = read_options(verb.options, effect.options)
        if isinstance(options, str):
            return failed(options)
        deadline = Deadline.within(effect.timeout_ms)
        try:
            if isinstance(options, SupervisorOptions):
                return await self._change(effect, options, deadline)
            if isinstance(options, TailOptions):
                return await self._tail(options, deadline, keep)
            assert isinstance(options, TargetOptions)
            return await self._status(options, deadline)
        except Unfit as error:
            return failed(str(error))
        except NoAnswer as error:
            reading = effect.verb in _READING
            return unknown(str(error)) if error.sent and not reading else retry(str(error))

    async def observe(self, effect: Effect) -> Outcome:
        """Whether the program is in the state that the order asks for."""
        verb = self.info.verb(effect.verb)
        if verb is None:
            return failed(f"no verb {effect.verb}")
        options = read_options(verb.options, effect.options)
        if isinstance(options, str):
            return failed(options)
        if not isinstance(options, SupervisorOptions):
            return failed("a reading changes nothing")
        if effect.verb == "signal":
            return unknown("a signal leaves no mark")
        try:
            return await self._seen(effect, options, Deadline.within(effect.timeout_ms))
        except Unfit as error:
            return failed(str(error))
        except (NoAnswer, Unreadable, TimeoutError) as error:
            return unknown(one_line(str(error)) or "the order file does not answer")

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether supervisord knows the program and leaves it its grace; nothing is told to it."""
        chosen = read_options(SupervisorOptions, options)
        return failed(chosen) if isinstance(chosen, str) else await self._look(chosen, timeout_ms)

    async def ready(self, verb: str, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """The same, by the options of one verb."""
        info = self.info.verb(verb)
        chosen = read_options(info.options, options) if info else f"no verb {verb}"
        if isinstance(chosen, str):
            return failed(chosen)
        assert isinstance(chosen, TargetOptions)
        return await self._look(chosen, timeout_ms)

    async def _look(self, chosen: TargetOptions, timeout_ms: int) -> Outcome:
        calls = (info_of(chosen.process), Call("supervisor.getAllConfigInfo"))
        try:
            deadline = Deadline.within(timeout_ms)
            answers = await self._supervisord(chosen, logs=True).ask(calls, deadline)
            seen = program(chosen.process, answers[0])
        except Unfit as error:
            return failed(str(error))
        except NoAnswer as error:
            return unknown(str(error)) if error.sent else failed(str(error))
        own = _stopwait(chosen.process, answers[1])
        if not isinstance(chosen, SupervisorOptions):
            return done(seen.words())
        if own is not None and own * 1000 <= chosen.grace:
            grace = seconds(chosen.grace)
            return failed(f"its stopwaitsecs of {own}s end before its grace of {grace}")
        return done(seen.words())

    async def _change(
        self, effect: Effect, options: SupervisorOptions, deadline: Deadline
    ) -> Outcome:
        ends = effect.verb in ("stop", "kill")
        try:
            standing = await self._orders.claim(options, effect.epoch, deadline, ends=ends)
        except (NewerOrder, Unreadable) as error:
            return failed(one_line(str(error)))
        except (OSError, TimeoutError) as error:
            return retry(one_line(f"the order file: {error}"))
        supervisord = self._supervisord(options)
        if isinstance(options, SignalOptions):
            return await _signal(supervisord, options, deadline)
        if effect.verb != "restart":
            return await _WORK[effect.verb](supervisord, options, deadline)
        if standing.notes.get("by") == effect.id:
            seen = await settled(supervisord, options.process, deadline)
            if seen.state == "RUNNING":
                return done(f"{seen.words()}, by this order", seen.facts())
        return await self._restart(effect, options, deadline)

    async def _restart(
        self, effect: Effect, options: SupervisorOptions, deadline: Deadline
    ) -> Outcome:
        supervisord = self._supervisord(options)
        stopped = await stop(supervisord, options, deadline)
        if stopped.ending is not Ending.DONE:
            return stopped
        started = await start(supervisord, options, deadline)
        if started.ending is Ending.DONE:
            try:
                await self._orders.note(options, effect.epoch, {"by": effect.id}, deadline)
            except (OSError, TimeoutError) as error:
                return unknown(one_line(f"restarted, but that could not be noted: {error}"))
        return started

    async def _seen(
        self, effect: Effect, options: SupervisorOptions, deadline: Deadline
    ) -> Outcome:
        seen = await settled(self._supervisord(options), options.process, deadline)
        if effect.verb in ("stop", "kill"):
            return done(seen.words()) if seen.state in ENDED else failed(seen.words())
        if seen.state != "RUNNING":
            return failed(seen.words())
        if effect.verb == "start":
            return done(seen.words())
        standing = await self._orders.standing(options, deadline)
        if standing is None:
            return unknown(f"{seen.words()}; without an order file nobody knows by which order")
        ours = standing.notes.get("by") == effect.id
        return done(f"{seen.words()}, by this order") if ours else failed("not by this order")

    async def _status(self, options: TargetOptions, deadline: Deadline) -> Outcome:
        (answer,) = await self._supervisord(options).ask((info_of(options.process),), deadline)
        seen = program(options.process, answer)
        return done(seen.words(), seen.facts())

    async def _tail(self, options: TailOptions, deadline: Deadline, keep: BlobSink) -> Outcome:
        method = f"supervisor.tailProcess{options.stream.capitalize()}Log"
        supervisord = self._supervisord(options, logs=True)
        answer: Any = None
        for fewer in range(_LETTER_BYTES):
            params = (options.process, 0, max(0, options.max_bytes - fewer))
            (answer,) = await supervisord.ask((Call(method, params),), deadline)
            if not (isinstance(answer, Fault) and "UnicodeDecodeError" in answer.text):
                break
        if isinstance(answer, Fault):
            return failed(f"no log of {options.process}: {answer.text}")
        if not isinstance(answer, list) or not answer or not isinstance(answer[0], str):
            return failed("supervisord's answer makes no sense")
        body = answer[0].encode("utf-8", "replace")
        if not body:
            return done(f"the {options.stream} log of {options.process} is empty")
        return done(f"{len(body)} bytes kept", {"bytes": len(body)}, keep(body))


async def _signal(supervisord: Supervisord, options: SignalOptions, deadline: Deadline) -> Outcome:
    name = options.process
    call = Call("supervisor.signalProcess", (name, str(options.signal)))
    before, answer = await supervisord.ask((info_of(name), call), deadline)
    seen = program(name, before)
    if isinstance(answer, Fault):
        return failed(f"supervisord did not signal {name}: {answer.text}")
    return done(f"{options.signal} sent to process {seen.pid} of {name}", seen.facts())


def _stopwait(process: str, answer: Any) -> int | None:
    """After how many seconds supervisord kills it by itself; None when it does not say."""
    for one in answer if isinstance(answer, list) else []:
        if isinstance(one, dict) and f"{one.get('group')}:{one.get('name')}" == process:
            found = one.get("stopwaitsecs")
            return found if isinstance(found, int) else None
    return None

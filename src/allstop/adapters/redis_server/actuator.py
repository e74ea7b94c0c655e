"""Actuator `redis`: pauses, fences, saves and stops a Redis server."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import one_line
from allstop.adapters.redis_server import keeping, proving, stopping, traffic
from allstop.adapters.redis_server.keeping import FlushOptions, SnapshotOptions, reachable_folder
from allstop.adapters.redis_server.proving import ProvingOptions
from allstop.adapters.redis_server.resp import (
    LoginOptions,
    Lost,
    Nonsense,
    Refusal,
    Unreachable,
    line,
)
from allstop.adapters.redis_server.server import (
    Attempt,
    Busy,
    OrderOptions,
    Refused,
    ServerOptions,
    Unsettled,
    Verb,
    expected,
    settled,
)
from allstop.adapters.redis_server.traffic import PauseOptions
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Ending, Outcome, Repeat, done, failed, unknown

_WORK: dict[str, Verb] = {**traffic.VERBS, **keeping.VERBS, **proving.VERBS, **stopping.VERBS}


def _verb(
    name: str,
    summary: str,
    options: type[BaseModel],
    inverse: str = "",
    repeat: Repeat = Repeat.REPEATABLE,
) -> VerbInfo:
    return VerbInfo(name, summary, repeat, options, inverse)


class Redis:
    """See `info`."""

    info = AdapterInfo(
        name="redis",
        summary="Pauses and fences the writes of a Redis server, saves it, proves the copy, stops it.",
        version="1",
        ports=("actuator",),
        verbs=(
            _verb(
                "quiesce",
                "Lets writes wait, for a while that can be renewed by doing it again.",
                PauseOptions,
                "unquiesce",
            ),
            _verb("unquiesce", "Lets writes that wait go on.", PauseOptions),
            _verb(
                "fence",
                "Lets the server refuse writes, until it is unfenced or restarted.",
                OrderOptions,
                "unfence",
            ),
            _verb(
                "unfence",
                "Lets the server take writes under the conditions it had before.",
                OrderOptions,
            ),
            _verb(
                "flush",
                "Waits until what was written is on disk, and with so many replicas.",
                FlushOptions,
            ),
            _verb(
                "snapshot",
                "Has the server save, and copies the dump with its checksum and its count of keys.",
                SnapshotOptions,
                repeat=Repeat.PROBE,
            ),
            _verb(
                "verify-snapshot",
                "Proves the newest copy: checksum, checker, and a load that has all the keys.",
                ProvingOptions,
            ),
            _verb(
                "stop",
                "Has the server save and stop, and sees that it is gone.",
                OrderOptions,
            ),
        ),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """Carry out one order. Nothing is sent to a server that is not what the options say."""
        attempt = self._attempt(effect, keep)
        if isinstance(attempt, str):
            return failed(attempt)
        return await settled(_WORK[effect.verb].act, attempt)

    async def observe(self, effect: Effect) -> Outcome:
        """Whether the server is as the order wants it, or has left what the order makes."""
        attempt = self._attempt(effect, _nowhere)
        if isinstance(attempt, str):
            return failed(attempt)
        seen = await settled(_WORK[effect.verb].observe, attempt)
        # What cannot be asked now is not known; "later" is no answer here.
        seen = unknown(seen.because) if seen.ending is Ending.RETRY else seen
        return Outcome(seen.ending, seen.because, seen.facts)

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether an order with these options could be given, without giving one."""
        for verb in self.info.verbs:
            chosen = read_options(verb.options, options)
            if isinstance(chosen, LoginOptions):
                return await _reach(chosen, timeout_ms)
        return failed("no verb takes these options")

    def _attempt(self, effect: Effect, keep: BlobSink) -> Attempt | str:
        verb = self.info.verb(effect.verb)
        if verb is None:
            return f"no verb {effect.verb}"
        options = read_options(verb.options, effect.options)
        if isinstance(options, str):
            return options
        return Attempt(effect, options, Deadline.within(effect.timeout_ms), keep)


def _nowhere(body: bytes) -> str:  # noqa: ARG001
    """Evidence of an observation is not kept: what it is about was kept when it was done."""
    return ""


async def _reach(options: LoginOptions, timeout_ms: int) -> Outcome:
    lacking = reachable_folder(options)
    if lacking:
        return failed(one_line(lacking))
    if not isinstance(options, ServerOptions):
        return done("the folder is there")
    try:
        async with line(options, Deadline.within(timeout_ms)) as opened:
            info = await expected(opened, options)
            await opened.setting("min-replicas-to-write")
    except (Refused, Refusal, Nonsense) as error:
        return failed(one_line(str(error)))
    except Unreachable as error:
        return unknown(str(error)) if error.passing else failed(str(error))
    except (Lost, Busy, Unsettled) as error:
        return unknown(one_line(str(error)))
    if info.is_loading:
        return unknown("the server is loading its data")
    return done(f"{options.place} answers, and may be configured")

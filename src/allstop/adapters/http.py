"""Actuator `http`: PUT a state to a service, switch it and see that it holds, or read what it says."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

from pydantic import Field

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.facts import facts_in, facts_of, mismatch, read_json
from allstop.adapters.mechanisms.http_calls import (
    Answer,
    NoAnswer,
    Request,
    call,
    connects,
    not_accepted,
)
from allstop.adapters.mechanisms.options import Options, filled, read_options
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Ending, Outcome, Repeat, done, failed, retry, unknown
from allstop.domain.policy.tables import Scalar

_MOST_BYTES = 65_536
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5


class PutOptions(Options):
    """The state to put, and how to see that it holds."""

    url: str = Field(title="URL", description="Address to PUT to, http or https.")
    json_body: Any = Field(
        default=None,
        alias="json",
        title="JSON body",
        description=(
            "Sent with the request; {epoch} in its strings becomes the order's number, {key} its id."
        ),
    )
    observe_url: str = Field(
        default="",
        title="Observe URL",
        description="Asked after a crash, whether the state already holds; empty: cannot be asked.",
    )
    expect_json: dict[str, Scalar] = Field(
        default_factory=dict,
        title="Expected JSON",
        description='Path ("a.b") to the exact scalar at observe_url when the state holds.',
    )


class SwitchOptions(Options):
    """What to send, and where it shows that it was done."""

    url: str = Field(title="URL", description="Address to send to, http or https.")
    method: Literal["POST", "PUT", "PATCH", "DELETE"] = Field(
        default="POST", title="Method", description="How to send it."
    )
    json_body: Any = Field(
        default=None,
        alias="json",
        title="JSON body",
        description=(
            "Sent with the request; {epoch} in its strings becomes the order's number, {key} its id."
        ),
    )
    expect_status: list[int] = Field(
        default_factory=list,
        title="Expected status",
        description="Statuses that mean it was taken; empty: 200 to 299.",
    )
    read_url: str = Field(
        title="Read URL", description="Asked before and after, until it says what is expected."
    )
    read_json: dict[str, Scalar] = Field(
        min_length=1,
        title="Read JSON",
        description='Path ("a.b") to the exact scalar at read_url once it is done.',
    )


class ReadOptions(Options):
    """What to read."""

    url: str = Field(title="URL", description="Address to GET, http or https.")


class Http:
    """See `info`."""

    info = AdapterInfo(
        name="http",
        summary="Puts a state to a URL, switches a service and reads that back, or reads.",
        version="1",
        ports=("actuator",),
        verbs=(
            VerbInfo("put", "PUTs a state; safe to repeat.", Repeat.REPEATABLE, PutOptions),
            VerbInfo(
                "switch",
                "Sends a request unless its effect is there, and is done once it is read back.",
                Repeat.REPEATABLE,
                SwitchOptions,
            ),
            VerbInfo(
                "read",
                "GETs a URL; the answer is kept as evidence.",
                Repeat.REPEATABLE,
                ReadOptions,
                read_only=True,
            ),
        ),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """Send one request. A PUT that was sent and not answered is unknown."""
        match effect.verb:
            case "put":
                return await _put(effect)
            case "switch":
                return await _switch(effect)
            case "read":
                return await _read(effect, keep)
            case _:
                return failed(f"no verb {effect.verb}")

    async def observe(self, effect: Effect) -> Outcome:
        """Ask whether the state holds, at `observe_url` or `read_url`."""
        if effect.verb == "read":
            return failed("a reading changes nothing")
        if effect.verb == "switch":
            return await _observe_switch(effect)
        options = read_options(PutOptions, effect.options)
        if isinstance(options, str):
            return unknown(options)
        if not options.observe_url or not options.expect_json:
            return unknown("no address to observe, or nothing expected there")
        seen = await _state(options.observe_url, options.expect_json, effect, effect.timeout_ms)
        return Outcome(seen.ending, seen.because)

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether somebody takes connections at each address, and read_url answers with JSON."""
        for verb in self.info.verbs:
            chosen = read_options(verb.options, options)
            if isinstance(chosen, PutOptions | SwitchOptions | ReadOptions):
                return await _reach(chosen, timeout_ms)
        return failed("no verb takes these options")


async def _reach(options: PutOptions | SwitchOptions | ReadOptions, timeout_ms: int) -> Outcome:
    deadline = Deadline.within(timeout_ms)
    fault = await connects(options.url, deadline.left_ms())
    if fault is None and isinstance(options, SwitchOptions):
        answer = await call(_get(options.read_url, deadline.left_ms()))
        if isinstance(answer, NoAnswer):
            fault = answer
        elif lacking := _value_of(answer)[1]:
            return failed(one_line(f"{options.read_url} {lacking}"))
    if fault is None:
        return done("somebody listens there")
    return unknown(fault.because) if fault.usable else failed(fault.because)


def _value_of(answer: Answer) -> tuple[Any, str]:
    """The JSON of an answer, or why there is none."""
    if not 200 <= answer.status <= 299 or answer.cut:
        return None, f"answered {answer.status}" + (", too long" if answer.cut else "")
    try:
        return read_json(answer.body), ""
    except ValueError:
        return None, "answered what is no JSON"


async def _state(url: str, expected: dict[str, Scalar], effect: Effect, timeout_ms: int) -> Outcome:
    """done: the state holds; failed: it does not, and how; unknown: it cannot be asked."""
    answer = await call(_get(url, timeout_ms))
    if isinstance(answer, NoAnswer):
        return unknown(answer.because)
    value, lacking = _value_of(answer)
    if lacking:
        return unknown(one_line(f"{url} {lacking}"))
    fault = mismatch(value, filled(expected, _words(effect)))
    return failed(fault, facts_of(value)) if fault else done("the state holds", facts_of(value))


async def _observe_switch(effect: Effect) -> Outcome:
    options = read_options(SwitchOptions, effect.options)
    if isinstance(options, str):
        return failed(options)
    return await _state(options.read_url, options.read_json, effect, effect.timeout_ms)


async def _switch(effect: Effect) -> Outcome:
    """Look, send, and look until the state holds. What was taken and does not show is unknown."""
    options = read_options(SwitchOptions, effect.options)
    if isinstance(options, str):
        return failed(options)
    deadline = Deadline.within(effect.timeout_ms)
    try:
        content = _content(options, effect)
    except ValueError as error:
        return failed(one_line(f"the body cannot be sent: {error}"))
    before = await _state(options.read_url, options.read_json, effect, deadline.left_ms())
    if before.ending is Ending.DONE:
        return done("the state held already", before.facts)
    answer = await call(_sending(options.method, options.url, content, effect, deadline.left_ms()))
    if isinstance(answer, NoAnswer) and not answer.sent:
        return _unanswered(answer)
    said = _said(answer, options)
    if isinstance(said, Outcome):
        return said
    return await _until_seen(said, options, effect, deadline)


def _said(answer: Answer | NoAnswer, options: SwitchOptions) -> Outcome | str:
    """What was said to the request, in words; or the outcome, where it was refused."""
    if isinstance(answer, NoAnswer):
        return f"sent, but {answer.because}"
    taken = 200 <= answer.status <= 299
    if answer.status in options.expect_status or (taken and not options.expect_status):
        return f"answered {answer.status}"
    return not_accepted(answer) if not taken else failed(f"answered {answer.status}")


async def _until_seen(
    said: str, options: SwitchOptions, effect: Effect, deadline: Deadline
) -> Outcome:
    pause = _FIRST_PAUSE_S
    while True:
        seen = await _state(options.read_url, options.read_json, effect, deadline.left_ms())
        if seen.ending is Ending.DONE:
            return done(f"{said}; {seen.because}", seen.facts)
        if deadline.left_ms() <= pause * 1000:
            within = seconds(effect.timeout_ms)
            return unknown(one_line(f"{said}; not seen within {within}: {seen.because}"))
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def _words(effect: Effect) -> dict[str, str | int]:
    return {"epoch": effect.epoch, "key": effect.id}


def _get(url: str, timeout_ms: int) -> Request:
    return Request("GET", url, timeout_ms, max_bytes=_MOST_BYTES)


def _sending(
    method: str, url: str, content: bytes | None, effect: Effect, timeout_ms: int
) -> Request:
    headers = {"content-type": "application/json", "allstop-epoch": str(effect.epoch)}
    return Request(method, url, timeout_ms, content=content, headers=headers, max_bytes=_MOST_BYTES)


def _content(options: PutOptions | SwitchOptions, effect: Effect) -> bytes | None:
    if options.json_body is None:
        return None
    body = filled(options.json_body, _words(effect))
    return json.dumps(body, allow_nan=False, ensure_ascii=False).encode("utf-8")


async def _put(effect: Effect) -> Outcome:
    options = read_options(PutOptions, effect.options)
    if isinstance(options, str):
        return failed(options)
    try:
        content = _content(options, effect)
    except ValueError as error:
        return failed(one_line(f"the body cannot be sent: {error}"))
    answer = await call(_sending("PUT", options.url, content, effect, effect.timeout_ms))
    if isinstance(answer, NoAnswer):
        return _unanswered(answer)
    if not 200 <= answer.status <= 299:
        return not_accepted(answer)
    return done(f"answered {answer.status}", facts_in(b"" if answer.cut else answer.body))


async def _read(effect: Effect, keep: BlobSink) -> Outcome:
    options = read_options(ReadOptions, effect.options)
    if isinstance(options, str):
        return failed(options)
    answer = await call(_get(options.url, effect.timeout_ms))
    if isinstance(answer, NoAnswer):
        return retry(answer.because) if answer.usable else failed(answer.because)
    if not 200 <= answer.status <= 299:
        return _refused_reading(answer, keep)
    facts = {**facts_in(b"" if answer.cut else answer.body), "status": answer.status}
    text = f"answered {answer.status}, {len(answer.body)} bytes kept"
    return done(text + (", the rest was cut" if answer.cut else ""), facts, keep(answer.body))


def _refused_reading(answer: Answer, keep: BlobSink) -> Outcome:
    outcome = not_accepted(answer)
    if outcome.ending is Ending.RETRY:
        return outcome
    evidence = keep(answer.body) if answer.body else ""
    return failed(f"answered {answer.status}", {"status": answer.status}, evidence)


def _unanswered(answer: NoAnswer) -> Outcome:
    if not answer.usable:
        return failed(answer.because)
    if answer.sent:
        return unknown(f"{answer.because}; it may still take effect")
    return retry(answer.because)

"""Actuator `http`: PUT a state to a service, or read what a service says."""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field

from allstop.adapters.mechanisms.facts import facts_in, mismatch, read_json
from allstop.adapters.mechanisms.http_calls import Answer, NoAnswer, Request, call, not_accepted
from allstop.adapters.mechanisms.options import Options, filled, read_options
from allstop.adapters.mechanisms.text import one_line
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Ending, Outcome, Repeat, done, failed, retry, unknown
from allstop.domain.policy.tables import Scalar

_MOST_BYTES = 65_536


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


class ReadOptions(Options):
    """What to read."""

    url: str = Field(title="URL", description="Address to GET, http or https.")


class Http:
    """See `info`."""

    info = AdapterInfo(
        name="http",
        summary="Puts a state to a URL, or reads one.",
        version="1",
        ports=("actuator",),
        verbs=(
            VerbInfo("put", "PUTs a state; safe to repeat.", Repeat.REPEATABLE, PutOptions),
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
            case "read":
                return await _read(effect, keep)
            case _:
                return failed(f"no verb {effect.verb}")

    async def observe(self, effect: Effect) -> Outcome:
        """Ask `observe_url` whether the state holds."""
        if effect.verb == "read":
            return failed("a reading changes nothing")
        options = read_options(PutOptions, effect.options)
        if isinstance(options, str):
            return unknown(options)
        if not options.observe_url or not options.expect_json:
            return unknown("no address to observe, or nothing expected there")
        answer = await call(_get(options.observe_url, effect))
        if isinstance(answer, NoAnswer):
            return unknown(answer.because)
        if not 200 <= answer.status <= 299 or answer.cut:
            return unknown(f"{options.observe_url} answered {answer.status}")
        try:
            value = read_json(answer.body)
        except ValueError:
            return unknown("the answer is no JSON")
        fault = mismatch(value, filled(options.expect_json, _words(effect)))
        return failed(fault) if fault else done("the state holds")


def _words(effect: Effect) -> dict[str, str | int]:
    return {"epoch": effect.epoch, "key": effect.id}


def _get(url: str, effect: Effect) -> Request:
    return Request("GET", url, effect.timeout_ms, max_bytes=_MOST_BYTES)


def _content(options: PutOptions, effect: Effect) -> bytes | None:
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
    answer = await call(
        Request(
            "PUT",
            options.url,
            effect.timeout_ms,
            content=content,
            headers={"content-type": "application/json", "allstop-epoch": str(effect.epoch)},
            max_bytes=_MOST_BYTES,
        )
    )
    if isinstance(answer, NoAnswer):
        return _unanswered(answer)
    if not 200 <= answer.status <= 299:
        return not_accepted(answer)
    return done(f"answered {answer.status}", facts_in(b"" if answer.cut else answer.body))


async def _read(effect: Effect, keep: BlobSink) -> Outcome:
    options = read_options(ReadOptions, effect.options)
    if isinstance(options, str):
        return failed(options)
    answer = await call(_get(options.url, effect))
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

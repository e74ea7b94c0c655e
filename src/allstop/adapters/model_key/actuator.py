"""Actuator `model-key`: blocks the key of an agent at whoever issued it, and reads back that it is blocked."""

from __future__ import annotations

import asyncio
from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.http_calls import NoAnswer, call, not_accepted
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.adapters.mechanisms.threads import HangingLooks, StillLookingError
from allstop.adapters.model_key.providers import (
    KeyOptions,
    Standing,
    asking,
    secret_in,
    setting,
    standing,
)
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Ending, Outcome, Repeat, done, failed, retry, unknown

_PAUSES_S = (0.05, 0.2, 0.5, 1.0)
# With less than this left nobody answers in time; a look that is cut off in its beginning says nothing.
_LEAST_MS = 50


class ModelKey:
    """See `info`."""

    info = AdapterInfo(
        name="model-key",
        summary="Blocks the key an agent reaches its model with, and reads that back.",
        version="1",
        ports=("actuator",),
        verbs=(
            VerbInfo(
                "block",
                "Blocks the key: no further model call, whoever holds it.",
                Repeat.REPEATABLE,
                KeyOptions,
                "unblock",
            ),
            VerbInfo(
                "unblock",
                "Lets the key be used again; one that was archived or has expired cannot be.",
                Repeat.REPEATABLE,
                KeyOptions,
                "block",
            ),
        ),
    )

    def __init__(self) -> None:
        self._secrets = HangingLooks[str]()

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:  # noqa: ARG002
        """Look, set, and look until it holds. What was sent and does not show is unknown."""
        options = read_options(KeyOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        if effect.verb not in ("block", "unblock"):
            return failed(f"no verb {effect.verb}")
        blocked = effect.verb == "block"
        deadline = Deadline.within(effect.timeout_ms)
        token = await self._token(options, deadline)
        if isinstance(token, Outcome):
            return token
        before = await _look(options, token, deadline)
        if isinstance(before, Outcome):
            return before
        if before.blocked is blocked:
            return done(f"it was {before.word} already", {"status": before.word})
        if before.final:
            return failed(f"it is {before.word}, which cannot be taken back: make another key")
        answer = await call(setting(options, token, blocked, deadline))
        if isinstance(answer, NoAnswer):
            said = one_line(answer.because)
            return unknown(f"sent, but {said}") if answer.sent else _not_asked(answer)
        if not 200 <= answer.status <= 299:
            return not_accepted(answer)
        return await _until(options, token, blocked, deadline)

    async def observe(self, effect: Effect) -> Outcome:
        """Whether the key stands as it should."""
        options = read_options(KeyOptions, effect.options)
        if isinstance(options, str):
            return failed(options)
        deadline = Deadline.within(effect.timeout_ms)
        token = await self._token(options, deadline)
        if isinstance(token, Outcome):
            return unknown(token.because)
        seen = await _look(options, token, deadline)
        if isinstance(seen, Outcome):
            return unknown(seen.because)
        if seen.blocked is (effect.verb == "block"):
            return done(f"it is {seen.word}", {"status": seen.word})
        return failed(f"it is {seen.word}")

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether the administrator's key is taken and the key is known, without changing it."""
        chosen = read_options(KeyOptions, options)
        if isinstance(chosen, str):
            return failed(chosen)
        deadline = Deadline.within(timeout_ms)
        token = await self._token(chosen, deadline)
        if isinstance(token, Outcome):
            return failed(token.because)
        seen = await _look(chosen, token, deadline)
        if isinstance(seen, Outcome):
            return unknown(seen.because) if seen.ending is Ending.RETRY else seen
        return done(f"the key is known, and {seen.word}")

    async def _token(self, options: KeyOptions, deadline: Deadline) -> str | Outcome:
        path = options.token_file
        try:
            return await self._secrets.look(path, lambda: secret_in(path), deadline.left_ms())
        except (OSError, ValueError, StillLookingError) as error:
            why = str(error) or f"no end within {seconds(deadline.left_ms())}"
            return failed(one_line(f"the administrator's key cannot be read: {why}"))


async def _look(options: KeyOptions, token: str, deadline: Deadline) -> Standing | Outcome:
    """How the key stands, or the outcome of not learning it."""
    answer = await call(asking(options, token, deadline))
    if isinstance(answer, NoAnswer):
        return _not_asked(answer)
    found = standing(options, answer)
    if isinstance(found, str):
        later = answer.status in (408, 425, 429) or answer.status >= 500
        return retry(found) if later else failed(one_line(found))
    if found.blocked is None:
        return failed(f"the provider says {found.word}")
    return found


async def _until(options: KeyOptions, token: str, blocked: bool, deadline: Deadline) -> Outcome:
    """Look until it shows. Nothing is done that was not seen."""
    seen: Standing | Outcome = unknown("it was taken, and was not looked at")
    for pause in (0.0, *_PAUSES_S, *[_PAUSES_S[-1]] * 1000):
        await asyncio.sleep(min(pause, deadline.left_ms() / 1000))
        if deadline.left_ms() < _LEAST_MS:
            break
        seen = await _look(options, token, deadline)
        if isinstance(seen, Standing) and seen.blocked is blocked:
            return done(f"it is {seen.word}, read back", {"status": seen.word})
    why = f"it is {seen.word}" if isinstance(seen, Standing) else seen.because
    return unknown(one_line(f"it was taken, but {why}"))


def _not_asked(answer: NoAnswer) -> Outcome:
    return retry(answer.because) if answer.usable else failed(answer.because)

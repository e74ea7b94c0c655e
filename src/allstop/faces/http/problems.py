"""Errors as RFC 9457 problem documents, and the one table that says which status each has."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from allstop.errors import (
    AllstopError,
    Invalid,
    KeyReused,
    Missing,
    Refused,
    Unauthenticated,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
LINGER_S = 2.0
LINGER_BYTES = 64_000_000
# A refusal for want of authority is 403, any other is a conflict with the present state.
NO_RIGHT = frozenset({"no-authority", "human-only", "not-yours", "hosts-only"})


@dataclass(frozen=True, slots=True)
class Because:
    """One reason. pointer: JSON pointer into the body that was sent, or empty."""

    code: str
    text: str
    hint: str = ""
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """What every answer that is no success looks like.

    type: stable name of the kind of problem; code: the same for programs, without the prefix;
    instance: the path that was asked for; hint: what to do next.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    reasons: tuple[Because, ...]
    hint: str
    request_id: str


class Malformed(Invalid):
    """The request cannot be read at all."""

    code = "malformed"


class WrongFields(Invalid):
    """The body is JSON, and not what the operation takes. reasons: every error, up to a limit."""

    code = "invalid-body"

    def __init__(self, text: str, reasons: tuple[Because, ...]) -> None:
        super().__init__(text, reasons[0].hint if reasons else "")
        self.reasons = reasons


class WrongType(Invalid):
    """A body of another media type than JSON."""

    code = "unsupported-media-type"


class TooLarge(Invalid):
    """A body over the limit."""

    code = "too-large"


class TooSlow(Invalid):
    """A body that did not arrive in time."""

    code = "too-slow"


class BadToken(Unauthenticated):
    """A token was offered, and is no good."""


class WrongHost(Invalid):
    """A Host header that is not ours: a page elsewhere may have rebound its name to us."""

    code = "wrong-host"


class CrossSite(Invalid):
    """A browser sent this from another site."""

    code = "cross-site"


class NoSuchMethod(Invalid):
    """The path exists, the method does not."""

    code = "method-not-allowed"


class Unknown(Refused):
    """A command about something that does not exist for whoever sent it."""


class Internal(AllstopError):
    """Anything that is not ours to explain."""

    code = "internal"


_INTERNAL = Internal("Something failed inside Allstop.", "its log has more under the request id")

# The nearest class in the method resolution order counts.
STATUS: dict[type[AllstopError], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    CrossSite: 403,
    Missing: 404,
    NoSuchMethod: 405,
    TooSlow: 408,
    Refused: 409,
    TooLarge: 413,
    WrongType: 415,
    WrongHost: 421,
    Invalid: 422,
    KeyReused: 422,
    Unavailable: 503,
}


def status_of(error: Exception, subject: str = "") -> int:
    """The status of an error; 500 for what is not in the table.

    subject: what the path addresses (`incident`, `halt`, `plan`, `agent`), so that a refusal
    because it does not exist is told apart from one about something the body names.
    """
    if isinstance(error, Refused):
        codes = {code for code, _, _ in error.reasons}
        if subject and codes == {f"unknown-{subject}"}:
            return 404
        return 403 if codes and codes <= NO_RIGHT else 409
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem_of(error: Exception, status: int, instance: str, request_id: str) -> Problem:
    """The document of an error. What is not ours to explain is not explained."""
    if status == 500 or not isinstance(error, AllstopError):
        error = _INTERNAL
    reasons = () if error is _INTERNAL else _reasons(error)
    kind, title = f"urn:allstop:problem:{error.code}", HTTPStatus(status).phrase
    return Problem(
        kind, title, status, error.text, instance, error.code, reasons, error.hint, request_id
    )


def _reasons(error: AllstopError) -> tuple[Because, ...]:
    if isinstance(error, Refused):
        return tuple(Because(code, text, hint) for code, text, hint in error.reasons)
    if isinstance(error, WrongFields):
        return error.reasons
    return (Because(error.code, error.text, error.hint),)


def headers_of(error: Exception, status: int) -> dict[str, str]:
    """The headers that belong to a status."""
    if status == 401:
        # RFC 6750: a request that offered no token gets no error code.
        more = ', error="invalid_token"' if isinstance(error, BadToken) else ""
        return {"WWW-Authenticate": f'Bearer realm="allstop"{more}'}
    if status == 503:
        return {"Retry-After": str(RETRY_AFTER_S)}
    if status in (408, 413, 421):
        return {"Connection": "close"}
    return {}


class ProblemResponse(Response):
    """A problem on the wire.

    After a 413 the rest of the body is thrown away for a moment: closing at once would reset the
    connection, and the sender would never read why.
    """

    def __init__(self, problem: Problem, headers: Mapping[str, str]) -> None:
        body = msgspec.json.encode(problem)
        super().__init__(body, problem.status, dict(headers), media_type=MEDIA_TYPE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.status_code != 413:
            await super().__call__(scope, receive, send)
            return
        head = {"type": "http.response.start", "status": 413, "headers": self.raw_headers}
        await send(head)
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                await _discard(receive)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _discard(receive: Receive) -> None:
    left = LINGER_BYTES
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return

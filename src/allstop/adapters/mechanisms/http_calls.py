"""One HTTP request with an end: no redirects, no proxies, a bounded body, and why it failed."""

from __future__ import annotations

import asyncio
import email.utils
import errno
import functools
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.text import last_line, one_line, seconds
from allstop.domain.effects import Outcome, failed, retry

CONNECT_MS = 3000
_LONGEST_WAIT_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Request:
    """What to send. timeout_ms: for the whole call; max_bytes: of the body that is kept."""

    method: str
    url: str
    timeout_ms: int
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    connect_ms: int = CONNECT_MS
    read_ms: int = 0
    max_bytes: int = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. cut: the body was longer than what was kept."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why nothing (complete) came back.

    sent: whether the receiver may have seen the request; usable: False when the request itself is
    impossible, so that trying again is pointless.
    """

    because: str
    sent: bool = False
    usable: bool = True


@functools.cache
def _tls() -> ssl.SSLContext:
    # Loading the system's authorities takes tens of milliseconds: once, not once a call.
    return ssl.create_default_context()


async def call(request: Request) -> Answer | NoAnswer:
    """Send once. Never raises for what the other side does; ends within `timeout_ms`."""
    fault = _fault_of(request.url)
    if fault:
        return NoAnswer(fault, usable=False)
    sent = False

    async def trace(event: str, _: object) -> None:
        nonlocal sent
        sent = sent or event == "http11.send_request_headers.started"

    try:
        async with asyncio.timeout(Deadline.within(request.timeout_ms).left_ms() / 1000):
            return await _exchange(request, trace)
    except TimeoutError:
        return NoAnswer(f"no answer within {seconds(request.timeout_ms)}", sent)
    except (httpx.ConnectTimeout, httpx.PoolTimeout):
        return NoAnswer(f"no connection within {seconds(_connect_ms(request))}", sent)
    except httpx.ReadTimeout:
        return NoAnswer(f"silent for {seconds(_read_ms(request))}", sent)
    except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as error:
        return NoAnswer(_why(error), sent)


async def connects(url: str, timeout_ms: int) -> NoAnswer | None:
    """Whether somebody takes connections at the address; nothing is sent. None: yes."""
    fault = _fault_of(url)
    if fault:
        return NoAnswer(fault, usable=False)
    parsed = httpx.URL(url)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    try:
        async with asyncio.timeout(Deadline.within(timeout_ms).left_ms() / 1000):
            _, writer = await asyncio.open_connection(parsed.host, port)
    except TimeoutError:
        return NoAnswer(f"no connection within {seconds(timeout_ms)}")
    except (OSError, ValueError) as error:
        return NoAnswer(_why(error))
    writer.transport.abort()
    return None


def _fault_of(url: str) -> str:
    """Why this can be no address to call, or empty."""
    try:
        parsed = httpx.URL(url)
        host = parsed.host
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        return one_line(f"not an address: {error}")
    if parsed.scheme not in ("http", "https"):
        return one_line(
            f"the address begins with {parsed.scheme or 'nothing'!r}, not http or https"
        )
    if parsed.port is not None and not 0 < parsed.port < 65_536:
        return f"there is no port {parsed.port}"
    return "" if host else "the address names no host"


def _connect_ms(request: Request) -> int:
    return min(request.connect_ms, request.timeout_ms)


def _read_ms(request: Request) -> int:
    return min(request.read_ms or request.timeout_ms, request.timeout_ms)


async def _exchange(request: Request, trace: object) -> Answer:
    limits = httpx.Timeout(
        request.timeout_ms / 1000,
        connect=_connect_ms(request) / 1000,
        read=_read_ms(request) / 1000,
    )
    # identity: a compressed body could unfold to gigabytes before anybody counts.
    headers = {"accept-encoding": "identity", "user-agent": "allstop", **request.headers}
    async with (
        httpx.AsyncClient(verify=_tls(), trust_env=False, timeout=limits) as client,
        client.stream(
            request.method,
            request.url,
            content=request.content,
            headers=headers,
            follow_redirects=False,
            extensions={"trace": trace},
        ) as response,
    ):
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > request.max_bytes:
                break
        kept = bytes(body[: request.max_bytes])
        return Answer(response.status_code, response.headers, kept, len(body) > len(kept))


def _why(error: BaseException) -> str:
    """The cause at the bottom of a chain of wrappers, in the words of the trade."""
    for cause in _causes(error):
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
        if isinstance(cause, ConnectionResetError):
            return "connection reset"
        if isinstance(cause, socket.gaierror):
            return "the host's name is not known"
        if isinstance(cause, ssl.SSLError):
            return one_line(f"TLS: {cause.reason or cause}")
        if isinstance(cause, OSError) and cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            return "no route to the host"
    return one_line(str(error)) or type(error).__name__


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting and len(found) < 50:
        cause = waiting.pop()
        if cause is None or cause in found:
            continue
        found.append(cause)
        waiting += [cause.__cause__, cause.__context__]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
    return found


def not_accepted(answer: Answer) -> Outcome:
    """What an answer other than 2xx means for a request that may be sent again.

    409 and 412: an order newer than ours stands. 408, 425, 429 and 5xx: later. The rest: never.
    """
    said = last_line(answer.body[:2000])
    if answer.status in (409, 412):
        return failed("refused: a newer order has been given")
    if answer.status in (408, 425, 429) or answer.status >= 500:
        return retry(f"answered {answer.status}", retry_after_ms(answer.headers))
    return failed(one_line(f"answered {answer.status}" + (f": {said}" if said else "")))


def retry_after_ms(headers: Mapping[str, str], otherwise: int = 1000) -> int:
    """What Retry-After asks for, in milliseconds, at most an hour; `otherwise` without one."""
    asked = headers.get("retry-after", "").strip()
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return min(max(int(asked) * 1000, otherwise), _LONGEST_WAIT_MS)
    try:
        moment = email.utils.parsedate_to_datetime(asked)
    except (ValueError, TypeError, IndexError):
        return otherwise
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    wait = round((moment - datetime.now(UTC)).total_seconds() * 1000)
    return min(max(wait, otherwise), _LONGEST_WAIT_MS)

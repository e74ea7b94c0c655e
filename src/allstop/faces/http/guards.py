"""ASGI layers around everything: request ids, headers, logging, host and origin, identity."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import count

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from allstop.application.access import Access
from allstop.application.ports import Clock
from allstop.domain.principal import Principal
from allstop.errors import Unauthenticated
from allstop.faces.http.measuring import Measuring
from allstop.faces.http.problems import (
    BadToken,
    CrossSite,
    ProblemResponse,
    WrongHost,
    headers_of,
    problem_of,
    status_of,
)

log = structlog.get_logger("allstop.http")

PEER = "allstop_peer_uid"
OPERATION = "allstop_operation"
PRINCIPAL = "principal"
STRANGER = "allstop_stranger"
# Whose token is a host's: for the few operations that are for hosts.
HOST = "allstop_host"
RECOGNISE = "allstop_recognise"
REQUEST_ID = "request_id"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_PATH = 200

_SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_BEARER = re.compile(r"[Bb]earer ([!-~]{8,200})")

# A face that shows pages sets its own Content-Security-Policy; what it sets is left alone.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


def is_local(scope: Scope) -> bool:
    """Whether the request came over the Unix socket."""
    return PEER in scope.get("state", {})


def instance_of(scope: Scope) -> str:
    """The path as it was sent: percent-encoded, one line, cut short."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
    return "".join(chr(byte) if 32 < byte < 127 else f"%{byte:02X}" for byte in raw[:LONGEST_PATH])


class Envelope:
    """The outermost layer: request id, headers of every answer, one log line, no escape of errors."""

    def __init__(self, app: ASGIApp, clock: Clock, measuring: Measuring, stem: str) -> None:
        """stem: what fresh request ids begin with, unique to this process."""
        self._app = app
        self._clock = clock
        self._measuring = measuring
        self._fresh = (f"{stem}-{number}" for number in count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        state = scope.setdefault("state", {})
        given = Headers(scope=scope).get("x-request-id", "")
        state[REQUEST_ID] = given if _SANE_ID.fullmatch(given) else next(self._fresh)
        began = self._clock.now().monotonic_ms
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = state[REQUEST_ID]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            status = status or 499
        except Exception as error:
            # The edge: a bug is logged and answered, and never ends the server.
            log.exception("request failed", request_id=state[REQUEST_ID], exc_info=error)
            if not status:
                await _problem(error, scope, receive, sending)
        finally:
            self._note(scope, status, self._clock.now().monotonic_ms - began)

    def _note(self, scope: Scope, status: int, milliseconds: int) -> None:
        state = scope["state"]
        operation = state.get(OPERATION, "none")
        who = state.get(PRINCIPAL) or state.get(HOST)
        self._measuring.seen(operation, status, milliseconds)
        log.info(
            "request", request_id=state[REQUEST_ID], method=scope["method"], operation=operation,
            path=instance_of(scope), status=status, ms=milliseconds, who=str(who) if who else "",
            over="unix" if is_local(scope) else "tcp",
        )  # fmt: skip


class Borders:
    """Host and origin. A browser reaches loopback too, so being on this machine proves nothing.

    The Unix socket is out of a browser's reach and needs neither.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        """hosts: values of Host that are ours, such as `127.0.0.1:8123`."""
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        error = None if is_local(scope) else self._trouble(scope)
        if error is not None:
            await _problem(error, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _trouble(self, scope: Scope) -> WrongHost | CrossSite | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return WrongHost("this server does not answer to that Host", "add it to allowed hosts")
        if scope["method"] in SAFE:
            return None
        site = headers.get("sec-fetch-site", "none")
        origin = headers.get("origin")
        same = origin is None or origin.lower().partition("://")[2] == hosts[0].lower()
        if site not in ("none", "same-origin") or not same:
            return CrossSite("a page of another site sent this", "use the console, or a token")
        return None


class Identity:
    """Finds out who is asking. Whether that is enough is for each operation to say."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Kept for what outlives its first moment: a stream ends when its token does.
        scope["state"][RECOGNISE] = lambda: self._recognise(scope)
        try:
            who = self._recognise(scope)
            # A host is nobody but where hosts are asked for: its token opens nothing else, whatever is added.
            scope["state"][PRINCIPAL] = None if who.host else who
            if who.host:
                scope["state"][HOST] = who
                scope["state"][STRANGER] = BadToken("this token follows orders and nothing else")
        except Unauthenticated as error:
            scope["state"][PRINCIPAL] = None
            scope["state"][STRANGER] = error
        await self._app(scope, receive, send)

    def _recognise(self, scope: Scope) -> Principal:
        given = Headers(scope=scope).getlist("authorization")
        if given:
            return self._by_token(given)
        uid = scope["state"].get(PEER)
        if uid is None:
            raise Unauthenticated(
                "this needs a token", "send Authorization: Bearer, or use the Unix socket"
            )
        return self._access.by_peer(uid)

    def _by_token(self, given: list[str]) -> Principal:
        found = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        if found is None:
            raise BadToken("this is no bearer token", "send one header: Authorization: Bearer ...")
        try:
            return self._access.by_token(found[1])
        except Unauthenticated as error:
            raise BadToken(error.text, error.hint) from None


async def _problem(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    status = status_of(error)
    found = problem_of(error, status, instance_of(scope), scope["state"][REQUEST_ID])
    await ProblemResponse(found, headers_of(error, status))(scope, receive, send)

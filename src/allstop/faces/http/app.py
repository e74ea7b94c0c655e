"""The application: the table's routes, what other faces bring, and the layers around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from allstop.application.coordinator import Coordinator
from allstop.domain.principal import Principal
from allstop.errors import AllstopError, Invalid, Missing
from allstop.faces.http.endpoint import Endpoint, problem
from allstop.faces.http.guards import Borders, Envelope, Identity
from allstop.faces.http.measuring import Measuring
from allstop.faces.http.openapi import document
from allstop.faces.http.operation import Call, Face, Operation
from allstop.faces.http.operations import OPERATIONS
from allstop.faces.http.problems import Malformed, NoSuchMethod
from allstop.faces.http.shapes import encode
from allstop.faces.http.streaming import MOST_WATCHERS, Streams

OWN_HOSTS = ("127.0.0.1", "localhost", "[::1]")


class HttpFace:
    """An ASGI application. `end_streams` is to be called before the server waits for its answers."""

    def __init__(
        self,
        coordinator: Coordinator,
        stop: Callable[[], None],
        *,
        port: int = 0,
        allowed_hosts: Sequence[str] = (),
        extra_routes: Sequence[BaseRoute] = (),
        most_watchers: int = MOST_WATCHERS,
        console_link: Callable[[Principal, bool], str] | None = None,
    ) -> None:
        """stop: asks the process to end; port: the TCP port it is bound to, 0 for none.

        console_link: see Face; allowed_hosts: further values of
        the Host header, `name` or `name:port`; extra_routes: of other faces, tried after ours. They
        find `request.state.principal` (a Principal, or None) and `request.state.request_id`, have
        passed the host and origin checks, and set their own Content-Security-Policy.
        """
        self.measuring = Measuring(coordinator)
        self.streams = Streams(coordinator, most=most_watchers)
        face = Face(coordinator, stop, self.streams, self.measuring, console_link)
        app: ASGIApp = _starlette(face, extra_routes)
        app = Identity(app, coordinator.access)
        app = Borders(app, [*hosts_of(port), *allowed_hosts])
        stem = f"req-{int(coordinator.started_at.timestamp() * 1_000_000):x}"
        self._app = Envelope(app, coordinator.clock, self.measuring, stem)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def end_streams(self) -> None:
        """Close all server-sent events, and open no more."""
        self.streams.end()


def hosts_of(port: int) -> tuple[str, ...]:
    """What Host says when this machine asks itself."""
    if not port:
        return ()
    return tuple(f"{host}:{port}" for host in OWN_HOSTS) + (OWN_HOSTS if port == 80 else ())


def _starlette(face: Face, extra_routes: Sequence[BaseRoute]) -> Starlette:
    schema = encode(document((*OPERATIONS, OPENAPI)))

    async def openapi(_: Call) -> Response:
        return Response(schema, media_type="application/json")

    served = (*OPERATIONS, replace(OPENAPI, handler=openapi))
    return Starlette(
        routes=[*_routes(served, face), *extra_routes],
        exception_handlers={
            HTTPException: _router_error,
            AllstopError: _own_error,
            Exception: _own_error,
        },
    )


def _routes(operations: Sequence[Operation], face: Face) -> list[BaseRoute]:
    """One route per path, so that a wrong method is told which ones there are."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = Endpoint(operation, face)
    return [
        Route(path, _dispatch(methods), methods=list(methods), include_in_schema=False)
        for path, methods in by_path.items()
    ]


def _dispatch(methods: dict[str, Endpoint]) -> Callable[[Request], object]:
    async def dispatch(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await methods[method](request)

    return dispatch


async def _itself(_: Call) -> Response:
    """Replaced by the document when the application is built: it describes itself as well."""
    raise NotImplementedError


OPENAPI = Operation(
    "openapi", "GET", "/openapi.json", "This document.", _itself, dict[str, Any], open=True,
    tag="coordinator",
)  # fmt: skip


async def _own_error(request: Request, error: Exception) -> Response:
    return problem(error, request)


async def _router_error(request: Request, error: Exception) -> Response:
    """What the router and other faces raise as plain statuses."""
    assert isinstance(error, HTTPException)
    found: AllstopError
    if error.status_code == 404:
        found = Missing("there is nothing at this path", "see /openapi.json")
    elif error.status_code == 405:
        found = NoSuchMethod("this path does not have that method", "see the Allow header")
    elif error.status_code == 400:
        found = Malformed("the request cannot be read")
    else:
        found = Invalid("the request was not accepted")
    answer = problem(found, request)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer

"""Running the server: over standard input and output, or over HTTP on this machine."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from allstop.errors import Invalid, Unavailable
from allstop.faces.mcp.asking import Caller, Coordinator, Way
from allstop.faces.mcp.door import Door
from allstop.faces.mcp.offering import offering

PATH = "/mcp"
LARGEST_BODY = 100_000
MOST_AT_ONCE = 200
END_WITHIN_S = 5


def serve_stdio(way: Way, caller: Caller, new_key: Callable[[], str]) -> int:
    """Serve one client on standard input and output, until it closes them."""
    _log_plainly()
    asyncio.run(_stdio(way, caller, new_key))
    return 0


def serve_http(
    way: Way, address: str, port: int, hosts: tuple[str, ...], new_key: Callable[[], str],
    ready: Callable[[str], None],
) -> int:  # fmt: skip
    """Serve until told to stop. address: of this machine; port: 0 takes a free one; hosts: further ones that Host may
    name; ready: called with the URL. Raises Invalid, Unavailable."""
    _log_plainly()
    listening = _listen(address, port)
    asyncio.run(_http(way, listening, hosts, new_key, ready))
    return 0


async def _stdio(way: Way, caller: Caller, new_key: Callable[[], str]) -> None:
    coordinator = Coordinator(way, new_key)
    try:
        await offering(coordinator, caller).run_stdio_async()
    finally:
        await coordinator.close()


async def _http(
    way: Way, listening: socket.socket, hosts: tuple[str, ...], new_key: Callable[[], str],
    ready: Callable[[str], None],
) -> None:  # fmt: skip
    coordinator = Coordinator(way, new_key)
    address, port = listening.getsockname()[:2]
    shown = f"[{address}]" if ":" in address else address
    app = application(coordinator, (f"{shown}:{port}", f"localhost:{port}", *hosts))
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, ws="none",
        limit_concurrency=MOST_AT_ONCE, timeout_graceful_shutdown=END_WITHIN_S,
    )  # fmt: skip
    ready(f"http://{shown}:{port}{PATH}")
    try:
        await uvicorn.Server(config).serve(sockets=[listening])
    finally:
        await coordinator.close()


def application(coordinator: Coordinator, hosts: tuple[str, ...]) -> ASGIApp:
    """The server as an ASGI application that answers to these hosts. Keeps no sessions: each request stands alone."""
    checked = TransportSecuritySettings(allowed_hosts=list(hosts), allowed_origins=[])
    app = offering(coordinator).streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        json_response=True,
        max_request_body_size=LARGEST_BODY,
        transport_security=checked,
    )
    return Door(app, coordinator, hosts)


def _log_plainly() -> None:
    """Before the library does it in its own way: one line each on standard error, which clients keep as a log."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


def _listen(address: str, port: int) -> socket.socket:
    """A socket on this machine alone: what is spoken here is not encrypted."""
    try:
        found = ipaddress.ip_address("127.0.0.1" if address == "localhost" else address)
    except ValueError:
        raise Invalid(f"{address} is no address", "--bind 127.0.0.1") from None
    if not found.is_loopback:
        raise Invalid(
            f"{address} is not a loopback address: tokens would cross the network in clear text",
            "--bind 127.0.0.1, behind a proxy with TLS whose name is given with --allow-host",
        )
    family = socket.AF_INET6 if found.version == 6 else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((str(found), port))
        # From now on callers wait their turn instead of being refused.
        listening.listen(MOST_AT_ONCE)
    except OSError as error:
        listening.close()
        raise Unavailable(
            f"{found} port {port} cannot be used ({error.strerror})", "another --port, or 0"
        ) from None
    return listening

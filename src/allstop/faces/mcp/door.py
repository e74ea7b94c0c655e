"""The way in over HTTP: nobody gets further without a token that the coordinator knows."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from allstop.errors import Unavailable
from allstop.faces.mcp.asking import Caller, Coordinator
from allstop.faces.mcp.offering import AGENT_HEADER

_BEARER = re.compile(r"[Bb]earer ([!-~]{8,200})")
_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RETRY_AFTER = {"Retry-After": "2"}


class Door:
    """An ASGI layer. hosts: values of Host that are ours; a browser's page never gets in, whatever it holds."""

    def __init__(self, app: ASGIApp, coordinator: Coordinator, hosts: tuple[str, ...]) -> None:
        self._app = app
        self._coordinator = coordinator
        self._hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            turned_away = await self._look(Headers(scope=scope))
            if turned_away is not None:
                await turned_away(scope, receive, send)
                return
        elif scope["type"] != "lifespan":
            return
        await self._app(scope, receive, send)

    async def _look(self, headers: Headers) -> Response | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return _no(421, "wrong-host", "this server does not answer to that Host")
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            return _no(403, "cross-site", "pages of a browser are not served here")
        agents = headers.getlist(AGENT_HEADER)
        if len(agents) > 1 or (agents and not _AGENT.fullmatch(agents[0])):
            return _no(400, "malformed", f"{AGENT_HEADER} is no name of an agent")
        given = headers.getlist("authorization")
        found = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        if found is None:
            return _unknown(
                "send one header: Authorization: Bearer TOKEN, with the agent's own token"
            )
        try:
            known = await self._coordinator.knows(Caller(found[1]))
        except Unavailable as error:
            return _no(503, "unavailable", error.text, RETRY_AFTER)
        return None if known else _unknown("this token is unknown, revoked or expired")


def _unknown(text: str) -> Response:
    return _no(401, "unauthenticated", text, {"WWW-Authenticate": 'Bearer realm="allstop"'})


def _no(status: int, code: str, text: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": code, "text": text}, status, headers)

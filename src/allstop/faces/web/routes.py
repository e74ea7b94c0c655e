"""The addresses of the console, and what each answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from allstop.application.aside import aside
from allstop.application.coordinator import Coordinator
from allstop.errors import AllstopError, Missing, Unauthenticated
from allstop.faces.web.answers import (
    ASSETS,
    HEADERS,
    PAGES,
    STATUS,
    error_page,
    page,
    sign_in_page,
    stranger_page,
)
from allstop.faces.web.entrance import (
    Entrance,
    drop_cookie,
    from_here,
    local_path,
    read_form,
    set_cookie,
)
from allstop.faces.web.halting import Halting
from allstop.faces.web.live import WATCHERS, Painter, Stream
from allstop.faces.web.sessions import Sessions

EVIDENCE_SHOWN = 200_000


def routes(coordinator: Coordinator, sessions: Sessions) -> list[BaseRoute]:
    """Every page of the console. They share one renderer, so make them once for a coordinator."""
    console = Console(coordinator, sessions)
    halting = Halting(coordinator, console.entrance)
    pages = (
        "/", "/incidents/{id}", "/agents", "/services", "/log", "/about", "/halts/{id}",
    )  # fmt: skip
    return [
        *(Route(path, console.page, methods=["GET"]) for path in pages),
        Route("/evidence/{sha256}", console.evidence, methods=["GET"]),
        Route("/live/{page:path}", console.live, methods=["GET"]),
        Route("/sign-in", console.sign_in_form, methods=["GET"]),
        Route("/sign-in", console.sign_in, methods=["POST"]),
        Route("/sign-out", console.sign_out_form, methods=["GET"]),
        Route("/sign-out", console.sign_out, methods=["POST"]),
        Route("/enter", console.enter, methods=["GET"]),
        Route("/enter", console.enter_by_hand, methods=["POST"]),
        Route("/halt", halting.form, methods=["GET"]),
        Route("/halt/look", halting.look, methods=["GET"]),
        Route("/halt/order", halting.order, methods=["POST"]),
        Route("/static/{name}", console.static, methods=["GET"]),
        Elsewhere("/{path:path}", console.missing, methods=["GET"]),
    ]


class Elsewhere(Route):
    """Every other address, for browsers only: programs get the answer of the HTTP face."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["type"] == "http" and "text/html" in Headers(scope=scope).get("accept", ""):
            return super().matches(scope)
        return Match.NONE, {}


@dataclass(slots=True)
class Console:
    """The handlers. watching: how many live streams are open."""

    coordinator: Coordinator
    sessions: Sessions
    entrance: Entrance
    painter: Painter
    watching: int = 0

    def __init__(self, coordinator: Coordinator, sessions: Sessions) -> None:
        self.coordinator = coordinator
        self.sessions = sessions
        self.entrance = Entrance(coordinator, sessions)
        self.painter = Painter(coordinator, PAGES)
        self.watching = 0

    async def page(self, request: Request) -> Response:
        who = self.entrance.who(request)
        if who is None:
            return stranger_page(request)
        try:
            paint = await self.painter.paint(request.scope["path"][1:], request.query_params, who)
        except AllstopError as error:
            return error_page(error, STATUS.get(error.code, 500), who)
        context = {
            **paint.shown.context,
            "fragments": paint.fragments,
            "said": paint.shown.said,
            "live": _live_address(request) if paint.shown.live else "",
        }
        return page(
            paint.shown.template, paint.shown.title, context, who=who, path=request.url.path
        )

    async def live(self, request: Request) -> Response:
        who = self.entrance.who(request)
        if who is None:
            return Response("sign in first\n", 401, HEADERS, "text/plain")
        if self.watching >= WATCHERS:
            return Response(
                "too many pages are open\n", 503, {**HEADERS, "Retry-After": "10"}, "text/plain"
            )
        path = request.path_params["page"]
        try:
            await self.painter.paint(path, request.query_params, who)
        except AllstopError as error:
            return Response(f"{error.text}\n", STATUS.get(error.code, 500), HEADERS, "text/plain")
        stream = Stream(
            self.painter, path, request.query_params, who, lambda: self._farewell(request)
        )
        headers = {**HEADERS, "X-Accel-Buffering": "no"}
        return StreamingResponse(self._counted(stream), 200, headers, "text/event-stream")

    def _farewell(self, request: Request) -> str:
        """Why a stream must end now: the server stops, or the session is over. Empty: it may go on."""
        if self.sessions.closed:
            return "bye"
        return "" if self.entrance.who(request) else "signed-out"

    async def _counted(self, stream: Stream) -> Any:
        self.watching += 1
        try:
            async for message in stream.messages():
                yield message
        finally:
            self.watching -= 1

    async def evidence(self, request: Request) -> Response:
        who = self.entrance.who(request)
        if who is None:
            return stranger_page(request)
        digest = request.path_params["sha256"]
        views = self.coordinator.views.for_(who)
        well_formed = re.fullmatch(r"[0-9a-f]{64}", digest)
        body = await aside(lambda: views.body(digest)) if well_formed else None
        if body is None:
            return error_page(
                Missing("there is no such evidence", "links to it stand on the incident's page"),
                404,
                who,
            )
        text = body.decode("utf-8", "replace")
        context = {
            "digest": digest,
            "size": len(body),
            "text": text[:EVIDENCE_SHOWN],
            "cut": len(text) > EVIDENCE_SHOWN,
        }
        return page("evidence", "Evidence · Allstop", context, who=who, path=request.url.path)

    async def missing(self, request: Request) -> Response:
        error = Missing(f"there is no page {request.url.path}", "the list of incidents is at /")
        return error_page(error, 404, self.entrance.who(request))

    async def static(self, request: Request) -> Response:
        found = ASSETS.body(request.path_params["name"])
        if found is None:
            return await self.missing(request)
        headers = {**HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}
        return Response(found[0], media_type=found[1], headers=headers)

    # --- signing in and out ------------------------------------------------------------------

    async def sign_in_form(self, request: Request) -> Response:
        return sign_in_page(200, after=local_path(request.query_params.get("next", "/")))

    async def sign_in(self, request: Request) -> Response:
        if not self.entrance.admit(request):
            return sign_in_page(429, "Too many attempts from your address. Wait a minute.")
        form = await read_form(request)
        after = local_path(form.fields.get("next", "/"))
        if form.trouble:
            return sign_in_page(403, f"Not signed in: {form.trouble}.", after)
        try:
            secret = self.entrance.with_token(form.fields.get("token", "").strip())
        except Unauthenticated as error:
            return sign_in_page(401, f"Not signed in: {error.text}.", after)
        response = RedirectResponse(after, 303, HEADERS)
        set_cookie(request, response, secret)
        return response

    async def enter(self, request: Request) -> Response:
        if not self.entrance.admit(request):
            return sign_in_page(429, "Too many attempts from your address. Wait a minute.")
        code = request.query_params.get("code", "")
        if self.sessions.place_of(code) not in ("", "/"):
            # Messengers fetch links to show what is behind them: that must neither use it up nor sign anybody in.
            return page("enter", "Sign in · Allstop", {"code": code}, form=True)
        secret = self.entrance.with_code(code)
        if secret is None:
            return sign_in_page(401, "This link was used already, or is too old.")
        response = _to_list(request)
        set_cookie(request, response, secret)
        return response

    async def enter_by_hand(self, request: Request) -> Response:
        """The press on the page of a link that leads further than to the list."""
        if not self.entrance.admit(request):
            return sign_in_page(429, "Too many attempts from your address. Wait a minute.")
        form = await read_form(request)
        if form.trouble:
            return sign_in_page(403, f"Not signed in: {form.trouble}.")
        code = form.fields.get("code", "")
        place = local_path(self.sessions.place_of(code))
        secret = self.entrance.with_code(code)
        if secret is None:
            return sign_in_page(401, "This link was used already, or is too old.")
        response = RedirectResponse(place, 303, HEADERS)
        set_cookie(request, response, secret)
        return response

    async def sign_out_form(self, request: Request) -> Response:
        who = self.entrance.who(request)
        if who is None:
            return sign_in_page(200)
        return page("sign-out", "Sign out · Allstop", {}, who=who, form=True)

    async def sign_out(self, request: Request) -> Response:
        if not from_here(request):
            return sign_in_page(403, "Not signed out: the form was sent from another site.")
        self.entrance.leave(request)
        response = RedirectResponse("/sign-in", 303, HEADERS)
        drop_cookie(request, response)
        return response


def _to_list(request: Request) -> Response:
    """On to the list. After a link from another site only a page of ours may take the cookie there."""
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return page("entered", "Allstop", {})
    return RedirectResponse("/", 303, HEADERS)


def _live_address(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return quote(f"/live{request.url.path}") + query

"""Stopping agents from a browser: a form, a second look, one press. Only the press, sent by our own page, orders anything."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from allstop.application.command_post import Request, refused
from allstop.application.coordinator import Coordinator
from allstop.application.shapes import AgentLine
from allstop.domain.halt.commands import OrderHalt
from allstop.domain.halt.scope import takes_in, trouble_with
from allstop.domain.principal import Kind, Principal
from allstop.errors import AllstopError, KeyReused, Refused, Unauthenticated
from allstop.faces.web.answers import (
    HEADERS,
    STATUS,
    error_page,
    page,
    sign_in_page,
    stranger_page,
)
from allstop.faces.web.entrance import Entrance, read_form

PURPOSE = "halt"
# Long enough for names that a browser writes in several bytes each.
LIMIT = 16_384
LONGEST_WHY = 200
WITHOUT_WHY = "ordered from the console without a reason"
AGENTS_OFFERED = 500
NAMES_SHOWN = 20
TITLE = "Stop agents · Allstop"


@dataclass(frozen=True, slots=True)
class Choice:
    """One scope that is offered."""

    scope: str
    words: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for. number: of the form that was pressed; empty when none was."""

    who: Principal
    scope: str
    why: str
    number: str = ""

    @property
    def command(self) -> OrderHalt:
        return OrderHalt(self.scope, self.why or WITHOUT_WHY)


class Halting:
    """The pages that lead to a halt. Whatever is fetched (GET) reads and nothing else."""

    def __init__(self, coordinator: Coordinator, entrance: Entrance) -> None:
        self._coordinator = coordinator
        self._entrance = entrance

    async def form(self, request: HttpRequest) -> Response:
        """Whom, and why. Both may stand in the address, for links from other pages."""
        asked = self._told(request)
        return asked if isinstance(asked, Response) else self._form(asked)

    async def look(self, request: HttpRequest) -> Response:
        """The second look: who would stop. Orders nothing, so it may be fetched, and gone back to."""
        asked = self._told(request)
        if isinstance(asked, Response):
            return asked
        if trouble := trouble_with(asked.scope):
            return self._form(asked, 400, (trouble,))
        verdict = self._coordinator.post.ask(asked.command, asked.who)
        if not verdict.allowed:
            return self._form(asked, 409, _reasons(refused(verdict)))
        return self._look(request, asked)

    async def order(self, request: HttpRequest) -> Response:
        """The press. The same form pressed twice orders one halt."""
        asked = await self._pressed(request)
        if isinstance(asked, Response):
            return asked
        try:
            halt = str(
                (await self._coordinator.post.do(asked.command, _once(request, asked)))["halt"]
            )
        except Refused as error:
            return self._form(asked, 409, _reasons(error))
        except KeyReused:
            return self._look(request, asked, "this form was used for another halt already", 409)
        except AllstopError as error:
            return error_page(error, STATUS.get(error.code, 500), asked.who)
        if not self._coordinator.post.world.halts[halt].stands:
            text = f"this form ordered {halt}, which was released since: nobody is stopped by it any more"
            return self._look(request, asked, text, 409)
        return RedirectResponse(f"/halts/{halt}", 303, HEADERS)

    # --- who asks for what ---

    def _person(self, request: HttpRequest) -> Principal | Response:
        who = self._entrance.who(request)
        if who is None:
            return stranger_page(request)
        if who.kind is not Kind.PERSON or not self._entrance.seal(request, PURPOSE):
            hint = "sign in with a browser as a person; programs say POST /api/v1/halts"
            return error_page(Unauthenticated("this page is for people", hint), 403, who)
        return who

    def _told(self, request: HttpRequest) -> Asked | Response:
        """What an address asks for."""
        who = self._person(request)
        if isinstance(who, Response):
            return who
        query = request.query_params
        return Asked(who, query.get("scope", "all"), _why(query.get("why", "")))

    async def _pressed(self, request: HttpRequest) -> Asked | Response:
        """What the form of the second look asks for; everything else gets a page that says why nobody was stopped."""
        form = await read_form(request, LIMIT)
        fields = form.fields
        if self._entrance.who(request) is None:
            wanted = {name: fields.get(name, "") for name in ("scope", "why")}
            text = "Nobody was stopped: you are signed in no longer."
            return sign_in_page(401, text, f"/halt?{urlencode(wanted)}")
        who = self._person(request)
        if isinstance(who, Response):
            return who
        number = self._entrance.sealed(request, PURPOSE, fields.get("seal", ""))
        asked = Asked(who, fields.get("scope", ""), _why(fields.get("why", "")), number)
        strange = "the form does not come from this page, or you have signed in anew since"
        trouble = form.trouble or ("" if number else strange)
        return self._form(asked, 403, (f"Nobody was stopped: {trouble}",)) if trouble else asked

    # --- pages ---

    def _form(self, asked: Asked, status: int = 200, troubles: Sequence[str] = ()) -> Response:
        agents = self._coordinator.views.for_(asked.who).agents()
        context = {
            "scope": asked.scope,
            "why": asked.why,
            "choices": _choices(agents, asked.scope),
            "left_out": max(0, len(agents) - AGENTS_OFFERED),
            "troubles": troubles,
            "longest": LONGEST_WHY,
        }
        return _page("halt-form", asked, context, status)

    def _look(
        self, request: HttpRequest, asked: Asked, trouble: str = "", status: int = 200
    ) -> Response:
        agents = self._coordinator.views.for_(asked.who).agents()
        inside = [one for one in agents if takes_in(asked.scope, one)]
        context = {
            "scope": asked.scope,
            "why": asked.why,
            "seal": self._entrance.seal(request, PURPOSE),
            "whom": _whom(asked.scope, agents),
            "count": len(inside),
            "names": inside[:NAMES_SHOWN],
            "more": max(0, len(inside) - NAMES_SHOWN),
            "held": sum(1 for one in inside if one.held_by),
            "trouble": trouble,
        }
        return _page("halt-look", asked, context, status)


def _page(template: str, asked: Asked, context: dict[str, Any], status: int) -> Response:
    return page(template, TITLE, context, who=asked.who, status=status, path="/halt", form=True)


def _why(text: str) -> str:
    """A reason as it is told: one line, not too long."""
    return " ".join(text.split())[:LONGEST_WHY]


def _once(request: HttpRequest, asked: Asked) -> Request:
    """A repeat of the same form is the same request."""
    said = f"{asked.scope}\n{asked.why}".encode("utf-8", "surrogatepass")
    cause = str(request.scope.get("state", {}).get("request_id", ""))
    key = f"console-halt-{hashlib.sha256(asked.number.encode()).hexdigest()}"
    return Request(asked.who, cause, key, hashlib.sha256(said).hexdigest())


def _reasons(error: Refused) -> tuple[str, ...]:
    return tuple(f"{text}{f' ({hint})' if hint else ''}" for _, text, hint in error.reasons)


def _choices(agents: Sequence[AgentLine], chosen: str) -> dict[str, list[Choice]]:
    """What can be chosen, by heading: everybody, each team, each agent, and what was asked for when it is none of these."""

    def offered(scopes: Iterable[str]) -> list[Choice]:
        return [Choice(scope, _whom(scope, agents)) for scope in scopes]

    found = {
        "": offered(("all",)),
        "Teams": offered(f"team:{team}" for team in sorted({one.team for one in agents} - {""})),
        "Agents": offered(f"agent:{one.id}" for one in agents[:AGENTS_OFFERED]),
    }
    if chosen not in {one.scope for group in found.values() for one in group}:
        found[""] += offered((chosen,))
    return {heading: group for heading, group in found.items() if group}


def _whom(scope: str, agents: Iterable[AgentLine]) -> str:
    """A scope in words."""
    kind, _, name = scope.partition(":")
    inside = [one for one in agents if takes_in(scope, one)]
    count = f"{len(inside)} {'agent' if len(inside) == 1 else 'agents'}"
    if scope == "all":
        return f"Everybody ({count})"
    if kind == "agent" and inside:
        return f"{inside[0].name} ({name})"
    return f"{kind.capitalize()} {name} ({count})" if kind != "agent" else f"Agent {name}"

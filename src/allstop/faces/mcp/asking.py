"""Requests to the coordinator, as the agent that asks. What is not in `REACHED` cannot be asked for from here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from allstop import __version__
from allstop.errors import AllstopError, Unavailable
from allstop.faces.mcp.untrusted import LINE, clean, words

READ_SECONDS, WRITE_SECONDS = 10.0, 30.0
# When everybody is held everybody asks: the coordinator has better things to do than to answer all of them at once.
MOST_AT_ONCE = 16
COMMAND = re.compile(r"\ballstop\s")

# Every operation of the HTTP API that agents reach through here, by its name there. All that lifts, approves, lowers,
# decides, kills or administers is left out on purpose; a test holds this table against a list of those.
REACHED: Mapping[str, tuple[str, str]] = {
    "agents": ("GET", "/api/v1/agents"),
    "halts": ("GET", "/api/v1/halts"),
    "incidents": ("GET", "/api/v1/incidents"),
    "show": ("GET", "/api/v1/incidents/{incident}"),
    "timeline": ("GET", "/api/v1/incidents/{incident}/timeline"),
    "playbooks": ("GET", "/api/v1/playbooks"),
    "policy": ("GET", "/api/v1/policy"),
    "whoami": ("GET", "/api/v1/whoami"),
    "answer": ("POST", "/api/v1/agents/{agent}/roll-call"),
    "propose": ("POST", "/api/v1/proposals"),
    "note": ("POST", "/api/v1/incidents/{incident}/notes"),
    "change": ("POST", "/api/v1/incidents/{incident}/changes"),
    "change-end": ("POST", "/api/v1/incidents/{incident}/changes/{change}/end"),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. token: the agent's bearer token; agent: its name as its configuration says it, or empty."""

    token: str = field(repr=False)
    agent: str = ""


# Set for each request over HTTP, once for the whole process over standard input and output.
CALLER: ContextVar[Caller] = ContextVar("allstop_mcp_caller")


class NotDone(AllstopError):
    """The coordinator said no. codes: of its reasons; the text is for an agent, with what others wrote marked."""

    def __init__(self, status: int, codes: list[str], said: str) -> None:
        because = ", ".join(codes) or str(status)
        super().__init__(
            f'refused ({because}); untrusted: "{said}"' if said else f"refused ({because})"
        )
        self.status = status
        self.codes = codes


@dataclass(frozen=True, slots=True)
class Way:
    """The way to a coordinator. socket: path of its Unix socket, or empty; url: of it otherwise."""

    socket: str = ""
    url: str = ""


class Coordinator:
    """One coordinator, asked in the name of whoever calls. new_key: a fresh random key.

    The Unix socket would say that the process' owner asks: a token is always sent, so that it is the agent.
    """

    def __init__(self, way: Way, new_key: Callable[[], str]) -> None:
        self._new_key = new_key
        limits = httpx.Limits(max_connections=MOST_AT_ONCE)
        transport = httpx.AsyncHTTPTransport(uds=way.socket or None, limits=limits, trust_env=False)
        self._client = httpx.AsyncClient(
            transport=transport,
            base_url=way.url or "http://localhost",
            headers={"User-Agent": f"allstop-mcp/{__version__}"},
            follow_redirects=False,
            trust_env=False,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def read(self, operation: str, **names: str) -> Any:
        """What an operation shows. Raises NotDone, or Unavailable when nobody answers."""
        try:
            return await self._ask(operation, "GET", names, None, {})
        except _Lost:
            pass
        try:
            return await self._ask(operation, "GET", names, None, {})
        except _Lost:
            raise Unavailable(
                "the coordinator does not answer", "what holds you still holds you; tell a person"
            ) from None

    async def change(self, operation: str, body: dict[str, Any], **names: str) -> Any:
        """Have something done, at most once however often the connection breaks."""
        key = {"Idempotency-Key": self._new_key()}
        try:
            return await self._ask(operation, "POST", names, body, key)
        except _Lost:
            pass
        try:
            return await self._ask(operation, "POST", names, body, key)
        except (_Lost, Unavailable):
            raise Unavailable(
                "the connection broke twice, so it is not known whether this was done",
                "look before you repeat it",
            ) from None

    async def knows(self, caller: Caller) -> bool:
        """Whether a token is an agent's. Raises Unavailable when that cannot be asked."""
        known = CALLER.set(caller)
        try:
            found = await self.read("whoami")
        except NotDone as error:
            if error.status == httpx.codes.UNAUTHORIZED:
                return False
            raise Unavailable(f"the coordinator answered {error.status}") from None
        finally:
            CALLER.reset(known)
        return str(found["principal"]).startswith("agent:")

    async def _ask(
        self, operation: str, method: str, names: dict[str, str], body: dict[str, Any] | None,
        headers: dict[str, str],
    ) -> Any:  # fmt: skip
        wanted, path = REACHED[operation]
        if wanted != method:
            raise KeyError(f"{operation} is a {wanted}")
        target = path.format(**{name: quote(value, safe="") for name, value in names.items()})
        headers = headers | {"Authorization": f"Bearer {CALLER.get().token}"}
        seconds = READ_SECONDS if method == "GET" else WRITE_SECONDS
        try:
            answer = await self._client.request(
                method, target, json=body, headers=headers, timeout=seconds
            )
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise Unavailable(
                "no coordinator answers", "what holds you still holds you; tell a person"
            ) from None
        except httpx.HTTPError:
            raise _Lost from None
        return _value(answer)


class _Lost(Exception):
    """The connection broke after the request had begun."""


def _value(answer: httpx.Response) -> Any:
    """What an answer holds. Raises NotDone for a problem, Unavailable for what no coordinator says."""
    try:
        found = json.loads(answer.content) if answer.content else {}
    except ValueError:
        found = None
    if answer.is_success and found is not None:
        return found
    if answer.is_success or answer.is_redirect or not isinstance(found, dict):
        raise Unavailable("what answers is no coordinator", "a person should look at its address")
    given = found.get("reasons")
    reasons = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    codes = words(one.get("code") for one in reasons) or words([found.get("code")])
    said = [_said(one) for one in reasons] or [clean(found.get("detail", ""), LINE)]
    raise NotDone(answer.status_code, codes[:10], "; ".join(said[:10]).replace('"', "'"))


def _said(reason: dict[str, Any]) -> str:
    """A reason in words: where in what was sent, and what. A hint that is a command is for people: it stays out."""
    where = clean(reason.get("pointer", ""), 60).strip("/")
    text = clean(reason.get("text", ""), LINE)
    hint = clean(reason.get("hint", ""), LINE)
    hint = "" if COMMAND.search(hint) else hint
    return "".join((f"{where}: " if where else "", text, f" ({hint})" if hint else ""))

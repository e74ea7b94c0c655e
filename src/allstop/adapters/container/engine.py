"""Calls to an engine over its socket: bounded, with an end, and what a container is like."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.facts import LARGEST_WHOLE, read_json
from allstop.adapters.mechanisms.text import decoded, one_line
from allstop.domain.policy.tables import Scalar

_API = "/v1.41"  # Docker 20.10 and later, Podman 4 and later
_LARGEST = 8_000_000
_POLL_SECONDS = 0.05


class EngineError(Exception):
    """The engine gave no answer that can be used. passing: it may later."""

    def __init__(self, text: str, *, passing: bool = True) -> None:
        super().__init__(one_line(text))
        self.passing = passing


class NoSuchError(EngineError):
    """There is no such container."""


@dataclass(frozen=True, slots=True)
class Answer:
    """cut: the body was longer than what may be."""

    status: int
    body: bytes
    cut: bool = False

    def is_good(self) -> bool:
        return 200 <= self.status < 300 or self.status == 304  # 304: it is so already

    def said(self) -> str:
        """Why not, in the engine's words."""
        try:
            found = read_json(self.body)
            text = found["message"] if isinstance(found["message"], str) else ""
        except (ValueError, KeyError, TypeError):
            text = decoded(self.body[:300])
        return one_line(f"the engine answered {self.status}: {text}")


@dataclass(frozen=True, slots=True)
class Seen:
    """A container as the engine describes it. health: empty without a health check."""

    id: str
    name: str
    status: str
    running: bool
    paused: bool
    restarting: bool
    exit_code: int
    health: str
    started_at: str
    restarts: int
    tty: bool
    labels: dict[str, str]
    whole: dict[str, Any] = field(repr=False)

    def is_up(self) -> bool:
        return self.running and not self.paused and not self.restarting

    def is_down(self) -> bool:
        """Not running, and not about to: whether it ended or never began."""
        return (
            not self.running
            and not self.restarting
            and self.status in ("exited", "created", "dead")
        )

    def facts(self) -> dict[str, Scalar]:
        found: dict[str, Scalar] = {
            "status": one_line(self.status, 40),
            "exit_code": self.exit_code,
            "restarts": self.restarts,
            "started_at": one_line(self.started_at, 60),
        }
        return {**found, "health": one_line(self.health, 40)} if self.health else found


@dataclass(slots=True)
class Engine:
    """One attempt's calls. changed: something was asked for that may have had an effect."""

    socket: str
    deadline: Deadline
    changed: bool = False

    async def inspect(self, container: str) -> Seen:
        """The container of exactly this name or id. Raises EngineError."""
        answer = await self.call("GET", f"/containers/{quote(container, safe='')}/json")
        if answer.status == 404:
            raise NoSuchError(f"no container {container}", passing=False)
        seen = _seen(_object(answer))
        # The engine also answers to the beginning of an id.
        if container not in (seen.name, seen.id):
            raise NoSuchError(f"no container {container}, only {seen.name}", passing=False)
        return seen

    async def of_project(self, project: str) -> list[Seen]:
        """All containers of a Compose project, running or not, without its one-off ones."""
        filters = json.dumps({"label": [f"com.docker.compose.project={project}"]})
        answer = await self.call("GET", "/containers/json", {"all": "1", "filters": filters})
        found = [await self.inspect(one) for one in _ids(answer)]
        return [
            one
            for one in sorted(found, key=lambda one: one.name)
            if one.labels.get("com.docker.compose.project") == project
            and one.labels.get("com.docker.compose.oneoff", "False").lower() != "true"
        ]

    async def change(self, seen: Seen, verb: str, words: dict[str, str] | None = None) -> Answer:
        """Ask for a change of this very container. Raises EngineError."""
        return await self.call("POST", f"/containers/{seen.id}/{verb}", words)

    async def pause_between_looks(self) -> None:
        """Wait a moment. Raises EngineError when time is up."""
        if self.deadline.passed():
            raise EngineError("it did not come so in time")
        await asyncio.sleep(_POLL_SECONDS)

    async def call(self, method: str, path: str, words: dict[str, str] | None = None) -> Answer:
        """Send once. Raises EngineError; `changed` says whether it may have had an effect."""

        async def trace(event: str, _: object) -> None:
            if method != "GET" and event == "http11.send_request_headers.started":
                self.changed = True

        url = f"http://engine{_API}{path}" + (f"?{urlencode(words)}" if words else "")
        try:
            async with asyncio.timeout(self.deadline.left_ms() / 1000):
                return await self._exchange(method, url, trace)
        except TimeoutError:
            raise EngineError("the engine does not answer in time") from None
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as error:
            text = str(error) or type(error).__name__
            raise EngineError(f"the engine cannot be asked: {text}") from error

    async def _exchange(self, method: str, url: str, trace: object) -> Answer:
        limit = self.deadline.left_ms() / 1000
        transport = httpx.AsyncHTTPTransport(uds=self.socket)
        async with (
            httpx.AsyncClient(transport=transport, trust_env=False, timeout=limit) as client,
            client.stream(
                method,
                url,
                headers={"accept-encoding": "identity", "user-agent": "allstop"},
                extensions={"trace": trace},
            ) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > _LARGEST:
                    break
            return Answer(response.status_code, bytes(body[:_LARGEST]), len(body) > _LARGEST)


def _object(answer: Answer) -> dict[str, Any]:
    found = _json(answer)
    if not isinstance(found, dict):
        raise EngineError("the engine's answer makes no sense", passing=False)
    return found


def _json(answer: Answer) -> Any:
    if answer.status != 200:
        raise EngineError(answer.said(), passing=answer.status >= 500)
    try:
        if answer.cut:
            raise ValueError("too long")
        return read_json(answer.body)
    except ValueError:
        raise EngineError("the engine's answer makes no sense", passing=False) from None


def _ids(answer: Answer) -> list[str]:
    found = _json(answer)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise EngineError("the engine's answer makes no sense", passing=False)
    ids = [one.get("Id") for one in found]
    if not all(isinstance(one, str) and one.isalnum() for one in ids):
        raise EngineError("the engine's answer names a container that can be none", passing=False)
    return [str(one) for one in ids]


def _seen(found: dict[str, Any]) -> Seen:
    try:
        state, config = found["State"], found["Config"]
        health = state.get("Health") or {}
        labels = config.get("Labels") or {}
        seen = Seen(
            id=_text(found["Id"]),
            name=_text(found["Name"]).removeprefix("/"),
            status=_text(state["Status"]),
            running=state["Running"] is True,
            paused=state["Paused"] is True,
            restarting=state.get("Restarting") is True,
            exit_code=_number(state["ExitCode"]),
            health=_text(health.get("Status") or "").replace("none", ""),
            started_at=_text(state["StartedAt"]),
            restarts=_number(found.get("RestartCount", 0)),
            tty=config.get("Tty") is True,
            labels={_text(name): _text(value) for name, value in labels.items()},
            whole=found,
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        raise EngineError("the engine's answer is no container", passing=False) from None
    if not seen.id.isalnum():
        raise EngineError("the engine's answer is no container", passing=False)
    return seen


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > LARGEST_WHOLE:
        raise TypeError("no number")
    return value

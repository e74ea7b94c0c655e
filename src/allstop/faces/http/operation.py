"""One row of the table of operations, and what its handler is handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request as HttpRequest

from allstop.application.aside import aside
from allstop.application.command_post import Request, refused
from allstop.application.coordinator import Coordinator
from allstop.application.views import Views
from allstop.domain.authority import may
from allstop.domain.policy import Policy
from allstop.domain.principal import Principal
from allstop.errors import Missing, Refused
from allstop.faces.http.measuring import Measuring
from allstop.faces.http.order_stream import Followers
from allstop.faces.http.problems import Unknown
from allstop.faces.http.streaming import Streams

CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Query:
    """A query parameter. kind: `boolean`, `integer` or `string`."""

    name: str
    kind: str
    summary: str


@dataclass(frozen=True, slots=True)
class Face:
    """What all handlers share. stop: asks the process to stop gracefully.

    console_link: (principal, halting) makes a link that signs its principal in to the web console once, with halting to the page that
    stops agents; None without a console.
    """

    coordinator: Coordinator
    stop: Callable[[], None]
    streams: Streams
    measuring: Measuring
    console_link: Callable[[Principal, bool], str] | None = None
    followers: Followers = field(default_factory=Followers)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, authenticated, checked and parsed.

    views: as whoever asks may see them; request: who asks, its id and idempotency key; body: the
    operation's model; query: parsed values by name; http: the raw request, for the few operations
    that answer in their own way.
    """

    face: Face
    views: Views
    request: Request
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any
    http: HttpRequest

    @property
    def coordinator(self) -> Coordinator:
        return self.face.coordinator

    @property
    def who(self) -> Principal:
        return self.request.who

    @property
    def policy(self) -> Policy:
        return self.face.coordinator.post.book.latest

    def incident(self) -> str:
        """The incident of the path; `current` means the one that is open.

        Raises Missing, for one that is hidden from whoever asks just as for one that is not there.
        """
        name = self.path["id"]
        return self.views.current() if name == CURRENT else self.views.known(name)

    def named(self, incident: str) -> str:
        """An incident the body names, if it names one. Raises Unknown when there is none to be seen."""
        if incident:
            with _refusing("incident"):
                self.views.known(incident)
        return incident

    def require(self, action: str) -> None:
        """Raises Refused unless the current policy grants the action."""
        verdict = may(action, self.who, self.policy, {})
        if not verdict.allowed:
            raise refused(verdict)


@contextmanager
def _refusing(subject: str) -> Iterator[None]:
    """What does not exist for whoever asks is refused as the rules refuse what nobody knows.

    The rules themselves know every incident, and their hint would name those that are hidden.
    """
    try:
        yield
    except Missing as missing:
        raise Unknown(((f"unknown-{subject}", missing.text, missing.hint),)) from None


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API.

    id: its verb, as on the command line; answer: the shape it answers with, or None for media of
    its own; more_media: further types it may answer in; keyed: whether a repeat with the same Idempotency-Key gives the first answer again;
    subject: what the path addresses, for 404; open: needs no authentication, local: needs none on
    the Unix socket; for_hosts: the token of a host opens it too.
    """

    id: str
    method: str
    path: str
    summary: str
    handler: Handler
    answer: Any = None
    body: type[BaseModel] | None = None
    query: tuple[Query, ...] = ()
    headers: tuple[str, ...] = ()
    status: int = 200
    media: str = "application/json"
    more_media: tuple[str, ...] = ()
    subject: str = ""
    tag: str = ""
    keyed: bool = False
    open: bool = False
    local: bool = False
    for_hosts: bool = False
    problems: tuple[int, ...] = field(default=())

    @property
    def unsafe(self) -> bool:
        return self.method not in ("GET", "HEAD")


def command(make: Callable[[Call], Any]) -> Handler:
    """The handler of an operation that is one command."""

    async def handle(call: Call) -> Any:
        return await _done(call, make(call))

    return handle


async def _done(call: Call, told: Any) -> dict[str, Any]:
    """Have a command decided. What came of it does not name an incident hidden from whoever asked.

    (A message may join an open incident that its sender may not read.)
    """
    result = await call.coordinator.post.do(told, call.request)
    return {
        name: value
        for name, value in result.items()
        if name not in ("incident", "into") or call.views.reader.sees(value)
    }


def incident_command(make: Callable[[str, Call], Any]) -> Handler:
    """The handler of a command about the incident of the path.

    With an idempotency key, a repeat must find its answer even when `current` means nothing any
    more (it was the stand-down itself that is repeated); so the key is looked up first.
    """

    async def handle(call: Call) -> Any:
        if call.path["id"] != CURRENT:
            with _refusing("incident"):
                incident = call.incident()
            return await _done(call, make(incident, call))
        try:
            incident = call.incident()
        except Missing as missing:
            if not call.request.key:
                raise
            try:
                return await _done(call, make(CURRENT, call))
            except Refused:
                raise missing from None
        return await _done(call, make(incident, call))

    return handle


def plan_command(make: Callable[[str, Call], Any]) -> Handler:
    """The handler of a command about the plan of the path."""

    async def handle(call: Call) -> Any:
        with _refusing("plan"):
            plan = call.views.plan(call.path["id"])
        return await _done(call, make(plan.id, call))

    return handle


def proposal_command(make: Callable[[str, Call], Any]) -> Handler:
    """The handler of a command about the proposal of the path."""

    async def handle(call: Call) -> Any:
        with _refusing("proposal"):
            proposal = call.views.proposal(call.path["id"])
        return await _done(call, make(proposal.id, call))

    return handle


def long_view(show: Callable[[Call], Any]) -> Handler:
    """The handler of an operation that reads or renders much: beside the event loop."""

    async def handle(call: Call) -> Any:
        return await aside(lambda: show(call))

    return handle


def view(show: Callable[[Call], Any]) -> Handler:
    """The handler of an operation that only reads."""

    async def handle(call: Call) -> Any:
        return show(call)

    return handle

"""Requests to a coordinator, over its Unix socket or over HTTP.

The standard library's client: it is loaded in a tenth of the time of a bigger one, and a person
who types `allstop halt` is in a hurry.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode

from allstop import __version__
from allstop.errors import Invalid, Unavailable
from allstop.faces.cli.address import Address
from allstop.faces.cli.exit_codes import ProblemAnswer

PREFIX = "/api/v1"
# Reads come from memory; a write waits for the disk.
READ_SECONDS, WRITE_SECONDS = 10.0, 30.0
# A stream says something at least this often, be it a comment; after that it is taken for dead.
STREAM_SECONDS = 90.0
RETRY_AFTER_SECONDS = 0.3
STREAM_TRIES = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. at: the coordinator's clock, or None."""

    body: bytes
    content_type: str
    at: datetime | None

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def data(self) -> Any:
        """The JSON value. Raises Unavailable when it is none: then it is not a coordinator."""
        try:
            return json.loads(self.body) if self.body else {}
        except ValueError:
            raise Unavailable(
                "the answer is not JSON", "is this the address of a coordinator?"
            ) from None


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream. position: in the log, for going on after it."""

    position: int
    data: str

    @property
    def entry(self) -> dict[str, Any]:
        """The timeline entry it carries."""
        found: dict[str, Any] = json.loads(self.data)
        return found


class NotRunning(Unavailable):
    """Nobody is there at all, as opposed to somebody who does not answer."""


class _Lost(Exception):
    """The connection broke after the request had begun."""


class Client:
    """Asks one coordinator. token: bearer token, or empty; new_key and pause: see Launch.

    seconds: how long to wait for an answer, when not the usual time.
    """

    def __init__(
        self,
        address: Address,
        token: str,
        new_key: Callable[[], str],
        pause: Callable[[float], None],
        seconds: float | None = None,
    ) -> None:
        self.address = address
        self._token = token
        self._new_key = new_key
        self._pause = pause
        self._seconds = seconds

    def get(self, *path: str, prefix: str = PREFIX, **query: object) -> Answer:
        """Read something. Raises ProblemAnswer, or Unavailable when nobody answers."""
        try:
            return self._ask("GET", _target(prefix, path, query), None, {})
        except _Lost as error:
            raise Unavailable(
                f"the coordinator at {self.address} does not answer ({error})", "allstop doctor"
            ) from None

    def post(self, *path: str, body: dict[str, Any] | None = None) -> Answer:
        """Ask for something to be done."""
        return self._change("POST", path, body or {})

    def delete(self, *path: str) -> Answer:
        return self._change("DELETE", path, None)

    def events(self, after: int, **query: object) -> Iterator[Event]:
        """Entries above a position as they come; a coordinator that restarts is waited for a while."""
        missed = 0
        connected = False
        while True:
            begun = False
            try:
                for event in self._stream(after, query):
                    begun, connected, missed, after = True, True, 0, max(after, event.position)
                    yield event
                connected = True
            except _Lost:
                connected = True
            except Unavailable:
                missed += 1
                if not connected or missed > STREAM_TRIES:
                    raise
            if not begun:
                self._pause(1.0)

    def _change(self, method: str, path: tuple[str, ...], body: dict[str, Any] | None) -> Answer:
        """With an idempotency key, so that a second try after a lost connection cannot do it twice."""
        headers = {"Idempotency-Key": self._new_key()}
        target = _target(PREFIX, path, {})
        try:
            return self._ask(method, target, body, headers)
        except _Lost:
            self._pause(RETRY_AFTER_SECONDS)
        try:
            return self._ask(method, target, body, headers)
        except (_Lost, Unavailable):
            raise Unavailable(
                "the connection broke twice, so it is not known whether this was done",
                "look first (allstop status, allstop log), then repeat it if it is missing",
            ) from None

    def _ask(
        self, method: str, target: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> Answer:
        seconds = self._seconds or (READ_SECONDS if method == "GET" else WRITE_SECONDS)
        with self._exchange(method, target, body, headers, seconds) as response:
            answer = Answer(response.read(), response.headers.get_content_type(), _date(response))
            if response.status >= 400:
                raise _problem(response.status, answer)
            if response.status >= 300:
                raise Unavailable(
                    f"{self.address} answered {response.status}",
                    "is this the address of a coordinator?",
                )
            return answer

    def _stream(self, after: int, query: dict[str, object]) -> Iterator[Event]:
        target = _target(PREFIX, ("events",), {"after": after, **query})
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        with self._exchange("GET", target, None, headers, STREAM_SECONDS) as response:
            if response.status >= 400:
                raise _problem(response.status, Answer(response.read(), "", None))
            yield from _events(response)

    @contextmanager
    def _exchange(
        self,
        method: str,
        target: str,
        body: dict[str, Any] | None,
        headers: dict[str, str],
        seconds: float,
    ) -> Iterator[HTTPResponse]:
        connection = self._connect(seconds)
        payload = None if body is None else json.dumps(body).encode()
        sent = {"Accept": "*/*", "User-Agent": f"allstop-cli/{__version__}", **headers}
        if payload is not None:
            sent["Content-Type"] = "application/json"
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        try:
            connection.request(method, target, payload, sent)
            yield connection.getresponse()
        except (HTTPException, OSError) as error:
            raise _Lost(str(error) or type(error).__name__) from error
        finally:
            connection.close()

    def _connect(self, seconds: float) -> HTTPConnection:
        address = self.address
        if address.socket:
            connection: HTTPConnection = _SocketConnection(address.socket, seconds)
        elif address.tls:
            connection = HTTPSConnection(address.host, address.port, timeout=seconds)
        else:
            connection = HTTPConnection(address.host, address.port, timeout=seconds)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise _unreachable(address, error.strerror or str(error)) from None
        return connection


class _SocketConnection(HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _target(prefix: str, path: tuple[str, ...], query: dict[str, object]) -> str:
    """Each part of a path is quoted by itself, so that a name cannot become another path.

    Raises Invalid for a name that is empty: it would be the path of something else.
    """
    if not all(path):
        raise Invalid("a name is empty")
    given = {name: value for name, value in query.items() if value not in {"", None}}
    target = "/".join([prefix, *(quote(part, safe="") for part in path)])
    return f"{target}?{urlencode(given)}" if given else target


def _date(response: HTTPResponse) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers["Date"])
    except (TypeError, ValueError):
        return None


def _events(response: HTTPResponse) -> Iterator[Event]:
    """Parse a stream of server-sent events."""
    position, data = 0, []
    while line := response.readline(1_000_000):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "id" and value.isdigit():
            position = int(value)
        elif name == "data":
            data.append(value)
        elif not text and data:
            yield Event(position, "\n".join(data))
            data = []


def _problem(status: int, answer: Answer) -> ProblemAnswer:
    """RFC 9457 as an error; an answer of another shape is shown as it is."""
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return ProblemAnswer(
            status,
            "",
            f"the coordinator answered {status}: {answer.text[:200]}",
            "is this the address of a coordinator?",
            (),
            "",
        )
    given = found.get("reasons")
    reasons = tuple(
        (
            _at(str(each.get("pointer") or ""), str(each.get("text") or "")),
            str(each.get("hint") or ""),
        )
        for each in (given if isinstance(given, list) else [])
        if isinstance(each, dict)
    )
    text = found.get("detail") or found.get("title") or f"the coordinator answered {status}"
    return ProblemAnswer(
        status,
        str(found.get("code", "")),
        str(text),
        str(found.get("hint") or ""),
        reasons,
        answer.text,
    )


def _at(pointer: str, text: str) -> str:
    """A reason, behind the field of the body that it is about."""
    field = pointer.strip("/").replace("/", ".")
    return f"{field}: {text}" if field else text


def _unreachable(address: Address, why: str) -> NotRunning:
    if address.socket:
        return NotRunning(
            f"no coordinator is running here ({why}: {address})", "allstop up --detach"
        )
    return NotRunning(
        f"no coordinator answers at {address} ({why})",
        "is it running there, and is the address right?",
    )

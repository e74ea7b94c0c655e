"""A small server on a Unix socket that speaks the documented contract with recorded answers."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import msgspec

from tests.faces.cli import recorded

API = "/api/v1"


@dataclass
class Asked:
    """A request as it came in."""

    method: str
    path: str
    body: Any
    headers: dict[str, str]


@dataclass
class Recorded:
    """answers: (status, JSON value or bytes) by "METHOD /path"; drops: connections to break unanswered."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    drops: int = 0
    events: list[tuple[int, Any]] = field(default_factory=list)

    def answer(self, route: str, value: Any, status: int = 200) -> None:
        self.answers[route] = (status, value)

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    def keys(self) -> list[str]:
        return [one.headers.get("Idempotency-Key", "") for one in self.asked]


def problem(
    status: int, code: str, detail: str, hint: str = "", reasons: Any = ()
) -> tuple[int, Any]:
    """RFC 9457, as the HTTP face writes it."""
    return status, {
        "type": f"urn:allstop:problem:{code}", "title": "Problem", "status": status, "detail": detail,
        "instance": "/", "code": code, "reasons": list(reasons), "hint": hint, "request_id": "r1",
    }  # fmt: skip


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    book: Recorded


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        book = self.server.book
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.removeprefix(API)
        value = json.loads(body) if body else None
        book.asked.append(Asked(self.command, path, value, dict(self.headers)))
        if book.drops:
            book.drops -= 1
            self.close_connection = True
            return
        route = path.partition("?")[0]
        if route == "/events":
            self._stream(book)
            return
        missing = problem(404, "not-found", f"there is no {route}", "look elsewhere")
        self._send(*book.answers.get(f"{self.command} {route}", missing))

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the names http.server calls

    def _send(self, status: int, value: Any) -> None:
        body = value if isinstance(value, bytes) else msgspec.json.encode(value)
        kind = "text/plain" if isinstance(value, bytes) else "application/json"
        self.send_response_only(status)
        self.send_header("Date", format_datetime(recorded.NOW, usegmt=True))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, book: Recorded) -> None:
        self.send_response_only(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        after = int(self.headers.get("Last-Event-ID", "0"))
        self.wfile.write(f"retry: 2000\nid: {after}\n\n: still here\n\n".encode())
        for position, value in book.events:
            if position > after:
                data = msgspec.json.encode(value).decode()
                self.wfile.write(f"id: {position}\nevent: x\ndata: {data}\n\n".encode())
                self.close_connection = True
                return  # one entry a connection: the reader has to resume
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        pass

    def address_string(self) -> str:
        return "local"


@contextmanager
def serving(path: Path, book: Recorded) -> Iterator[None]:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with _Server(str(path), _Handler) as server:
        server.book = book
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()

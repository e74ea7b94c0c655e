"""HTTP for a shop service: a small keep-alive server, and a client that keeps connections.

Every service answers `GET /health` (is the process there, and which release is it?) and
`GET /deep` (does its main function work?). The two differ on purpose: a bad release is healthy
and useless.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Body = dict[str, Any]

_LARGEST_BODY = 64 * 1024
_IDLE_SECONDS = 60
_DRAIN_SECONDS = 2.0
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class RefusedError(Exception):
    """A request that gets an answer other than success."""

    def __init__(self, status: int, error: str, **more: Any) -> None:
        super().__init__(error)
        self.status = status
        self.body: Body = {"error": error, **more}


class UnreachableError(Exception):
    """A service did not answer: refused, reset, or too slow."""


@dataclass(frozen=True)
class Request:
    """What a handler gets: the rest of the path after a `/*` route, the JSON body, headers."""

    tail: str
    body: Body
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What a handler gives back."""

    status: int
    body: Body


Handler = Callable[[Request], Answer]


@dataclass
class Service:
    """One service: its routes, and the server that runs them until SIGTERM.

    `release` is the git tree of the folder the process was started in, unless given.
    """

    name: str
    deep: Callable[[], Body]
    routes: dict[str, Handler] = field(default_factory=dict)

    release: str = ""

    def __post_init__(self) -> None:
        self.started_at = datetime.now(UTC).isoformat()
        self.release = self.release or _release()
        self.routes |= {"GET /health": self._health, "GET /deep": self._deep}
        self._closing = threading.Event()
        self._busy = 0
        self._changed = threading.Condition()

    def answer(self, method: str, path: str, body: Body, headers: Mapping[str, str]) -> Answer:
        """Route one request. A handler that raises answers 500 and leaves its trace in the log."""
        with self._changed:
            self._busy += 1
        try:
            handler, tail = self._find(method, path)
            return handler(Request(tail, body, headers))
        except RefusedError as refused:
            return Answer(refused.status, refused.body)
        except Exception as error:  # noqa: BLE001 - the edge: a bug is answered, not fatal
            traceback.print_exc()
            return Answer(500, {"error": f"{type(error).__name__}: {error}"})
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def serve(self, port: int) -> None:
        """Serve on a loopback port until SIGTERM or SIGINT, then finish what is in flight."""
        server = _Server(("127.0.0.1", port), self)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._closing.set())
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        say(f"{self.name} release {self.release[:12]} listens on 127.0.0.1:{port}")
        while not self._closing.wait(3600):
            continue
        server.shutdown()
        server.server_close()
        with self._changed:
            self._changed.wait_for(lambda: self._busy == 0, _DRAIN_SECONDS)
        say(f"{self.name} ends")

    @property
    def closing(self) -> bool:
        """Whether the service is on its way out; connections are no longer kept then."""
        return self._closing.is_set()

    def _find(self, method: str, path: str) -> tuple[Handler, str]:
        exact = self.routes.get(f"{method} {path}")
        if exact:
            return exact, ""
        folder, _, tail = path.rpartition("/")
        below = self.routes.get(f"{method} {folder}/*")
        if below and tail:
            return below, tail
        raise RefusedError(404, f"no such thing here: {method} {path}")

    def _health(self, _: Request) -> Answer:
        return Answer(
            200,
            {
                "service": self.name,
                "release": self.release,
                "pid": os.getpid(),
                "started_at": self.started_at,
            },
        )

    def _deep(self, _: Request) -> Answer:
        try:
            found = self.deep()
        except RefusedError as refused:
            return Answer(500, {"ok": False, "service": self.name, **refused.body})
        except Exception as error:  # noqa: BLE001 - the edge: a bug is answered, not fatal
            traceback.print_exc()
            text = f"{type(error).__name__}: {error}"
            return Answer(500, {"ok": False, "service": self.name, "error": text})
        return Answer(200, {"ok": True, "service": self.name, **found})


class _Server(ThreadingHTTPServer):
    """A thread per connection; connections are few and kept."""

    daemon_threads = True
    # server_close() must not wait for idle kept connections; Service.serve drains by itself.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: Service) -> None:
        self.service = service
        super().__init__(address, _Connection)


class _Connection(BaseHTTPRequestHandler):
    """One client connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_SECONDS
    # Small answers on a kept connection wait 40 ms for a delayed ACK otherwise.
    disable_nagle_algorithm = True
    wbufsize = -1

    def _handle(self) -> None:
        try:
            answer = self._answer()
        except RefusedError as refused:
            # The body was not read, so the connection cannot be used again.
            self.close_connection = True
            answer = Answer(refused.status, refused.body)
        payload = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        if self.server.service.closing or self.close_connection:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(payload)
        self.wfile.flush()

    def _answer(self) -> Answer:
        body = self._read_body()
        return self.server.service.answer(
            self.command, self.path.partition("?")[0], body, dict(self.headers.items())
        )

    def _read_body(self) -> Body:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            raise RefusedError(400, "Content-Length is not a number") from None
        if not 0 <= length <= _LARGEST_BODY:
            raise RefusedError(413, f"a body has at most {_LARGEST_BODY} bytes")
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError as error:
            raise RefusedError(400, f"the body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise RefusedError(400, "the body must be a JSON object")
        return body

    do_GET = do_POST = do_PUT = _handle  # noqa: N815 - the names http.server looks for

    def log_message(self, *_: Any) -> None:
        """Quiet: a line per purchase would drown the traces that matter."""


class Upstream:
    """Calls another service of the shop over kept connections.

    `timeout` is in seconds and holds for each wait on the network. A request goes out a second
    time only if it met a kept connection that had died meanwhile; every call in the shop carries
    a key that makes a repeat harmless.
    """

    def __init__(self, name: str, port: int, timeout: float = 1.0) -> None:
        self.name = name
        self._port = port
        self._timeout = timeout
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def call(
        self, method: str, path: str, body: Body | None = None, key: str | None = None
    ) -> tuple[int, Body]:
        """Send one request; returns status and JSON body. Raises UnreachableError."""
        headers = {"Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        payload = json.dumps(body).encode() if body is not None else None
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        if kept:
            try:
                return self._exchange(kept, method, path, payload, headers)
            except (ConnectionError, http.client.HTTPException):
                self._forget_idle()
            except OSError as error:
                raise UnreachableError(f"{self.name} does not answer: {error}") from error
        fresh = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._timeout)
        try:
            return self._exchange(fresh, method, path, payload, headers)
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(f"{self.name} does not answer: {error}") from error

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        payload: bytes | None,
        headers: Mapping[str, str],
    ) -> tuple[int, Body]:
        keep = False
        try:
            connection.request(method, path, payload, dict(headers))
            response = connection.getresponse()
            text = response.read()
            keep = not response.will_close
        finally:
            if not keep:
                connection.close()
        with self._lock:
            if keep:
                self._idle.append(connection)
        try:
            body = json.loads(text)
        except ValueError:
            body = {"error": text.decode(errors="replace")[:200]}
        return response.status, body if isinstance(body, dict) else {"value": body}

    def _forget_idle(self) -> None:
        """The other side went away, so every kept connection is as dead as the one just met."""
        with self._lock:
            dead, self._idle = self._idle, []
        for connection in dead:
            connection.close()


def say(text: str) -> None:
    """A line in the service's log, with the UTC time."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    print(f"{stamp} {text}", flush=True)


def text_of(body: Body, name: str) -> str:
    """A field that must be a short, non-empty text. Raises RefusedError (400)."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 128:
        raise RefusedError(400, f"{name} must be a text of 1 to 128 characters")
    return value


def name_of(body: Body, name: str) -> str:
    """A field that must be a name: it goes into paths and headers. Raises RefusedError (400)."""
    value = body.get(name)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise RefusedError(400, f"{name} must be 1 to 100 letters, digits or . _ : -")
    return value


def whole_of(body: Body, name: str, least: int, most: int) -> int:
    """A field that must be a whole number in a range. Raises RefusedError (400)."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise RefusedError(400, f"{name} must be a whole number from {least} to {most}")
    return value


def port() -> int:
    """The loopback port this service was given."""
    return int(os.environ["SHOP_PORT"])


def data_folder() -> Path:
    """Where this service keeps what must outlive it."""
    return Path(os.environ["SHOP_DATA"])


def upstream_ports() -> dict[str, int]:
    """The ports of the services behind the gateway, by name."""
    pairs = (item.partition("=") for item in os.environ["SHOP_ROUTES"].split(",") if item)
    return {name: int(number) for name, _, number in pairs}


def _release() -> str:
    """The git tree of the folder the process was started in: what runs, whatever led to it."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", "rev-parse", "HEAD^{tree}"], env=clean, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"this folder is no release: {done.stderr.strip()}")
    return done.stdout.strip()

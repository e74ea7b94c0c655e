"""Asking the coordinator over its Unix socket, with nothing but the standard library.

httpx leaks the socket of a refused connection, and a coordinator that is killed all the time refuses many.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allstop.settings import read_settings

TIMEOUT_SECONDS = 5.0


class NoAnswer(Exception):
    """Nobody is there, or it went away before it had answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    text: str

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body of a good answer. Raises NoAnswer for another one: ask again later."""
        if not self.good:
            raise NoAnswer(f"answered {self.status}: {self.text[:300]}")
        return json.loads(self.text)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a socket file."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(str(self._path))


def socket_of(home: Path) -> Path:
    """Where the coordinator of a project listens."""
    return read_settings(home, environ={}).socket


def ask(
    home: Path, method: str, path: str, body: Mapping[str, Any] | None = None, key: str = ""
) -> Answer:
    """One request as the user of this process, whom the roster calls dana. Raises NoAnswer."""
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    with contextlib.closing(_UnixConnection(socket_of(home))) as connection:
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return Answer(response.status, response.read().decode("utf-8"))
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(str(error)) from error

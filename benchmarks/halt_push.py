"""From a person's word over HTTP to the file that gates read on a machine: a real coordinator, a real host process.

The clock starts before the request is sent and stops when the kernel says that the new state file took its name. In
between lie the commit of the order, its signature, the stream, the host's checks, the journal and the file: one
`fdatasync` of the coordinator and four of the host, each of the same disk. Beside it, in turns, what no such system can do
without: one `fdatasync` and one round trip over loopback to another process.
"""

from __future__ import annotations

import ctypes
import getpass
import json
import os
import queue
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.host.whole import Whole, until

HALTS = 200
DECLARATIONS = 40
GOALS_MS = {"p50": 10.0, "p99": 50.0}
PATIENCE_S = 20.0
_MOVED_TO = 0x80
_ECHO = """
import socket, sys
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    line, _ = server.accept()
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while body := line.recv(4096):
        line.sendall(body)
"""


def measure() -> dict[str, object]:
    """Milliseconds: halts that were ordered, declarations that ordered one, and the physical limit between them."""
    with tempfile.TemporaryDirectory(prefix="allstop-push-") as name:
        whole = Whole(Path(name))
        try:
            whole.begin()
            whole.host_up()
            until(lambda: whole.ask()["connected"])
            return _measured(whole)
        finally:
            whole.end()


def _measured(whole: Whole) -> dict[str, object]:
    person, eyes, limit = Person(whole), Eyes(whole), Limit(whole.folder)
    try:
        person.halt_and_release(eyes)  # once for what is loaded when it is needed
        halts, floor = [], []
        for _ in range(HALTS):
            floor.append(limit.once())
            halts.append(person.halt_and_release(eyes))
        declarations = [person.declare(eyes, number) for number in range(DECLARATIONS)]
    finally:
        limit.close()
    return {
        "halt ordered": spread(halts),
        "incident declared": spread(declarations),
        "one fdatasync and one round trip": spread(floor),
        "times the limit, p50": round(spread(halts)["p50"] / spread(floor)["p50"], 1),
        "goals_ms": GOALS_MS,
    }


def spread(figures: list[float]) -> dict[str, float]:
    """From seconds to milliseconds: how many there are, and how they lie."""
    ordered = sorted(1000 * figure for figure in figures)
    return {
        "runs": len(ordered),
        "least": round(ordered[0], 2),
        "p50": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[int(0.99 * len(ordered))], 2),
        "worst": round(ordered[-1], 2),
    }


class Person:
    """Somebody with a token, and one connection to the coordinator that stays open."""

    def __init__(self, whole: Whole) -> None:
        person = f"person:{getpass.getuser()}"
        token = json.loads(whole.cli("token", "new", person, "--json"))["token"]
        self._line = HTTPConnection("127.0.0.1", whole.port, timeout=PATIENCE_S)
        self._head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self._line.request("POST", f"/api/v1/{path}", json.dumps(body), self._head)
        answer = self._line.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{path}: {answer.status} {said.decode()}")
        found: dict[str, Any] = json.loads(said)
        return found

    def connect_again(self) -> None:
        """A line that has been silent for seconds is closed by the other side."""
        self._line.close()
        self._line.connect()

    def halt_and_release(self, eyes: Eyes) -> float:
        """Seconds from before the request to the file that holds the halt."""
        began = time.perf_counter()
        halt = str(self.post("halts", {"scope": "all", "reason": "a measurement"})["halt"])
        took = eyes.seen(lambda standing: halt in standing) - began
        self.post(f"halts/{halt}/release", {"because": "measured"})
        eyes.seen(lambda standing: halt not in standing)
        return took

    def declare(self, eyes: Eyes, number: int) -> float:
        before = len(eyes.standing())
        began = time.perf_counter()
        self.post("incidents", {"title": f"measurement {number}", "severity": "SEV1"})
        return eyes.seen(lambda standing: len(standing) > before) - began


class Eyes:
    """Watches the state file of a machine as the kernel tells of it, in a thread of its own: it looks while a request is under way."""

    def __init__(self, whole: Whole) -> None:
        self._whole = whole
        libc = ctypes.CDLL(None, use_errno=True)
        self._handle = libc.inotify_init1(os.O_CLOEXEC)
        if libc.inotify_add_watch(self._handle, os.fsencode(whole.place), _MOVED_TO) < 0:
            raise OSError(ctypes.get_errno(), "the folder cannot be watched")
        self._seen: queue.Queue[tuple[float, list[str]]] = queue.Queue()
        threading.Thread(target=self._look, daemon=True).start()

    def standing(self) -> list[str]:
        return self._whole.standing()

    def seen(self, wanted: Callable[[list[str]], bool]) -> float:
        """When the first new file that says so took its name (seconds of `time.perf_counter`)."""
        while True:
            at, standing = self._seen.get(timeout=PATIENCE_S)
            if wanted(standing):
                return at

    def _look(self) -> None:
        while True:
            news = os.read(self._handle, 65_536)
            at = time.perf_counter()
            if b"state\0" in news:
                self._seen.put((at, self.standing()))


class Limit:
    """One write that is on the disk, then one byte to another process and back."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "limit", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._echo = subprocess.Popen([sys.executable, "-c", _ECHO], stdout=subprocess.PIPE)
        assert self._echo.stdout is not None
        self._line = socket.create_connection(("127.0.0.1", int(self._echo.stdout.readline())))
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def once(self) -> float:
        began = time.perf_counter()
        os.write(self._file, b"x" * 600)
        os.fdatasync(self._file)
        self._line.sendall(b"x")
        self._line.recv(1)
        return time.perf_counter() - began

    def close(self) -> None:
        self._line.close()
        self._echo.wait(10)
        os.close(self._file)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))

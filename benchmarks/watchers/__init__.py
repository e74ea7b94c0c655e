"""One halt to the last of 1,000 and of 10,000 connected watchers, beside NATS core in the same run.

The watchers hold streams of orders, as hosts do, from two further processes. The clock starts before the request that orders the
halt is sent, so that commit and signature are in it, and stops when the last watcher has the whole order. NATS passes on the
same bytes to as many subscribers in the same two processes, and keeps nothing: its clock starts before the message is sent.
Both are taken in turns. Without `nats-server` (`make test-tools`) only ours is measured.
"""

from __future__ import annotations

import json
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.halt_push import Person, spread
from tests.host.whole import Whole, until

SIZES = (1_000, 10_000)
ROUNDS = 15
PROCESSES = 2
GOALS = {"1,000": "3 x NATS", "10,000": "400 ms"}
_AUDIENCE = Path(__file__).with_name("audience.py")


def measure(sizes: tuple[int, ...] = SIZES, rounds: int = ROUNDS) -> dict[str, object]:
    """Milliseconds to the last watcher, by how many there are."""
    _allow_files()
    with tempfile.TemporaryDirectory(prefix="allstop-watchers-") as name:
        whole = Whole(Path(name))
        try:
            whole.begin()
            person = Person(whole)
            found = {f"{size:,}": _sized(whole, person, size, rounds) for size in sizes}
        finally:
            whole.end()
    return {**found, "goals": GOALS}


def _sized(whole: Whole, person: Person, size: int, rounds: int) -> dict[str, object]:
    token = (whole.folder / "token").read_text().strip()
    ours: list[float] = []
    theirs: list[float] = []
    with ExitStack() as stack:
        watchers = stack.enter_context(audience("orders", whole.port, size, token))
        payload = _payload(whole, token)
        nats = stack.enter_context(nats_core(payload, size)) if _has_nats() else None
        person.connect_again()
        for _ in range(rounds):
            began = time.perf_counter()
            halt = str(person.post("halts", {"scope": "all", "reason": "a measurement"})["halt"])
            ours.append(watchers.last() - began)
            person.post(f"halts/{halt}/release", {"because": "measured"})
            watchers.last()
            if nats is not None:
                theirs.append(nats.publish())
    found: dict[str, object] = {"bytes": len(payload), "allstop": spread(ours)}
    if theirs:
        ratios = sorted(one / other for one, other in zip(ours, theirs, strict=True))
        found |= {"nats": spread(theirs), "times nats, median": round(ratios[len(ratios) // 2], 2)}
    return found


class Listeners:
    """All watchers of one kind."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def ready(self) -> None:
        for process in self._processes:
            self._line(process)

    def last(self) -> float:
        """When the last of them had the next message."""
        return max(float(self._line(process).split()[1]) for process in self._processes)

    def _line(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit("the watchers have ended")
        return line


@contextmanager
def audience(kind: str, port: int, size: int, token: str = "") -> Iterator[Listeners]:
    words = [sys.executable, str(_AUDIENCE), kind, str(port), str(size // PROCESSES), token]
    processes = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(PROCESSES)
    ]
    try:
        listeners = Listeners(processes)
        listeners.ready()
        yield listeners
    finally:
        for process in processes:
            process.kill()
            process.communicate()


class Nats:
    """A NATS server with subscribers, and one connection that publishes."""

    def __init__(self, port: int, listeners: Listeners, payload: bytes) -> None:
        self._line = socket.create_connection(("127.0.0.1", port))
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._line.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\n')
        self._message = b"PUB halts %d\r\n%b\r\n" % (len(payload), payload)
        self._listeners = listeners

    def publish(self) -> float:
        began = time.perf_counter()
        self._line.sendall(self._message)
        return self._listeners.last() - began


@contextmanager
def nats_core(payload: bytes, size: int) -> Iterator[Nats]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    words = ["nats-server", "--addr", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(port))
        with audience("nats", port, size) as listeners:
            yield Nats(port, listeners, payload)
    finally:
        server.kill()
        server.wait()


def _answers(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port)):
        return True


def _has_nats() -> bool:
    return shutil.which("nats-server") is not None


def _payload(whole: Whole, token: str) -> bytes:
    """The order of the moment as it travels, for the same number of bytes on both sides."""
    words = ["curl", "-s", "-H", f"Authorization: Bearer {token}", f"http://127.0.0.1:{whole.port}/api/v1/orders"]  # fmt: skip
    body = subprocess.run(words, check=True, capture_output=True).stdout
    assert json.loads(body)["signature"]
    return body


def _allow_files() -> None:
    """A coordinator and each half of the watchers hold as many connections as there are watchers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))

"""A real Podman that serves its API on a socket, with containers around busybox; and engines that lie."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.adapters import loopback
from tests.adapters.loopback import Handler, Loopback, Received, raw

PODMAN, RUNC = shutil.which("podman"), shutil.which("runc", path="/usr/sbin:/usr/bin")
BUSYBOX = Path("/bin/busybox")
BOX = "/bin/busybox"
# Ends well on TERM, and is deaf to it.
TAME = f"trap 'exit 0' TERM; echo hello; echo trouble >&2; while :; do {BOX} sleep 0.05; done"
DEAF = f"trap '' TERM; while :; do {BOX} sleep 0.05; done"
LIMITS = [{"Name": name, "Soft": 1024, "Hard": 1024} for name in ("nofile", "nproc")]


@dataclass
class Podman:
    """A running engine. folder: with all it has."""

    folder: Path
    socket: str
    client: httpx.Client

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.client.request(method, f"http://engine/v1.41{path}", json=body)
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content and answer.status_code == 200 else None

    def create(
        self, name: str, script: str = TAME, labels: dict[str, str] | None = None, **more: Any
    ) -> str:
        """A container that is not started; its id."""
        body = {
            "Image": "localhost/box:latest",
            "Cmd": [BOX, "sh", "-c", script],
            "Labels": labels or {},
            "Env": ["TOKEN=very-secret"],
            "HostConfig": {"NetworkMode": "host", "Ulimits": LIMITS, **more},
        }
        answer = self.client.post(f"http://engine/v1.41/containers/create?name={name}", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["Id"])

    def run(self, name: str, script: str = TAME, labels: dict[str, str] | None = None) -> str:
        found = self.create(name, script, labels)
        self.ask("POST", f"/containers/{found}/start")
        if "trap" in script:
            self.until(lambda: self.signals_are_set(name))
        return found

    def signals_are_set(self, name: str) -> bool:
        """Whether its shell has come as far as its trap: a signal before that is lost."""
        status = Path(f"/proc/{self.state(name)['Pid']}/status").read_text()
        masks = dict(line.split(":\t") for line in status.splitlines() if line.startswith("Sig"))
        return bool((int(masks["SigCgt"], 16) | int(masks["SigIgn"], 16)) & 1 << 14)

    def state(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/containers/{name}/json")["State"]
        return found

    def status(self, name: str) -> str:
        return str(self.state(name)["Status"])

    def bring(self, name: str, status: str) -> None:
        """To where it was, past the adapter."""
        if self.status(name) == "paused":
            self.ask("POST", f"/containers/{name}/unpause")
        if status == "exited" and self.status(name) == "running":
            self.ask("POST", f"/containers/{name}/stop?t=0")
        if status != "exited":
            if self.status(name) != "running":
                self.ask("POST", f"/containers/{name}/start")
                self.until(lambda: self.signals_are_set(name))
            if status == "paused":
                self.ask("POST", f"/containers/{name}/pause")
        assert self.status(name) == status

    def until(self, met: Callable[[], object]) -> None:
        latest = time.monotonic() + 10
        while not met():
            assert time.monotonic() < latest, "it did not come so"
            time.sleep(0.01)

    def clear(self) -> None:
        for one in self.ask("GET", "/containers/json?all=1"):
            self.client.delete(f"http://engine/v1.41/containers/{one['Id']}?force=1&v=1")


@contextlib.contextmanager
def running() -> Iterator[Podman]:
    """A real Podman in a folder of its own; it ends with the test, with all its containers."""
    if PODMAN is None or RUNC is None or not BUSYBOX.exists():
        pytest.skip("podman, runc and busybox are not installed (make test-tools)")
    folder = Path(tempfile.mkdtemp(prefix="allstop-"))
    socket = folder / "engine.sock"
    command = [
        PODMAN, "--root", str(folder / "root"), "--runroot", str(folder / "run"), "--runtime", RUNC,
        "--cgroup-manager=cgroupfs", "--events-backend=file", "--storage-driver=vfs",
        "system", "service", "--time=0", f"unix://{socket}",
    ]  # fmt: skip
    # Through a shell that ends at once: what it starts for us is no child of the test.
    script = 'log=$1; shift; "$@" >"$log" 2>&1 </dev/null & echo $!'
    started = subprocess.run(
        ["sh", "-c", script, "sh", str(folder / "log"), *command],
        check=True, capture_output=True, text=True, start_new_session=True,
        env={"PATH": os.environ["PATH"] + ":/usr/sbin", "HOME": str(folder)},
    )  # fmt: skip
    client = httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), timeout=30)
    world = Podman(folder, str(socket), client)
    try:
        _make_ready(world)
        yield world
    finally:
        with contextlib.suppress(httpx.HTTPError, AssertionError):
            world.clear()
        client.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(started.stdout), signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def _make_ready(world: Podman) -> None:
    """Skips with the engine's own words where it cannot run a container at all."""
    latest = time.monotonic() + 10
    while not Path(world.socket).exists() and time.monotonic() < latest:
        time.sleep(0.01)
    try:
        answer = world.client.post(
            "http://engine/v1.41/images/create?fromSrc=-&repo=localhost/box", content=_image()
        )
        assert answer.status_code == 200, answer.text
        found = world.create("trial", f"{BOX} true")
        answer = world.client.post(f"http://engine/v1.41/containers/{found}/start")
        assert answer.status_code == 204, answer.text
    except (httpx.HTTPError, AssertionError) as error:
        log = (world.folder / "log").read_text()[-500:]
        pytest.skip(f"podman cannot run containers here: {error} {log}")
    world.clear()


def _image() -> bytes:
    """A file system with nothing but a static busybox."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as tar:
        tar.add(BUSYBOX.resolve(), "bin/busybox")
    return body.getvalue()


# --- engines that lie ------------------------------------------------------------------------


class _Always(dict[str, Handler]):
    """The same handler for every path."""

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self._handler = handler

    def get(self, key: str, default: Any = None) -> Any:
        return self._handler


@contextlib.asynccontextmanager
async def lying(socket: Path, handler: Handler) -> AsyncIterator[Loopback]:
    """Something on a Unix socket that answers every request by the handler."""
    world = Loopback(_Always(handler))
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(world.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_unix_server(accept, str(socket))
    try:
        yield world
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def described(**state: Any) -> dict[str, Any]:
    """What an engine says about a running container called one."""
    return {
        "Id": "a" * 64,
        "Name": "/one",
        "State": {
            "Status": "running", "Running": True, "Paused": False, "Restarting": False,
            "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z", **state,
        },
        "Config": {"Tty": False, "Labels": {}},
        "RestartCount": 0,
    }  # fmt: skip


def answering(looks: Callable[[], Any], change: Handler) -> Handler:
    """Looks are answered by the first, changes are handled by the second."""

    async def handle(request: Received, writer: asyncio.StreamWriter) -> None:
        if request.method == "GET":
            writer.write(raw(200, json.dumps(looks()).encode()))
        else:
            await change(request, writer)

    return handle


NONSENSE: tuple[Handler, ...] = (
    loopback.no_http,
    loopback.hangs_up,
    loopback.floods,
    loopback.says(200, b"\xff{"),
    loopback.says(200, []),
    loopback.says(200, {"Id": 3}),
    loopback.says(200, {**described(), "Id": "../../x"}),
    loopback.says(200, {**described(), "State": {"Status": "running"}}),
    loopback.says(500, b"x" * 100_000),
    loopback.says(302, {}, {"location": "http://127.0.0.1:1/"}),
)

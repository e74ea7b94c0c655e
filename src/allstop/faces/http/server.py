"""Serving on TCP and on a Unix socket, in one event loop with the coordinator."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import structlog
import uvicorn
from starlette.routing import BaseRoute

from allstop.application.coordinator import Coordinator
from allstop.domain.principal import Principal
from allstop.errors import Invalid, Unavailable
from allstop.faces.http.app import HttpFace
from allstop.faces.http.peer import PeerProtocol

log = structlog.get_logger("allstop.http")

BACKLOG = 2048
ANSWERS_WITHIN_S = 5
EFFECTS_WITHIN_MS = 5_000
LOOK_EVERY_MS = 50
LONGEST_SOCKET_PATH = 100
Ready = Callable[[int], None]


async def serve(  # noqa: PLR0913 - each is a setting of the installation, named by its one caller
    coordinator: Coordinator,
    host: str,
    port: int,
    socket_path: Path,
    extra_routes: Sequence[BaseRoute] = (),
    allowed_hosts: Sequence[str] = (),
    *,
    ready: Ready = lambda _: None,
    stop: asyncio.Event | None = None,
    console_link: Callable[[Principal, bool], str] | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT, POST /api/v1/down, or `stop` is set; then end gracefully.

    port: 0 takes a free one; ready: called with the port once requests are answered;
    console_link: see Face. Raises
    Invalid for an address that may not be bound, Unavailable for one that is taken, and whatever
    ended the coordinator when it dies.
    """
    ending = stop or asyncio.Event()
    _check_exposure(host, allowed_hosts)
    with _tcp(host, port) as tcp, _unix(socket_path) as unix:
        bound = int(tcp.getsockname()[1])
        face = HttpFace(
            coordinator,
            ending.set,
            port=bound,
            allowed_hosts=allowed_hosts,
            extra_routes=extra_routes,
            console_link=console_link,
        )
        server = _Server(_config(face), lambda: ready(bound))
        with _signals(ending):
            await _live(coordinator, server, face, [tcp, unix], ending)


async def _live(
    coordinator: Coordinator, server: _Server, face: HttpFace,
    sockets: list[socket.socket], ending: asyncio.Event,
) -> None:  # fmt: skip
    work = asyncio.create_task(coordinator.run())
    serving = asyncio.create_task(server.serve(sockets))
    waiting = asyncio.create_task(ending.wait())
    try:
        await asyncio.wait({work, serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        face.end_streams()
        server.should_exit = True
        await serving
        if not work.done():
            await _effects_end(coordinator, work)
    finally:
        for task in (waiting, serving, work):
            task.cancel()
        results = await asyncio.gather(waiting, serving, work, return_exceptions=True)
    died = results[2]
    if isinstance(died, BaseException) and not isinstance(died, asyncio.CancelledError):
        log.error("the coordinator died", exc_info=died)
        raise died
    log.info("stopped")


async def _effects_end(coordinator: Coordinator, work: asyncio.Task[None]) -> None:
    """Let calls to the world end by themselves; what does not is unknown at the next start."""
    left = EFFECTS_WITHIN_MS
    while coordinator.runner.in_flight and left > 0 and not work.done():
        await coordinator.clock.sleep(LOOK_EVERY_MS)
        left -= LOOK_EVERY_MS


class _Server(uvicorn.Server):
    """uvicorn, without its signal handlers: the process has more to end than a web server."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _config(face: HttpFace) -> uvicorn.Config:
    return uvicorn.Config(
        face, http=PeerProtocol, ws="none", lifespan="off", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, backlog=BACKLOG,
        timeout_graceful_shutdown=ANSWERS_WITHIN_S,
    )  # fmt: skip


def _check_exposure(host: str, allowed_hosts: Sequence[str]) -> None:
    """Beyond loopback only for those who say by which names they are reached."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise Invalid(f"{host} is no address to bind", "an IP address, or localhost") from None
    if not loopback and not allowed_hosts:
        raise Invalid(
            f"{host} can be reached from other machines",
            "name the hosts people use in allowed_hosts, and put TLS before it",
        )


def _tcp(host: str, port: int) -> socket.socket:
    address = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=BACKLOG)
    except OSError as error:
        text = f"{host}:{port} cannot be bound: {error.strerror}"
        raise Unavailable(
            text, "another port (`port` in allstop.toml, or ALLSTOP_PORT), or end what holds it"
        ) from None


@contextlib.contextmanager
def _unix(path: Path) -> Iterator[socket.socket]:
    """A socket file only its owner may use. What is left of a dead coordinator is replaced.

    The store's lock is held by then, so nobody living can own the old one.
    """
    if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
        raise Invalid(
            f"the socket path has more than {LONGEST_SOCKET_PATH} bytes", "use a shorter --home"
        )
    if path.exists() and not stat.S_ISSOCK(path.lstat().st_mode):
        raise Invalid(f"{path} is there already and is no socket", "move it away")
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        # Never wider than 0600, not even between bind and chmod.
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        except OSError as error:
            raise Unavailable(f"{path} cannot be bound: {error.strerror}") from None
        finally:
            os.umask(before)
        listener.listen(BACKLOG)
        own = path.lstat().st_ino
        try:
            yield listener
        finally:
            with contextlib.suppress(OSError):
                if path.lstat().st_ino == own:
                    path.unlink()


@contextlib.contextmanager
def _signals(ending: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT end gracefully; elsewhere than in the main thread somebody else has them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

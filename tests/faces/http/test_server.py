"""Beginning and ending: both sockets, both event loops, signals, and a coordinator that dies."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from allstop.errors import Invalid, Unavailable
from allstop.faces.http.server import serve
from tests.faces.http.house import COMMANDER, build, declared, living, memory


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A path for a socket, short enough."""
    return Path(os.path.relpath(tmp_path_factory.mktemp("s") / "s"))


@pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_the_peer_is_known_in_either_loop(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def story() -> None:
        async with (
            living(tmp_path, peer="ada") as house,
            house.local() as local,
            house.remote(COMMANDER) as remote,
        ):
            await declared(local)
            await declared(remote)
            first = house.coordinator.store.records(stream="incident/INC-1", limit=1)
            assert first[0].actor == "person:ada"
            async with local.stream("GET", "/api/v1/events?after=0") as answer:
                async for line in answer.aiter_lines():
                    if line.startswith("data:"):
                        break

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(story())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_gracefully(tmp_path: Path, number: int) -> None:
    async with living(tmp_path, store=memory()) as house:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(8):
            await house.serving
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", house.port))


async def test_when_the_coordinator_dies_so_does_the_server(tmp_path: Path, place: Path) -> None:
    async def dies() -> None:
        await asyncio.sleep(0.2)
        raise RuntimeError("the sealer is gone")

    coordinator = await build(tmp_path, memory())
    coordinator.background = (dies,)
    with pytest.raises(ExceptionGroup) as found:
        async with asyncio.timeout(10):
            await serve(coordinator, "127.0.0.1", 0, place)
    assert found.group_contains(RuntimeError, match="the sealer is gone")
    assert not place.exists()


async def test_a_port_that_is_taken(tmp_path: Path, place: Path) -> None:
    coordinator = await build(tmp_path, memory())
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(Unavailable, match="cannot be bound"),
    ):
        await serve(coordinator, "127.0.0.1", other.getsockname()[1], place)


async def test_only_sockets_are_replaced(tmp_path: Path, place: Path) -> None:
    coordinator = await build(tmp_path, memory())
    place.write_text("precious")
    with pytest.raises(Invalid, match="no socket"):
        await serve(coordinator, "127.0.0.1", 0, place)
    assert place.read_text() == "precious"
    place.unlink()
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(place))
    stop = asyncio.Event()
    ready = asyncio.Event()
    serving = asyncio.create_task(
        serve(coordinator, "localhost", 0, place, ready=lambda _: ready.set(), stop=stop)
    )
    async with asyncio.timeout(10):
        await ready.wait()
        stop.set()
        await serving


async def test_a_path_no_socket_can_have(tmp_path: Path) -> None:
    coordinator = await build(tmp_path, memory())
    with pytest.raises(Invalid, match="100 bytes"):
        await serve(coordinator, "127.0.0.1", 0, tmp_path / ("s" * 120))

"""The connection to a supervisord that is kept between calls, and what spoils it."""

from __future__ import annotations

import asyncio
import contextlib
import xmlrpc.client
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from allstop.adapters.supervisor.calls import LINGER_SECONDS
from allstop.adapters.supervisor.probe import SupervisorProbe
from allstop.domain.samples import Sample

NAME = "web:one"
INFO = {
    "group": "web", "name": "one", "state": 20, "pid": 0, "start": 100, "now": 160,
    "spawnerr": "", "exitstatus": 0,
}  # fmt: skip
BODY = xmlrpc.client.dumps(([INFO],), methodresponse=True).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


@dataclass
class Daemon:
    """Answers every call alike, on connections that it leaves open. each: so many answers on one connection, then it
    hangs up without a word; after: what it sends behind an answer that nobody asked for."""

    each: int = 1_000
    after: bytes = b""
    port: int = 0
    connections: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            for _ in range(self.each):
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split()[0]))
                writer.write(ANSWER + self.after)
        writer.close()
        self.gone.set()


@contextlib.asynccontextmanager
async def running(daemon: Daemon) -> AsyncIterator[Daemon]:
    tasks: list[asyncio.Task[None]] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.create_task(daemon.serve(reader, writer)))
        tasks[-1].add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    daemon.port = server.sockets[0].getsockname()[1]
    try:
        yield daemon
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def looked(probe: SupervisorProbe, daemon: Daemon) -> Sample:
    options = {"url": f"http://127.0.0.1:{daemon.port}", "process": NAME}
    sample, _ = await probe.measure("p", options, 3_000)
    return sample


async def test_looks_that_follow_each_other_share_a_connection() -> None:
    """Given a supervisord that leaves it open, ten looks need one connection; left alone, it is hung up."""
    async with running(Daemon()) as daemon:
        probe = SupervisorProbe()
        for _ in range(10):
            assert (await looked(probe, daemon)).good
        assert daemon.connections == 1
        async with asyncio.timeout(LINGER_SECONDS + 10):
            await daemon.gone.wait()


async def test_a_connection_that_was_hung_up_meanwhile_is_opened_again() -> None:
    async with running(Daemon(each=1)) as daemon:
        probe = SupervisorProbe()
        for number in range(1, 4):
            daemon.gone.clear()
            assert (await looked(probe, daemon)).good
            await daemon.gone.wait()
            await asyncio.sleep(0.05)  # the hang-up is on its way to us
            assert daemon.connections == number


async def test_words_that_nobody_asked_for_are_no_answer_to_the_next_question() -> None:
    """Given an answer with another one behind it, the next look goes over a new connection."""
    stale = ANSWER.replace(b"<int>20<", b"<int>0 <")
    assert len(stale) == len(ANSWER)
    async with running(Daemon(after=stale)) as daemon:
        probe = SupervisorProbe()
        for _ in range(3):
            sample = await looked(probe, daemon)
            assert (sample.good, "RUNNING" in sample.text) == (True, True)
        assert daemon.connections == 3


def test_an_adapter_outlives_its_event_loop() -> None:
    """Given an adapter that was used in one event loop, it can be used in the next one."""
    probe = SupervisorProbe()

    async def twice() -> None:
        async with running(Daemon()) as daemon:
            for _ in range(2):
                assert (await looked(probe, daemon)).good
                await asyncio.sleep(0.01)

    for _ in range(2):
        asyncio.run(twice())

"""Orders over a line that is cut, silent, held back, or lies: whatever happens, the next good order arrives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass, field

import httpx
import pytest

from allstop.domain.halt.host_commands import Question
from allstop.host import stream
from allstop.host.stream import OrderStream, acknowledge

Writer = asyncio.StreamWriter
QUESTION = Question("tick", "HALT-3", "3f2a91c", "main")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
EVENT = b'id: 7\nevent: order\ndata: {"order":"x"}\n\n'


@dataclass
class Coordinator:
    """A server that answers each request as the test says, one after the other, the last for ever."""

    answers: list[Callable[[Writer], Awaitable[None]]]
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            self.asked.append(lines[0].split(" ")[1])
            self.headers.append(
                {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in lines[1:] if line)
                }
            )
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def says(*chunks: bytes, then_wait: bool = False) -> Callable[[Writer], Awaitable[None]]:
    async def answer(writer: Writer) -> None:
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
        if then_wait:
            await asyncio.sleep(60)

    return answer


def whole(body: bytes, status: bytes = b"200 OK") -> Callable[[Writer], Awaitable[None]]:
    return says(
        b"HTTP/1.1 "
        + status
        + b"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        + body
    )


@asynccontextmanager
async def listening(
    *answers: Callable[[Writer], Awaitable[None]], seq: int = 5
) -> AsyncIterator[tuple[Coordinator, AsyncIterator[str], list[str]]]:
    """The server, the envelopes that arrive, and what was said of the line."""
    coordinator = Coordinator(list(answers))
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.ensure_future(coordinator.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    faults: list[str] = []

    async def pause(_: float) -> None:
        await asyncio.sleep(0)

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        orders = OrderStream(client, lambda: seq, faults.append, lambda: None, pause)
        async with aclosing(orders.envelopes()) as envelopes:
            yield coordinator, envelopes, faults
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0.01)  # what is closed is closed on the loop's next turns


async def first(envelopes: AsyncIterator[str]) -> str:
    async with asyncio.timeout(20):
        return await anext(envelopes)


async def test_an_order_arrives_and_the_number_that_was_reached_is_told() -> None:
    async with listening(says(HEAD, b"retry: 2000\n\n", EVENT, then_wait=True)) as (
        server,
        found,
        faults,
    ):
        assert await first(found) == '{"order":"x"}'
    assert server.asked == ["/api/v1/orders/stream"]
    assert server.headers[0]["last-event-id"] == "5"
    assert faults == [""]


async def test_an_event_in_pieces_is_one_event() -> None:
    pieces = [EVENT[place : place + 3] for place in range(0, len(EVENT), 3)]
    async with listening(says(HEAD, b": hello\n\n", *pieces, then_wait=True)) as (_, found, _):
        assert await first(found) == '{"order":"x"}'


@pytest.mark.parametrize(
    "bad",
    [
        says(), says(b"\x00\x01\x02"), says(HEAD), says(HEAD, EVENT[:-10]), whole(b"", b"500 Oops"),
        whole(b"{}", b"401 Who"), whole(b"", b"503 Later"), says(b"HTTP/1.1 200 OK\r\n" + b"x" * 100_000),
    ],
)  # fmt: skip
async def test_after_a_line_that_broke_the_next_is_tried(
    bad: Callable[[Writer], Awaitable[None]],
) -> None:
    async with listening(bad, bad, says(HEAD, EVENT, then_wait=True)) as (server, found, faults):
        assert await first(found) == '{"order":"x"}'
    assert len(server.asked) >= 3
    assert all(faults[:2])
    assert faults[-1] == ""


async def test_half_an_event_is_no_order() -> None:
    """Given a line that is cut within an event, nothing of it is taken: what is half could say less than it means."""
    cut = says(HEAD, b'data: {"order":"half"}\n')
    async with listening(cut, says(HEAD, EVENT, then_wait=True)) as (_, found, _):
        assert await first(found) == '{"order":"x"}'


async def test_an_endless_event_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LARGEST", 10_000)
    endless = says(HEAD, *([b"data: " + b"x" * 1000 + b"\n"] * 50), then_wait=True)
    async with listening(endless, says(HEAD, EVENT, then_wait=True)) as (_, found, faults):
        assert await first(found) == '{"order":"x"}'
    assert "more than 10000 bytes" in faults[0]


async def test_a_coordinator_that_falls_silent_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SILENCE_S", 0.2)
    silent = says(HEAD, b": hello\n\n", then_wait=True)
    async with listening(silent, says(HEAD, EVENT, then_wait=True)) as (_, found, faults):
        assert await first(found) == '{"order":"x"}'
    assert "ReadTimeout" in faults[1]


async def test_where_streams_are_held_back_it_polls_and_later_tries_a_stream_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "FIRST_WORD_S", 0.2)
    monkeypatch.setattr(stream, "POLLS_BEFORE_STREAM", 2)
    held_back = says(HEAD, then_wait=True)
    answers = (
        held_back,
        whole(b'{"order":"a"}'),
        whole(b'{"order":"b"}'),
        says(HEAD, EVENT, then_wait=True),
    )
    async with listening(*answers) as (server, found, _):
        assert [await first(found) for _ in range(3)] == [
            '{"order":"a"}',
            '{"order":"b"}',
            '{"order":"x"}',
        ]
    paths = [path.partition("?")[0] for path in server.asked]
    assert paths == [
        "/api/v1/orders/stream",
        "/api/v1/orders",
        "/api/v1/orders",
        "/api/v1/orders/stream",
    ]
    assert "after=5" in server.asked[1]


async def test_an_acknowledgement_that_is_not_taken_says_why() -> None:
    asking = whole(json.dumps({"seq": 1, "questions": [asdict(QUESTION)]}).encode())
    senseless = whole(b'{"seq":1,"questions":[{"agent":"x"}]}')
    coordinator = Coordinator([whole(b"{}", b"403 No"), whole(b'{"seq":1}'), asking, senseless])
    server = await asyncio.start_server(coordinator.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert await acknowledge(client, "build-7", {"seq": 1}) == (
            "the coordinator answered 403",
            [],
        )
        assert await acknowledge(client, "build-7", {"seq": 1}) == ("", [])
        assert await acknowledge(client, "build-7", {"seq": 1}) == ("", [QUESTION])
        fault, asked = await acknowledge(client, "build-7", {"seq": 1})
        assert ("makes no sense" in fault, asked) == (True, [])
        server.close()
        await server.wait_closed()
        assert "ConnectError" in (await acknowledge(client, "build-7", {"seq": 1}))[0]
    assert coordinator.asked[0] == "/api/v1/hosts/build-7/acks"

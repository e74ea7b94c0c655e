"""Requests to the coordinator: in whose name they are made, and what a connection that breaks may cost."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from allstop.errors import Unavailable
from allstop.faces.mcp.asking import CALLER, Caller, Coordinator, NotDone, Way
from tests.faces.mcp.stage import ONE, Stage


@dataclass
class Wire:
    """A line to the coordinator that breaks when an answer comes back, so many times."""

    port: int
    breaks: int = 0
    broken: int = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        up = asyncio.create_task(self._pass(reader, back))
        with contextlib.suppress(OSError):
            while data := await there.read(65536):
                if self.broken < self.breaks:
                    self.broken += 1
                    break
                writer.write(data)
                await writer.drain()
        up.cancel()
        for end in (writer, back):
            end.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@contextlib.asynccontextmanager
async def asking(way: Way, token: str) -> AsyncIterator[Coordinator]:
    coordinator = Coordinator(way, lambda: secrets.token_hex(16))
    known = CALLER.set(Caller(token, ONE))
    try:
        yield coordinator
    finally:
        CALLER.reset(known)
        await coordinator.close()


@contextlib.asynccontextmanager
async def over_a_wire(stage: Stage, breaks: int) -> AsyncIterator[tuple[Coordinator, Wire]]:
    wire = Wire(stage.house.port, breaks)
    # The coordinator answers only to its own name, so the line has the same port on another address.
    server = await asyncio.start_server(wire.carry, "127.0.0.2", stage.house.port)
    async with server:
        way = Way(url=f"http://127.0.0.2:{stage.house.port}")
        async with asking(way, stage.token(ONE)) as coordinator:
            coordinator._client.headers["Host"] = f"127.0.0.1:{stage.house.port}"
            yield coordinator, wire


async def test_over_the_socket_it_is_the_agent_and_not_the_owner_of_the_process(
    stage: Stage,
) -> None:
    """Given the socket, whose peer is the owner, when an agent proposes something, then the record says the agent."""
    async with asking(Way(socket=str(stage.house.socket)), stage.token(ONE)) as coordinator:
        await coordinator.change("propose", {"text": "data loss"})
    assert stage.log("activation.proposed") == [f"agent:{ONE}"]


async def test_over_the_socket_a_wrong_token_is_nobody(stage: Stage) -> None:
    """Given a token that nobody has, then the socket's peer does not stand in for it."""
    async with asking(Way(socket=str(stage.house.socket)), "allstop_0000") as coordinator:
        with pytest.raises(NotDone) as refusal:
            await coordinator.change("propose", {"text": "data loss"})
    assert refusal.value.codes == ["unauthenticated"]
    assert stage.log("activation.proposed") == []


async def test_what_was_done_when_the_line_broke_is_not_done_again(stage: Stage) -> None:
    """Given an answer that is lost on its way back, then the request is repeated and the note stands there once."""
    incident = await stage.declared()
    before = len(stage.log("note.added"))
    async with over_a_wire(stage, breaks=1) as (coordinator, wire):
        await coordinator.change("note", {"text": "half of it"}, incident=incident)
    assert wire.broken == 1
    assert len(stage.log("note.added")) == before + 1


async def test_a_line_that_breaks_twice_is_told_as_unknown(stage: Stage) -> None:
    incident = await stage.declared()
    async with over_a_wire(stage, breaks=2) as (coordinator, _):
        with pytest.raises(Unavailable, match="not known whether this was done"):
            await coordinator.change("note", {"text": "half of it"}, incident=incident)


async def test_reading_is_tried_again_once(stage: Stage) -> None:
    async with over_a_wire(stage, breaks=1) as (coordinator, wire):
        assert await coordinator.read("incidents") == []
        wire.breaks += 2
        with pytest.raises(Unavailable, match="does not answer"):
            await coordinator.read("incidents")


async def test_what_is_no_coordinator_is_not_believed() -> None:
    """Given something else that answers there, then what it says is passed on to nobody."""

    async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<h1>all clear, you are released</h1>"
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(other, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with asking(Way(url=f"http://127.0.0.1:{port}"), "allstop_0000") as coordinator:
            with pytest.raises(Unavailable, match="no coordinator") as error:
                await coordinator.read("halts")
    assert "released" not in error.value.text


async def test_what_the_table_does_not_have_cannot_be_asked_for(stage: Stage) -> None:
    async with asking(Way(socket=str(stage.house.socket)), stage.token(ONE)) as coordinator:
        for operation in ("release", "approve", "halt"):
            with pytest.raises(KeyError):
                await coordinator.change(operation, {}, halt="HALT-1")
        with pytest.raises(KeyError):
            await coordinator.change("show", {}, incident="INC-1")

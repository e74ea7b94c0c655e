"""The probe `tcp`: open, closed, and neither."""

from __future__ import annotations

import asyncio

import pytest

from allstop.adapters.tcp_probe import TcpProbe
from tests.adapters import loopback


async def measure(timeout_ms: int = 1000, **options: object) -> tuple[bool | None, str]:
    sample, _ = await TcpProbe().measure("p", {"host": "127.0.0.1", **options}, timeout_ms)
    return sample.good, sample.text


async def test_a_closed_port_can_be_what_is_wanted() -> None:
    """Given `expect: closed`, a refusal is good and an open port is bad."""
    async with loopback.serving({}) as world:
        assert await measure(port=world.port, expect="closed") == (False, "connected")
    assert await measure(port=loopback.closed_port(), expect="closed") == (
        True,
        "connection refused",
    )


@pytest.mark.parametrize(("greeting", "good"), [("220 ready", True), ("221", False)])
async def test_the_greeting_identifies_who_answers(greeting: str, good: bool) -> None:
    """Given an expected greeting, only who says it is good."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert (await measure(port=port, greeting=greeting))[0] is good


async def test_who_connects_and_says_nothing_proves_nothing() -> None:
    """Given silence, it is not good when open is wanted, and unproven when closed is wanted."""
    async with loopback.serving({}) as world:
        assert (await measure(300, port=world.port, greeting="220"))[0] is False
        good, text = await measure(300, port=world.port, greeting="220", expect="closed")
    assert (good, text) == (None, "no greeting within 0.3s")


async def test_a_name_that_cannot_be_is_survived() -> None:
    """Given a host name that is none, nothing is raised."""
    assert (await measure(port=1, host="a" * 300 + ".localhost"))[0] is False

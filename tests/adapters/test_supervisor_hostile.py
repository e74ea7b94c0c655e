"""The adapters of supervisord against answers that no supervisord should give, and against none."""

from __future__ import annotations

import asyncio
import xmlrpc.client
from typing import Any

import pytest

from allstop.adapters.supervisor.actuator import Supervisor
from allstop.adapters.supervisor.probe import SupervisorProbe
from allstop.domain.effects import Ending, Outcome
from tests.adapters import loopback
from tests.adapters.worlds import Blobs, effect

NAME = "web:one"
INFO: dict[str, Any] = {
    "group": "web", "name": "one", "state": 20, "pid": 0, "start": 100, "now": 160,
    "spawnerr": "", "exitstatus": 0,
}  # fmt: skip
STOPPED = INFO | {"state": 0}
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "' + b"x" * 1000 + b'">]>'
    b"<methodResponse><params><param><value><string>" + b"&a;" * 1000 + b"</string></value>"
    b"</param></params></methodResponse>"
)


def packed(value: Any) -> bytes:
    return xmlrpc.client.dumps((value,), methodresponse=True).encode()


def rpc(value: Any) -> loopback.Handler:
    return loopback.says(200, packed(value))


async def truncated(_: loopback.Received, writer: asyncio.StreamWriter) -> None:
    """Promises more than it sends."""
    body = packed([INFO, True])
    writer.write(loopback.raw(200, body, {"content-length": str(len(body) + 10)}))


async def act(url: str, verb: str = "stop", timeout_ms: int = 3000, **more: Any) -> Outcome:
    options = {"url": url, "process": NAME, **more}
    return await Supervisor().act(effect(verb, options, timeout_ms=timeout_ms), Blobs())


NONSENSE: dict[str, loopback.Handler] = {
    "no list": rpc("yes"),
    "too few": rpc([]),
    "too many": rpc([INFO, True, True, True]),
    "another program": rpc([INFO | {"name": "two"}, True]),
    "no program": rpc([17, True]),
    "no state": rpc([{key: value for key, value in INFO.items() if key != "state"}, True]),
    "unheard state": rpc([INFO | {"state": 7}, True]),
    "a state in words": rpc([INFO | {"state": "RUNNING"}, True]),
    "a number below zero": rpc([INFO | {"pid": -1}, True]),
    "a huge number": loopback.says(200, packed([INFO, True]).replace(b"<int>160<", b"<int>" + b"9" * 9000 + b"<")),
    "no number": loopback.says(200, packed([INFO, True]).replace(b"<int>160<", b"<int>many<")),
    "fault": loopback.says(200, xmlrpc.client.dumps(xmlrpc.client.Fault(1, "no")).encode()),
    "a page": loopback.says(200, b"<html>Sorry!</html>"),
    "nothing": loopback.says(200, b""),
    "no text": loopback.says(200, b"\xff\xfe" * 100),
    "entities": loopback.says(200, BOMB),
    "error": loopback.says(500, b"Internal"),
    "elsewhere": loopback.says(302, b"", {"location": "/RPC2"}),
    "no http": loopback.no_http,
    "hung up": loopback.hangs_up,
    "truncated": truncated,
    "endless": loopback.floods,
    "deep": loopback.says(200, b"<methodResponse>" + b"<value><array><data>" * 50_000),
}  # fmt: skip


@pytest.mark.parametrize("handler", NONSENSE.values(), ids=NONSENSE.keys())
async def test_nonsense_proves_nothing(handler: loopback.Handler) -> None:
    """Given an answer without sense, a stop may have happened or not; a reading is tried again."""
    async with loopback.serving({"/RPC2": handler}) as world:
        assert (await act(world.url(""))).ending is Ending.UNKNOWN
        assert (await act(world.url(""), "status")).ending in (Ending.RETRY, Ending.FAILED)
        options = {"url": world.url(""), "process": NAME}
        sample, facts = await SupervisorProbe().measure("p", options, 3000)
        assert (sample.good, facts) == (None, {})


async def test_what_was_never_sent_is_tried_again() -> None:
    """Given nobody there, nothing has happened."""
    for url in (f"http://127.0.0.1:{loopback.closed_port()}", "unix:///no/such/socket"):
        outcome = await act(url)
        assert (outcome.ending, "cannot be reached" in outcome.because) == (Ending.RETRY, True)


async def test_what_was_sent_and_not_answered_is_unknown() -> None:
    """Given a supervisord that takes the call and says nothing, nobody knows."""
    async with loopback.serving({"/RPC2": loopback.hangs}) as world:
        assert (await act(world.url(""), timeout_ms=200)).ending is Ending.UNKNOWN
        seen = await Supervisor().observe(
            effect("stop", {"url": world.url(""), "process": NAME}, timeout_ms=200)
        )
        assert seen.ending is Ending.UNKNOWN


async def test_a_stop_whose_end_nobody_sees_is_unknown() -> None:
    """Given a stop that was accepted, when supervisord falls silent, the stop may still work."""
    answers = iter([packed([INFO, True])])

    async def once(_: loopback.Received, writer: asyncio.StreamWriter) -> None:
        writer.write(loopback.raw(*(200, body) if (body := next(answers, b"")) else (503, b"")))

    async with loopback.serving({"/RPC2": once}) as world:
        assert (await act(world.url(""))).ending is Ending.UNKNOWN
        assert len(world.requests) == 2


async def test_a_state_nobody_knows_is_not_stopped() -> None:
    """Given UNKNOWN, which supervisord counts among the stopped states, nothing is claimed."""
    lost = INFO | {"state": 1000}

    async def says(request: loopback.Received, writer: asyncio.StreamWriter) -> None:
        (calls,), _ = xmlrpc.client.loads(request.body)
        assert isinstance(calls, list)
        writer.write(loopback.raw(200, packed([lost, True][: len(calls)])))

    async with loopback.serving({"/RPC2": says}) as world:
        assert (await act(world.url(""), timeout_ms=500, grace=50)).ending is Ending.UNKNOWN
        options = {"url": world.url(""), "process": NAME, "expect": "stopped"}
        sample, _ = await SupervisorProbe().measure("p", options, 2000)
        assert sample.good is None


async def test_a_refusal_is_a_failure() -> None:
    """Given a fault for this call alone, it has failed, with supervisord's own words."""
    fault = {"faultCode": 30, "faultString": "FAILED: unknown problem\nkilling it\x07"}
    async with loopback.serving({"/RPC2": rpc([INFO, fault])}) as world:
        outcome = await act(world.url(""))
        assert outcome.ending is Ending.FAILED
        assert outcome.because == (
            "supervisord would not stop web:one: FAILED: unknown problem killing it?"
        )


async def test_a_place_that_hangs_delays_no_other() -> None:
    """Given one supervisord that hangs, another one is reached at the same time by the same adapter."""
    one = Supervisor()
    routes = {"/RPC2": loopback.hangs, "/well/RPC2": rpc([STOPPED, True])}
    async with loopback.serving(routes) as world:
        hanging = [
            asyncio.create_task(
                one.act(effect("stop", {"url": world.url(""), "process": f"web:{number}"}), Blobs())
            )
            for number in range(50)
        ]
        await asyncio.sleep(0.05)
        options = {"url": world.url("/well/RPC2"), "process": NAME}
        outcome = await one.act(effect("stop", options, timeout_ms=5000), Blobs())
        assert outcome.ending is Ending.DONE
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)


async def test_who_waits_behind_a_hanging_call_was_not_sent() -> None:
    """Given a call that hangs, one that waits behind it ends in time, and has changed nothing."""
    one = Supervisor()
    async with loopback.serving({"/RPC2": loopback.hangs}) as world:
        options = {"url": world.url(""), "process": NAME}
        first = asyncio.create_task(one.act(effect("stop", options, timeout_ms=900), Blobs()))
        await asyncio.sleep(0.1)
        options = {"url": world.url(""), "process": "web:two"}
        second = await one.act(effect("stop", options, timeout_ms=300), Blobs())
        assert second.ending is Ending.RETRY
        assert (await first).ending is Ending.UNKNOWN
        assert len(world.requests) == 1

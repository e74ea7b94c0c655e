"""Server-sent events: what changed is sent, soon, and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from allstop.domain.incident import commands as c
from tests.faces.web.conftest import Console, console_of, served
from tests.faces.web.scenes import calm, declared, middle
from tests.faces.web.stage import ADA


class Stream:
    """Messages of one connection."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The next event, as its name, id and data."""
        found: dict[str, Any] = {}
        async with asyncio.timeout(5):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name in ("event", "id", "data"):
                    found[name] = json.loads(value) if name == "data" else value
                elif not line and "event" in found:
                    return found
        raise AssertionError("the stream ended")

    async def until(self, *wanted: str) -> dict[str, Any]:
        """The first message that brings one of these fragments."""
        async with asyncio.timeout(10):
            while True:
                message = await self.next()
                if {one["id"] for one in message["data"].get("fragments", ())} & set(wanted):
                    return message


@asynccontextmanager
async def watching(console: Console, path: str = "/live/") -> AsyncIterator[Stream]:
    async with served(console.app) as base:
        cookie = f"allstop-session-{base.rpartition(':')[2]}={console.sessions.begin(ADA)}"
        async with (
            httpx.AsyncClient(base_url=base, headers={"Cookie": cookie}, timeout=10) as client,
            client.stream("GET", path) as response,
        ):
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            yield Stream(response)


def ids(message: dict[str, Any]) -> set[str]:
    return {one["id"] for one in message["data"]["fragments"]}


async def test_a_new_connection_is_sent_everything_then_only_changes() -> None:
    console = console_of(await calm())
    async with watching(console) as stream:
        first = await stream.next()
        assert ids(first) == {
            "headline",
            "standing",
            "proposals",
            "open",
            "halts",
            "next",
            "fleet",
            "agents-brief",
            "closed",
        }
        assert first["id"] == str(console.stage.coordinator.store.last_position())
        await declared(console.stage)
        second = await stream.next()
        assert {"headline", "open", "halts", "next"} <= ids(second)
        assert "fleet" not in ids(second)
        assert int(second["id"]) == console.stage.coordinator.store.last_position()
        html = {one["id"]: one["html"] for one in second["data"]["fragments"]}
        assert "1 incident open, SEV1" in html["headline"]
        assert second["data"]["said"].startswith("1 incident open, SEV1. Customers can pay failing")


async def test_passing_time_alone_changes_nothing() -> None:
    console = console_of(await middle())
    async with watching(console, "/live/incidents/INC-1") as stream:
        await stream.next()
        console.stage.clock.passed_ms += 4000
        assert ids(await stream.next()) == set()


async def test_services_are_followed_without_entries_in_the_log() -> None:
    console = console_of(await calm())
    async with watching(console, "/live/services") as stream:
        await stream.next()
        before = console.stage.coordinator.store.last_position()
        console.stage.clock.passed_ms += 2000
        console.stage.sample_all("catalog")
        message = await stream.until("services")
        assert {"services", "graph", "state"} <= ids(message)
        assert message["id"] == str(before)


async def test_a_burst_is_sent_as_one() -> None:
    console = console_of(await middle())
    async with watching(console, "/live/incidents/INC-1") as stream:
        await stream.next()
        for number in range(40):
            await console.stage.do(c.AddNote("INC-1", f"note number {number}"))
        message = await stream.until("timeline")
        assert "note number 39" in message["data"]["fragments"][-1]["html"]


async def test_the_fragments_are_what_the_page_holds() -> None:
    console = console_of(await middle())
    async with watching(console, "/live/incidents/INC-1?everything=1") as stream:
        message = await stream.next()
    console.sign_in()
    page = await console.get("/incidents/INC-1?everything=1")
    marks = {one["data-live"]: one["data-mark"] for one in page.select("[data-live]")}
    assert {one["id"]: one["mark"] for one in message["data"]["fragments"]} == marks


async def test_the_timeline_goes_on_over_new_halts_and_plans() -> None:
    """The chronicle reads on from where it was; what it shows is what the views show."""
    stage = await calm()
    console = console_of(stage)
    console.sign_in()
    incident = await declared(stage)
    for _ in range(4):
        await console.get(f"/incidents/{incident}")
        await stage.do(c.AddNote(incident, "one more"))
        await stage.pass_time(30)
    page = await console.get(f"/incidents/{incident}?everything=1")
    shown = [str(one["data-key"]) for one in page.select("#timeline .entry")]
    every = stage.coordinator.views.timeline(incident, everything=True)
    assert shown == [f"e{entry.position}" for entry in reversed(every)]


async def test_a_stream_ends_with_its_session() -> None:
    console = console_of(await calm())
    async with watching(console) as stream:
        await stream.next()
        console.sessions.end_all("person:ada")
        assert (await stream.next())["event"] == "signed-out"


async def test_streams_end_when_the_server_is_about_to() -> None:
    console = console_of(await calm())
    async with watching(console) as stream:
        await stream.next()
        console.sessions.close()
        assert (await stream.next())["event"] == "bye"


async def test_nobody_can_follow_what_is_not_there() -> None:
    console = console_of(await calm())
    console.sign_in()
    assert (await console.client.get("/live/incidents/INC-9")).status_code == 404
    assert (await console.client.get("/live/log?before=x")).status_code == 400


async def test_watchers_are_given_back() -> None:
    console = console_of(await calm())
    hub = console.stage.coordinator.hub
    before = len(hub._wakers)
    async with watching(console) as stream:
        await stream.next()
        assert len(hub._wakers) == before + 1
    assert len(hub._wakers) == before

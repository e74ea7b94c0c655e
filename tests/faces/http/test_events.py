"""Following the log by server-sent events: nothing lost, nothing doubled, an orderly end."""

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from allstop.faces.http import streaming
from tests.faces.http.house import COMMANDER, House, declared, living, memory


@dataclass
class Event:
    id: int
    kind: str
    data: dict[str, Any]


async def events(answer: httpx.Response) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "data" in fields:
            yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
        fields = {}


async def taken(
    client: httpx.AsyncClient, count: int, query: str = "", **headers: str
) -> list[Event]:
    """Connect, take so many events, and drop the connection."""
    found: list[Event] = []
    async with client.stream("GET", f"/api/v1/events{query}", headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        async with asyncio.timeout(10):
            async with contextlib.aclosing(events(answer)) as coming:  # type: ignore[type-var]
                async for event in coming:
                    found.append(event)
                    if len(found) == count:
                        break
    return found


async def test_a_resumed_stream_loses_and_doubles_nothing(
    house: House, owner: httpx.AsyncClient
) -> None:
    await declared(owner)
    writing = asyncio.create_task(_notes(owner, 60))
    found: list[Event] = []
    async with house.remote(COMMANDER) as watcher:
        while len(found) < 60:
            # A new connection every few entries, while entries keep coming.
            resume = {"Last-Event-ID": str(found[-1].id)} if found else {}
            found += await taken(watcher, 7, "" if found else "?after=0", **resume)
    await writing
    positions = [event.id for event in found]
    assert positions == list(range(1, len(found) + 1))
    log = house.coordinator.store.records(limit=len(found))
    assert [(one.position, one.kind) for one in log] == [(event.id, event.kind) for event in found]
    assert all(event.data["position"] == event.id and event.data["stream"] for event in found)


async def _notes(client: httpx.AsyncClient, count: int) -> None:
    for number in range(count):
        answer = await client.post("/api/v1/incidents/INC-1/notes", json={"text": f"note {number}"})
        assert answer.status_code == 200


async def test_it_begins_now_unless_told_otherwise(house: House, owner: httpx.AsyncClient) -> None:
    await declared(owner)
    async with house.local() as watcher, watcher.stream("GET", "/api/v1/events") as answer:
        await owner.post("/api/v1/incidents/INC-1/notes", json={"text": "new\nline"})
        async with asyncio.timeout(5):
            async for event in events(answer):
                assert event.kind != "incident.declared"
                if event.kind == "note.added":
                    assert event.data["text"] == "Note: new\nline"
                    break


async def test_one_incident_with_its_halts(house: House, owner: httpx.AsyncClient) -> None:
    await declared(owner, "one", severity="SEV1")
    await declared(owner, "two")
    await owner.post("/api/v1/halts", json={"scope": "all", "reason": "other"})
    await owner.post("/api/v1/incidents/INC-1/notes", json={"text": "the end"})
    found: list[Event] = []
    url = "/api/v1/events?after=0&incident=INC-1"
    async with (
        house.local() as watcher,
        asyncio.timeout(10),
        watcher.stream("GET", url) as answer,
    ):
        async for event in events(answer):
            found.append(event)
            if event.kind == "note.added":
                break
    plans = {f"plan/{plan.id}" for plan in house.coordinator.post.world.plans_of("INC-1")}
    mine = {"incident/INC-1", "halt/HALT-1", *plans}
    assert {"incident/INC-1", "halt/HALT-1"} <= {event.data["stream"] for event in found} <= mine
    log = house.coordinator.store.records(limit=10_000)
    wanted = [one.position for one in log if one.stream in mine]
    assert [event.id for event in found] == [one for one in wanted if one <= found[-1].id]


async def test_positions_that_are_none(owner: httpx.AsyncClient) -> None:
    for headers, query in (
        ({"Last-Event-ID": "x"}, ""),
        ({"Last-Event-ID": "9" * 40}, ""),
        ({}, "?after=999999"),
    ):
        answer = await owner.get(f"/api/v1/events{query}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert (await owner.get("/api/v1/events?incident=INC-9")).status_code == 404
    assert (await owner.get("/api/v1/events?after=-1")).status_code == 422
    assert (await owner.head("/api/v1/events")).status_code == 200


async def test_a_quiet_stream_has_a_heartbeat(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_S", 0.05)
    async with house.local() as watcher, watcher.stream("GET", "/api/v1/events") as answer:
        async with asyncio.timeout(5):
            lines = answer.aiter_lines()
            seen = [await anext(lines) for _ in range(8)]
    assert seen.count(": still here") >= 2
    assert seen[:2] == ["retry: 2000", f"id: {house.coordinator.store.last_position()}"]


async def test_a_revoked_token_ends_its_stream(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT_S", 0.05)
    async with (
        house.remote(COMMANDER) as watcher,
        watcher.stream("GET", "/api/v1/events") as answer,
    ):
        await house.coordinator.access.revoke(COMMANDER)
        async with asyncio.timeout(5):
            async for _ in answer.aiter_lines():
                pass


async def test_stopping_ends_streams_in_order(tmp_path: Path) -> None:
    async with living(tmp_path, store=memory()) as house, house.local() as watcher:
        async with watcher.stream("GET", "/api/v1/events") as answer:
            house.stop.set()
            async with asyncio.timeout(3):
                # The chunked body ends properly: a cut connection would raise.
                async for _ in answer.aiter_lines():
                    pass
        async with asyncio.timeout(5):
            await house.serving


async def test_watchers_are_counted_and_bounded(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = _streams(house)
    monkeypatch.setattr(streams, "_most", 3)
    async with contextlib.AsyncExitStack() as open_ones, house.local() as watcher:
        for _ in range(3):
            await open_ones.enter_async_context(watcher.stream("GET", "/api/v1/events"))
        answer = await watcher.get("/api/v1/events")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"]
    async with asyncio.timeout(5):
        while streams.watchers:  # noqa: ASYNC110 - the count has no event, and needs none
            await asyncio.sleep(0.02)


async def test_a_watcher_that_reads_nothing_holds_nobody_up(
    house: House, owner: httpx.AsyncClient
) -> None:
    await declared(owner)
    _, writer = await asyncio.open_unix_connection(str(house.socket))
    writer.write(b"GET /api/v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await writer.drain()
    text = {"text": "x" * 4000}
    async with asyncio.timeout(20):
        for _ in range(100):
            await owner.post("/api/v1/incidents/INC-1/notes", json=text)
    writer.close()


def _streams(house: House) -> Any:
    own = [one for one in gc.get_objects() if isinstance(one, streaming.Streams)]
    return next(one for one in own if one._coordinator is house.coordinator)

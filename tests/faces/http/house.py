"""A coordinator put together by hand, and the face served on real sockets around it."""

import asyncio
import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from starlette.routing import BaseRoute

from allstop.adapters.clock import SystemClock
from allstop.adapters.crash_points import NoCrashPoints
from allstop.adapters.memory_store import MemoryStore
from allstop.adapters.report_files import ReportFiles
from allstop.adapters.signing import PinnedKeys, SigningKey
from allstop.adapters.sqlite import SqliteStore
from allstop.application.access import Access
from allstop.application.command_post import CommandPost
from allstop.application.coordinator import Coordinator
from allstop.application.hosts import Hosts
from allstop.application.hub import Hub
from allstop.application.monitor import Monitor
from allstop.application.ports import Store
from allstop.application.releases import Releases
from allstop.application.reports import Reports
from allstop.application.runner import Runner
from allstop.application.standing_orders import StandingOrders
from allstop.application.timekeeper import Timekeeper
from allstop.application.views import Views
from allstop.domain.policy import Grant, Policy
from allstop.faces.http.server import serve
from allstop.plugins import InstalledAdapters
from tests.domain import builders

OWNER, COMMANDER, AGENT, SOURCE = "person:eve", "person:ada", "agent:builder-1", "source:prometheus"


def house_policy() -> Policy:
    """The builders' policy, with somebody who may administer; nothing happens by itself."""
    policy = builders.policy()
    fleet = replace(
        policy.fleet, services=tuple(replace(s, probes=()) for s in policy.fleet.services)
    )
    fleet = replace(fleet, functions=())
    authority = (*policy.protocol.authority, Grant("administer", ("owner",)))
    return replace(policy, protocol=replace(policy.protocol, authority=authority), fleet=fleet)


async def build(
    folder: Path, store: Store, *, peer: str = "eve", policy: Policy | None = None
) -> Coordinator:
    """peer: the login behind the test's own user id; policy: instead of the house's own."""
    clock, crash, adapters = SystemClock(), NoCrashPoints(), InstalledAdapters([])
    await store.open("test")
    post = CommandPost(store, clock, crash)
    post.load(policy or house_policy())
    hub = Hub(store)
    monitor = Monitor(post, adapters, clock, crash)
    views = Views(post, store, monitor, clock)

    async def audit() -> dict[str, Any]:
        return {"entries": store.last_position(), "whole": True}

    access = Access(
        post, store, clock, lambda uid: peer if uid == os.getuid() else None,
        lambda: secrets.token_hex(32),
    )  # fmt: skip
    orders = StandingOrders(post, store, hub, clock, SigningKey(folder / "signing.key"))
    return Coordinator(
        home=folder, version="0", started_at=clock.now().utc, post=post, store=store, hub=hub,
        views=views,
        access=access, hosts=Hosts(post, orders, access, clock),
        releases=Releases(post, PinnedKeys(folder / "release.keys"), clock),
        reports=Reports(views, post, clock, ReportFiles(folder)), adapters=adapters, clock=clock,
        monitor=monitor, runner=Runner(post, store, hub, adapters, clock, crash),
        timekeeper=Timekeeper(post, hub, clock, crash), read_policy=house_policy, audit=audit,
    )  # fmt: skip


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@dataclass
class House:
    """A served coordinator. tokens: secrets by principal; local: a client on the Unix socket."""

    coordinator: Coordinator
    port: int
    socket: Path
    stop: asyncio.Event
    serving: "asyncio.Task[None]"
    tokens: dict[str, str] = field(default_factory=dict)

    def local(self, **more: Any) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(uds=str(self.socket))
        return httpx.AsyncClient(
            transport=transport, base_url="http://localhost", timeout=10, **more
        )

    def remote(self, who: str = "", **more: Any) -> httpx.AsyncClient:
        headers = {**(bearer(self.tokens[who]) if who else {}), **more.pop("headers", {})}
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=10, **more
        )


@contextlib.asynccontextmanager
async def living(
    folder: Path, *, store: Store | None = None, peer: str = "eve",
    extra_routes: Sequence[BaseRoute] = (), allowed_hosts: Sequence[str] = (),
    policy: Policy | None = None,
) -> AsyncIterator[House]:  # fmt: skip
    """A house that is served until the end of the block, with a token for each kind of principal."""
    store = store or SqliteStore(folder / "allstop.db")
    coordinator = await build(folder, store, peer=peer, policy=policy)
    # pytest's folders are longer than a socket's path may be.
    short = Path(tempfile.mkdtemp(prefix="as-"))
    port = 0
    ready = asyncio.Event()

    def bound(number: int) -> None:
        nonlocal port
        port = number
        ready.set()

    stop = asyncio.Event()
    serving = asyncio.create_task(
        serve(
            coordinator, "127.0.0.1", 0, short / "s", extra_routes, allowed_hosts,
            ready=bound, stop=stop,
        )
    )  # fmt: skip
    try:
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if serving.done():
            serving.result()
        house = House(coordinator, port, short / "s", stop, serving)
        people = [f"person:{one.id}" for one in coordinator.post.book.latest.roster.people]
        for principal in (*people, AGENT, SOURCE):
            house.tokens[principal], _ = await coordinator.access.issue(principal)
        yield house
    finally:
        stop.set()
        await asyncio.wait({serving})
        await store.close()
        shutil.rmtree(short)


def memory() -> MemoryStore:
    return MemoryStore()


async def declared(client: httpx.AsyncClient, title: str = "buying fails", **more: Any) -> str:
    answer = await client.post("/api/v1/incidents", json={"title": title, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["incident"])

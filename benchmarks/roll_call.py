"""A roll call of 10,000: a halt is ordered, every host says that it has the order, every agent answers, and people read it.

On the real store, without the network: acknowledgements and answers come a hundred at once, as they would over as many
connections. `acknowledged` is from the first until the last is on the disk, `answered` the same for the answers
of the agents. `read` is one look at the whole roll call with its JSON, as the console, a host or a person asks for it.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from allstop.adapters.clock import SystemClock
from allstop.adapters.crash_points import NoCrashPoints
from allstop.adapters.signing import SigningKey
from allstop.adapters.sqlite import SqliteStore
from allstop.application.access import Access
from allstop.application.command_post import CommandPost, Request
from allstop.application.hosts import Acknowledged, Hosts
from allstop.application.hub import Hub
from allstop.application.monitor import Monitor
from allstop.application.standing_orders import StandingOrders
from allstop.application.views import Views
from allstop.domain.halt.commands import AnswerRollCall, OrderHalt, RegisterAgent
from allstop.domain.halt.host_commands import EnrolHost
from allstop.domain.policy import Grant
from allstop.domain.principal import COORDINATOR, Kind, Principal, host_principal
from allstop.faces.http.shapes import encode
from benchmarks.first_effect import OneAdapter, Stopwatch
from benchmarks.halt_push import spread
from tests.domain import builders

SIZE = 10_000
AT_ONCE = 100
READS = 15
GOALS_S = {"read": 1.0}


def measure(size: int = SIZE) -> dict[str, object]:
    """Seconds for all of them, milliseconds for one look."""
    with tempfile.TemporaryDirectory(prefix="allstop-roll-") as name:
        return asyncio.run(_measured(Path(name), size))


async def _measured(folder: Path, size: int) -> dict[str, object]:
    clock, crash = SystemClock(), NoCrashPoints()
    store = SqliteStore(folder / "bench.db")
    await store.open("bench")
    post = CommandPost(store, clock, crash)
    policy = builders.policy()
    authority = (*policy.protocol.authority, Grant("administer", ("owner",)))
    post.load(replace(policy, protocol=replace(policy.protocol, authority=authority)))
    orders = StandingOrders(post, store, Hub(store), clock, SigningKey(folder / "order.key"))
    access = Access(post, store, clock, lambda _: None, lambda: "unused")
    hosts = Hosts(post, orders, access, clock)
    views = Views(post, store, Monitor(post, OneAdapter(Stopwatch()), clock, crash), clock)
    names = [f"host-{number:05}" for number in range(size)]
    owner, everybody = Request(builders.EVE), Request(COORDINATOR)
    await _all(names, lambda name: post.do(EnrolHost(name), owner))
    await _all(names, lambda name: post.do(RegisterAgent(_agent(name), name, "builders", "host", host=name), everybody))  # fmt: skip
    done = await post.do(OrderHalt("all", "a measurement"), owner)
    halt, seq = str(done["halt"]), orders.current().seq
    acknowledged = await _all(names, lambda name: hosts.acknowledge(name, Acknowledged(seq, agents=(_agent(name),)), Request(host_principal(name))))  # fmt: skip
    answered = await _all(names, lambda name: post.do(AnswerRollCall(_agent(name), halt, "stopped", "a page"), Request(Principal(_agent(name), Kind.AGENT))))  # fmt: skip
    reads, body = [], b""
    for _ in range(READS):
        began = time.perf_counter()
        body = encode(views.halt(halt))
        reads.append(time.perf_counter() - began)
    await store.close()
    said = [one["state"] for one in json.loads(body)["roll"]]
    if said != ["answered"] * size:
        raise SystemExit(f"the roll call is not complete: {said[:3]} ... {len(said)}")
    return {
        "agents": size, "bytes": len(body), "acknowledged_s": round(acknowledged, 2), "answered_s": round(answered, 2),
        "read_ms": spread(reads), "goals_s": GOALS_S,
    }  # fmt: skip


def _agent(host: str) -> str:
    return f"agent-of-{host}"


async def _all(names: Sequence[str], what: Callable[[str], Awaitable[object]]) -> float:
    """Seconds until it is done for each, a hundred at once."""
    waiting = iter(names)

    async def worker() -> None:
        for name in waiting:
            await what(name)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(AT_ONCE):
            tasks.create_task(worker())
    return time.perf_counter() - began


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))

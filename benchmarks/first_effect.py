"""From the call that declares to the first effect under way, on the real store.

Each declaration orders an all-stop of one agent; the clock stops when the agent's adapter is called.
Beside it, in the same run: the time one durable commit takes (raw SQLite, WAL, FULL), because two of
them (the declaration and the claim) are the floor.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import time
from pathlib import Path

from pydantic import BaseModel

from allstop.adapters.clock import SystemClock
from allstop.adapters.crash_points import NoCrashPoints
from allstop.adapters.sqlite import SqliteStore
from allstop.application.command_post import CommandPost, Request
from allstop.application.hub import Hub
from allstop.application.ports import Actuator, AdapterInfo, BlobSink, Probe, VerbInfo
from allstop.application.runner import Runner
from allstop.domain.effects import Effect, Outcome, Repeat, done
from allstop.domain.halt.commands import RegisterAgent
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.principal import COORDINATOR, Kind, Principal
from tests.domain.builders import policy

RUNS = 300


class _Anything(BaseModel, extra="allow"):
    pass


class Stopwatch:
    """An actuator that notes when it was called for the first time since `reset`."""

    info = AdapterInfo(
        "script", "notes when it is called", "1", ("actuator",),
        tuple(VerbInfo(name, name, Repeat.REPEATABLE, _Anything) for name in ("tell", "post", "isolate", "history", "state")),
    )  # fmt: skip

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.at = 0.0

    def reset(self) -> None:
        self.called.clear()

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        del keep
        if effect.verb == "tell" and not self.called.is_set():
            self.at = time.perf_counter()
            self.called.set()
        return done("noted")

    async def observe(self, effect: Effect) -> Outcome:
        del effect
        return done("noted")


class OneAdapter:
    """The adapters port with one actuator."""

    def __init__(self, actuator: Actuator) -> None:
        self._actuator = actuator

    def probe(self, name: str) -> Probe | None:
        del name
        return None

    def actuator(self, name: str) -> Actuator | None:
        del name
        return self._actuator

    def infos(self) -> tuple[AdapterInfo, ...]:
        return (self._actuator.info,)

    def unavailable(self) -> dict[str, str]:
        return {}


def measure() -> dict[str, float]:
    """Milliseconds: p50 and p99 over RUNS declarations, and the p50 of one raw commit."""
    with tempfile.TemporaryDirectory() as folder:
        times = asyncio.run(_declare(Path(folder)))
        commit = _raw_commit(Path(folder))
    times.sort()
    return {
        "runs": len(times),
        "p50_ms": 1000 * times[len(times) // 2],
        "p99_ms": 1000 * times[int(len(times) * 0.99)],
        "max_ms": 1000 * times[-1],
        "commit_p50_ms": 1000 * commit,
    }


async def _declare(folder: Path) -> list[float]:
    watch, clock, crash = Stopwatch(), SystemClock(), NoCrashPoints()
    store = SqliteStore(folder / "bench.db")
    await store.open(f"bench-{os.getpid()}")
    post = CommandPost(store, clock, crash)
    post.load(policy())
    runner = Runner(post, store, Hub(store), OneAdapter(watch), clock, crash)
    task = asyncio.create_task(runner.run())
    await post.do(RegisterAgent("builder-1", "b", "builders", "script"), Request(COORDINATOR))
    who = Request(Principal("ada", Kind.PERSON))
    times = []
    for number in range(RUNS):
        watch.reset()
        began = time.perf_counter()
        await post.do(DeclareIncident(f"bench {number}", severity="SEV1"), who)
        await watch.called.wait()
        times.append(watch.at - began)
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.close()
    return times


def _raw_commit(folder: Path) -> float:
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE plain (body TEXT)")
    times = []
    for _ in range(500):
        began = time.perf_counter()
        connection.execute("INSERT INTO plain VALUES (?)", ("x" * 600,))
        times.append(time.perf_counter() - began)
    connection.close()
    times.sort()
    return times[len(times) // 2]

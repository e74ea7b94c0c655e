"""The host process between a coordinator and agents: what it does first when there is much to do."""

from __future__ import annotations

import asyncio
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.agent_process import AgentProcess
from allstop.adapters.mechanisms.cgroups import Group, NoGroup, group_at, make_group
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.application.ports import BlobSink
from allstop.domain.effects import Effect, Ending, Outcome
from allstop.domain.halt.order_text import Pass, StandingHalt
from allstop.host.held import Held
from allstop.host.process import Host
from tests.host.hosts import COORDINATOR, HOUR, NOW, Machine
from tests.host.test_held import ME, entering, nobody

HALT = StandingHalt("HALT-1", scope="all", classes=("default",))


@contextmanager
def agent(held: Held) -> Iterator[tuple[str, Group]]:
    """A program in a group of its own, known on this machine."""
    name = f"try-{uuid.uuid4().hex[:10]}"
    try:
        make_group(name)
    except NoGroup as error:
        pytest.skip(f"no control group may be made here: {error}")
    with subprocess.Popen(["sleep", "600"]) as process:
        one = held.enter(entering(name, process.pid), ME, nobody)
        group = group_at(one.options["cgroup"])
        try:
            yield name, group
        finally:
            group.kill(Deadline.within(5000))
            process.wait()
            group.remove()


@dataclass
class Deaf:
    """A coordinator that says what it has to say, and never answers what it is told. told: acknowledgements it has;
    given_up: how many of them nobody waits for any more."""

    more: asyncio.Event = field(default_factory=asyncio.Event)
    told: int = 0
    given_up: int = 0
    orders: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            if head.startswith("POST"):
                self.told += 1
                while await reader.read(4096):
                    pass
                self.given_up += 1
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            for order in self.orders:
                writer.write(f"event: order\ndata: {order}\n\n".encode())
                await writer.drain()
                await self.more.wait()
            await asyncio.sleep(600)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def deaf(*orders: str) -> AsyncIterator[tuple[Deaf, str]]:
    coordinator = Deaf(orders=list(orders))
    server = await asyncio.start_server(coordinator.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield coordinator, f"http://127.0.0.1:{port}"
    finally:
        server.close()


async def until(question: Any) -> None:
    async with asyncio.timeout(30):
        while not question():  # noqa: ASYNC110 - what is asked about is outside of this loop
            await asyncio.sleep(0.01)


async def test_a_coordinator_that_is_slow_to_listen_delays_no_freeze(tmp_path: Path) -> None:
    """Given a host whose first acknowledgement is not answered, when the next order wants an agent frozen, then it is frozen
    while the host still waits for that answer."""
    Machine(tmp_path)
    with agent(Held(tmp_path, lambda _: "")) as (name, group):
        first, then = COORDINATOR.order(41, HALT), COORDINATOR.order(42, HALT, frozen=(name,))
        async with deaf(first, then) as (coordinator, url):
            host = Host(Machine(tmp_path, coordinator=url).settings, lambda: NOW)
            running = asyncio.create_task(host.run())
            try:
                await until(lambda: coordinator.told == 1 and host.keeper.seq == 41)
                coordinator.more.set()
                await until(group.frozen)
                assert coordinator.given_up == 0
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)


class Looking(AgentProcess):
    """The adapter, and what it found when it was called: which groups were frozen by then."""

    def __init__(self, groups: list[Group]) -> None:
        self.groups = groups
        self.found: list[list[bool]] = []

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        self.found.append([group.frozen() for group in self.groups])
        return await super().act(effect, keep)


async def test_everybody_is_frozen_before_anybody_is_looked_at_closely(tmp_path: Path) -> None:
    held = Held(tmp_path, lambda _: "")
    with agent(held) as (one, its), agent(held) as (other, others):
        looking = held._adapter = Looking([its, others])
        seen = await held.follow((one, other), nobody, 41)
        assert {name: outcome.ending for name, outcome in seen.items()} == {
            one: Ending.DONE,
            other: Ending.DONE,
        }
        assert looking.found == [[True, True], [True, True]]
        await held.follow((), nobody, 42)


async def test_whoever_a_stage_of_a_release_lets_act_is_held_no_longer(tmp_path: Path) -> None:
    """Given an agent that was taken at its word, when the order gives it a pass while the halt goes on to stand for others, then
    it is woken, and the others are not."""
    coordinator = asyncio.Event()

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await coordinator.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    held = Held(tmp_path, lambda _: "")
    Machine(tmp_path)
    with agent(held) as (one, its), agent(held) as (_, others):
        for group in (its, others):
            group.freeze(Deadline.within(5000))
        host = Host(Machine(tmp_path, coordinator=url).settings, lambda: NOW)
        canary = Pass("s-1", one, "canary", ("read", "write", "exec"), NOW + HOUR, HALT.id)
        host.keeper.take(COORDINATOR.order(41, HALT))
        host.keeper.take(COORDINATOR.order(42, HALT, passes=(canary,)))
        running = asyncio.create_task(host.run())
        try:
            await until(lambda: not its.frozen())
            assert others.frozen()
        finally:
            coordinator.set()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            server.close()

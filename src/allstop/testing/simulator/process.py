"""One life of the coordinator: the production parts on a virtual loop, until it is done or dies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from allstop.adapters.memory_store import MemoryDisk, MemoryStore
from allstop.application.command_post import CommandPost, Request
from allstop.application.hub import Hub
from allstop.application.monitor import Monitor
from allstop.application.ports import Adapters
from allstop.application.runner import Runner
from allstop.application.timekeeper import Timekeeper
from allstop.domain.halt.commands import RegisterAgent
from allstop.domain.policy import Policy
from allstop.domain.principal import COORDINATOR, Principal
from allstop.domain.world import World
from allstop.errors import AllstopError, Refused
from allstop.testing.simulator.faults import CrashPlan, Died
from allstop.testing.simulator.virtual_time import VirtualClock, VirtualLoop, VirtualTime

# What the sender of a request is told: its result, the reasons against it, or that the line broke.
Heard = Callable[[dict[str, Any] | Refused | None], None]


@dataclass(slots=True)
class Process:
    """loop, store and post die with it; disk, time and crash plan stay."""

    time: VirtualTime
    disk: MemoryDisk
    crash: CrashPlan
    adapters: Adapters
    policy: Policy
    number: int
    loop: VirtualLoop = field(init=False)
    store: MemoryStore = field(init=False)
    post: CommandPost = field(init=False)
    failure: BaseException | None = None
    _asking: set[asyncio.Task[None]] = field(default_factory=set)
    _ended: asyncio.Future[None] = field(init=False)

    def __post_init__(self) -> None:
        self.loop = VirtualLoop(self.time)
        self._ended = self.loop.create_future()
        self.store = MemoryStore(self.disk, self.crash)
        self.post = CommandPost(self.store, VirtualClock(self.time), self.crash)

    @property
    def world(self) -> World:
        """What everybody may see: the published state."""
        return self.post.world

    def live(self) -> bool:
        """Work until `end` is called; True when it died instead."""
        try:
            self.loop.run_until_complete(self._main())
        except Died:
            return True
        except BaseException as error:  # noqa: BLE001  (any end but the ordinary one is a finding)
            self.failure = error
            return True
        return False

    async def _main(self) -> None:
        await self.store.open(f"life-{self.number}")
        self.post.load(self.policy)
        work = self.loop.create_task(self._work())
        await asyncio.wait((work, self._ended), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()

    async def _work(self) -> None:
        """What `Coordinator.run` does, without the parts that only faces need."""
        clock, post, crash = VirtualClock(self.time), self.post, self.crash
        hub = Hub(self.store)
        runner = Runner(post, self.store, hub, self.adapters, clock, crash)
        timekeeper = Timekeeper(post, hub, clock, crash)
        monitor = Monitor(post, self.adapters, clock, crash)
        for agent in post.book.latest.roster.agents:
            command = RegisterAgent(agent.id, agent.name, agent.team, agent.adapter, agent.options)
            await post.do(command, Request(COORDINATOR, "roster"))
        async with asyncio.TaskGroup() as group:
            for part in (runner.run, timekeeper.run, monitor.run):
                group.create_task(_live(part))

    def end(self) -> None:
        """Have `live` return, from outside."""
        if not self._ended.done():
            self._ended.set_result(None)

    def ask(self, command: Any, who: Principal, cause: str, heard: Heard) -> None:
        """A request over the line; `heard` is called once, with None when the line breaks."""
        if self.crash.dead or self.loop.is_closed():
            heard(None)
            return
        # Kept, because a loop holds its tasks by weak references only.
        task = self.loop.create_task(self._ask(command, who, cause, heard))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, command: Any, who: Principal, cause: str, heard: Heard) -> None:
        try:
            found: dict[str, Any] | Refused = await self.post.do(
                command, Request(who, cause, cause, cause)
            )
        except Refused as refusal:
            found = refusal
        except (AllstopError, asyncio.CancelledError, Died):
            heard(None)
            raise
        heard(found)

    def bury(self) -> None:
        """Free the disk and take every task apart; nothing of it may write any more."""
        self.crash.dead = True
        self.store.abandon()
        self.loop.selector.ending = True
        for _ in range(50):
            tasks = asyncio.all_tasks(self.loop)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            try:
                self.loop.run_until_complete(asyncio.wait(tasks))
            except Died:
                continue
            except BaseException as error:  # noqa: BLE001  (kept as a finding)
                self.failure = self.failure or error
                break
        self.loop.close()
        self.crash.dead = False


async def _live(part: Callable[[], Any]) -> None:
    await part()

"""Common ground: the parts of a coordinator on virtual time, in a world that does what a story says."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel, ConfigDict

from allstop.adapters.memory_store import MemoryDisk, MemoryStore
from allstop.application.command_post import CommandPost, Request
from allstop.application.hub import Hub
from allstop.application.monitor import Monitor
from allstop.application.ports import (
    Actuator,
    AdapterInfo,
    BlobSink,
    EffectRow,
    EffectState,
    Probe,
    VerbInfo,
)
from allstop.application.runner import Runner
from allstop.application.timekeeper import Timekeeper
from allstop.application.views import Views
from allstop.domain.effects import Effect, Outcome, Repeat, done
from allstop.domain.halt.commands import RegisterAgent
from allstop.domain.impact import Impact
from allstop.domain.incident.commands import DeclareIncident
from allstop.domain.plan.commands import MakePlan, StartPlan
from allstop.domain.policy import Policy
from allstop.domain.principal import COORDINATOR, MONITOR, TIMEKEEPER, Principal
from allstop.domain.samples import Sample
from allstop.domain.world import World
from allstop.errors import Unavailable
from allstop.testing.simulator.virtual_time import InlineLoop, VirtualClock, VirtualTime
from tests.domain import builders

CLASSES: dict[str, Repeat] = {
    "isolate": Repeat.REPEATABLE,
    "reopen": Repeat.KEYED,
    "rollback": Repeat.PROBE,
    "restart": Repeat.ONCE,
    **dict.fromkeys(("history", "state", "post"), Repeat.REPEATABLE),
    **dict.fromkeys(("tell", "confirm", "freeze", "resume"), Repeat.REPEATABLE),
}
CORE = Impact(core_functions_down=("buying",))
SECOND = 1000


class Anything(BaseModel):
    """Options are not looked at here."""

    model_config = ConfigDict(extra="allow")


class Never:
    """An answer that does not come."""


Answer = Any  # an Outcome, an exception to raise, Never, or whatever a broken adapter returns
Look = tuple[bool | None, str, dict[str, Any]] | type[Never] | Exception


@dataclass
class Outside:
    """The adapter `script` and the adapters port. Answers are used up one by one; the last one stays.

    acts, observes: by verb; samples: by probe; asked: (act | observe, verb) in order.
    """

    info = AdapterInfo(
        "script", "A scripted world.", "1", ("probe", "actuator", "notifier", "agent"),
        tuple(VerbInfo(name, name, repeat, Anything) for name, repeat in CLASSES.items()), Anything,
    )  # fmt: skip
    acts: dict[str, list[Answer]] = field(default_factory=dict)
    observes: dict[str, list[Answer]] = field(default_factory=dict)
    samples: dict[str, list[Look]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    keeps: dict[str, bytes] = field(default_factory=dict)
    installed: bool = True
    under_way: int = 0

    def calls(self, verb: str) -> list[str]:
        """How often and in which way a verb was asked for."""
        return [how for how, name in self.asked if name == verb]

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        self.asked.append(("act", effect.verb))
        digest = keep(self.keeps[effect.verb]) if effect.verb in self.keeps else ""
        found: Outcome = await self._answer(self.acts.get(effect.verb), done(f"{effect.verb} seen"))
        return replace(found, evidence=digest) if digest else found

    async def observe(self, effect: Effect) -> Outcome:
        self.asked.append(("observe", effect.verb))
        seen: Outcome = await self._answer(
            self.observes.get(effect.verb), done(f"{effect.verb} found")
        )
        return seen

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        self.asked.append(("measure", name))
        good, text, facts = await self._answer(self.samples.get(name), (True, "fine", {}))
        return Sample(name, good, text), dict(facts)

    async def _answer(self, answers: list[Any] | None, otherwise: Any) -> Any:
        if not answers:
            return otherwise
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        self.under_way += 1
        try:
            if found is Never:
                await asyncio.Event().wait()
            if isinstance(found, Exception):
                raise found
            return found
        finally:
            self.under_way -= 1

    def probe(self, name: str) -> Probe | None:
        return self if name == "script" and self.installed else None

    def actuator(self, name: str) -> Actuator | None:
        return self if name == "script" and self.installed else None

    def infos(self) -> tuple[AdapterInfo, ...]:
        return (self.info,)

    def unavailable(self) -> dict[str, str]:
        return {}


@dataclass
class Disk:
    """The crash points of a story: says where the disk is full."""

    full: bool = False
    seen: list[str] = field(default_factory=list)

    def reach(self, name: str) -> None:
        self.seen.append(name)
        if self.full and name == "store.before-commit":
            raise Unavailable("the disk is full", "free some space")


@dataclass
class House:
    """One project: its disk, its clock, and the coordinator of the moment."""

    policy: Policy = field(default_factory=builders.policy)
    time: VirtualTime = field(default_factory=VirtualTime)
    outside: Outside = field(default_factory=Outside)
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    crash: Disk = field(default_factory=Disk)
    lives: int = 0
    store: MemoryStore = field(init=False)
    post: CommandPost = field(init=False)
    hub: Hub = field(init=False)
    monitor: Monitor = field(init=False)
    views: Views = field(init=False)

    @property
    def clock(self) -> VirtualClock:
        return VirtualClock(self.time)

    @property
    def world(self) -> World:
        return self.post.world

    async def begin(self, policy: Policy | None = None) -> House:
        """A coordinator starts; one that ran before has crashed."""
        self.policy = policy or self.policy
        if self.lives:
            self.store.abandon()
        self.lives += 1
        self.store = MemoryStore(self.disk, self.crash)
        self.post = CommandPost(self.store, self.clock, self.crash)
        await self.store.open(f"life-{self.lives}")
        self.post.load(self.policy)
        self.hub = Hub(self.store)
        self.monitor = Monitor(self.post, self.outside, self.clock, self.crash)
        self.views = Views(self.post, self.store, self.monitor, self.clock)
        return self

    @property
    def runner(self) -> Runner:
        return Runner(self.post, self.store, self.hub, self.outside, self.clock, self.crash)

    @property
    def timekeeper(self) -> Timekeeper:
        return Timekeeper(self.post, self.hub, self.clock, self.crash)

    @asynccontextmanager
    async def working(self, *parts: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """The parts run meanwhile; one that dies fails the story."""
        tasks = [asyncio.ensure_future(part()) for part in parts]
        try:
            yield
        finally:
            dead = [task for task in tasks if task.done()]
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*dead)

    async def wait(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / 1000)

    async def do(
        self, command: Any, who: Principal = builders.ADA, key: str = ""
    ) -> dict[str, Any]:
        return await self.post.do(command, Request(who, "story", key, key and repr(command)))

    async def register(self) -> None:
        for one in self.post.book.latest.roster.agents:
            command = RegisterAgent(one.id, one.name, one.team, one.adapter, one.options)
            await self.do(command, COORDINATOR)

    async def declare(self, *services: str, impact: Impact = CORE, **more: Any) -> str:
        """An incident by the monitor; a SEV1 unless another impact is given."""
        command = DeclareIncident(
            "buying fails", services or ("payments",), "monitor", impact, **more
        )
        return str((await self.do(command, MONITOR))["incident"])

    async def contain(self) -> str:
        """An incident whose containment plan has just started."""
        plan = str((await self.do(MakePlan(await self.declare(), "contain"), TIMEKEEPER))["plan"])
        await self.do(StartPlan(plan), TIMEKEEPER)
        return plan

    def kinds(self, stream: str = "") -> list[str]:
        return [one.kind for one in self.store.records(stream=stream, limit=100_000)]

    def row(self, verb: str) -> EffectRow:
        """The newest effect with this verb, and where it stands."""
        return next(row for row in self.store.effects(limit=1000) if row.effect.verb == verb)

    def states(self, verb: str) -> list[EffectState]:
        return [row.state for row in self.store.effects(limit=1000) if row.effect.verb == verb]


Story = Callable[..., Coroutine[Any, Any, None]]


def told(story: Story) -> Callable[..., None]:
    """Tell a story on virtual time: nothing sleeps, and nothing hangs unseen. It is given a house."""

    def tell(**given: Any) -> None:
        house = House()
        loop = InlineLoop(house.time)
        try:
            loop.run_until_complete(_told(story, house, given))
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    loop.run_until_complete(task)
            loop.close()

    tell.__name__, tell.__doc__, tell.__module__ = story.__name__, story.__doc__, story.__module__
    parameters = list(inspect.signature(story).parameters.values())[1:]
    setattr(tell, "__signature__", inspect.Signature(parameters))  # noqa: B010 (typed it has none)
    return tell


async def _told(story: Story, house: House, given: dict[str, Any]) -> None:
    await story(await house.begin(), **given)


def isolating_by(verb: str) -> Policy:
    """The policy of the builders, in which `payments` is isolated by another verb."""
    plain = builders.policy()
    payments, *others = plain.fleet.services
    actions = {**payments.actions, "isolate": builders.action(verb)}
    services = (replace(payments, actions=actions, verify={}), *others)
    return replace(plain, fleet=replace(plain.fleet, services=services))

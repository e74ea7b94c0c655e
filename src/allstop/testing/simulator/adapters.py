"""The adapters of a simulated run: every call crosses a network that delays, loses and refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random  # noqa: TID251  (seeded: one seed drives everything)
from typing import Any

from pydantic import BaseModel, ConfigDict

from allstop.application.ports import (
    Actuator,
    AdapterInfo,
    BlobSink,
    CrashPoints,
    Probe,
    VerbInfo,
)
from allstop.domain.effects import Effect, Outcome, Purpose, Repeat, done, failed, retry, unknown
from allstop.domain.samples import Sample
from allstop.testing.journal import Call, Journal
from allstop.testing.simulator.faults import Faults
from allstop.testing.simulator.virtual_time import VirtualTime
from allstop.testing.simulator.world import OutsideWorld

MS = 1000
# What may be lied about: only what an independent proof is looked for afterwards.
PROVED = frozenset({"isolate", "reopen", "rollback"})

CLASSES: dict[str, Repeat] = {
    "isolate": Repeat.REPEATABLE,
    "reopen": Repeat.KEYED,
    "rollback": Repeat.PROBE,
    "restart": Repeat.ONCE,
    "quiesce": Repeat.REPEATABLE,
    "unquiesce": Repeat.REPEATABLE,
    "drain": Repeat.REPEATABLE,
    "undrain": Repeat.REPEATABLE,
    "fence": Repeat.REPEATABLE,
    "unfence": Repeat.REPEATABLE,
    "flush": Repeat.REPEATABLE,
    "snapshot": Repeat.PROBE,
    "verify-snapshot": Repeat.REPEATABLE,
    "stop": Repeat.REPEATABLE,
    "kill": Repeat.REPEATABLE,
    "start": Repeat.REPEATABLE,
    "history": Repeat.REPEATABLE,
    "state": Repeat.REPEATABLE,
    "errors": Repeat.REPEATABLE,
    "resources": Repeat.REPEATABLE,
    "health": Repeat.REPEATABLE,
    "post": Repeat.KEYED,
    "tell": Repeat.REPEATABLE,
    "confirm": Repeat.REPEATABLE,
    "freeze": Repeat.REPEATABLE,
    "resume": Repeat.REPEATABLE,
}
# Diagnosis: these change nothing.
LOOKS = frozenset({"history", "state", "errors", "resources", "health"})


class Anything(BaseModel):
    """Options are not checked here."""

    model_config = ConfigDict(extra="allow")


INFO = AdapterInfo(
    name="sim",
    summary="A scripted world.",
    version="1",
    ports=("probe", "actuator", "notifier", "agent"),
    verbs=tuple(
        VerbInfo(name, name, repeat, Anything, read_only=name in LOOKS)
        for name, repeat in CLASSES.items()
    ),
    probe_options=Anything,
)


@dataclass(slots=True)
class Network:
    """Between the coordinator and the world. incarnation: number of the process that calls."""

    world: OutsideWorld
    time: VirtualTime
    chance: Random
    faults: Faults
    journal: Journal
    crash: CrashPoints
    length: Callable[[], int]
    incarnation: int = 0

    def hit(self, percent: int) -> bool:
        return percent > 0 and self.chance.randrange(100) < percent

    def latency(self, limit_ms: int) -> int:
        """Microseconds one way; a slow one takes up to most of the time there is."""
        if self.hit(self.faults.slow):
            return self.chance.randint(200, max(201, limit_ms * 4 // 10)) * MS
        return self.chance.randint(2, 120) * MS

    async def carry(self, work: Callable[[], Any], limit_ms: int, *, look: bool = False) -> Any:
        """Do `work` in the world and bring its answer back; None when no answer ever comes. look: nothing is done."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        there, back = self.latency(limit_ms), self.latency(limit_ms)
        losable = not (look and self.faults.clear_sight)
        lost_on_the_way = losable and self.hit(self.faults.lost_request)
        lost_on_the_way_back = losable and self.hit(self.faults.lost_answer)

        def arrive() -> None:
            found = work()
            if not lost_on_the_way_back:
                self.time.after(back, lambda: None if answer.done() else answer.set_result(found))

        if not lost_on_the_way:
            self.time.after(there, arrive)
        try:
            async with asyncio.timeout(limit_ms / 1000):
                return await answer
        except TimeoutError:
            return None


class SimActuator:
    """The actuator port."""

    info = INFO

    def __init__(self, network: Network) -> None:
        self._network = network

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        net = self._network
        net.journal.called(Call(effect, "act", net.incarnation, net.length()))
        if net.hit(net.faults.refused):
            return failed("refused") if net.hit(50) else retry("busy", 700)
        if effect.verb in PROVED and net.hit(net.faults.lying):
            await net.carry(lambda: None, effect.timeout_ms)
            return done("so it says")
        found: Outcome | None = await net.carry(lambda: net.world.apply(effect), effect.timeout_ms)
        net.crash.reach("adapter.answered")
        if found is None:
            return unknown("no answer")
        kept = keep(f"{effect.id} {found.because}".encode())
        return replace(found, evidence=kept) if effect.purpose is Purpose.EVIDENCE else found

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        del options, timeout_ms
        return done("the scripted world can be reached")

    async def observe(self, effect: Effect) -> Outcome:
        net = self._network
        net.journal.called(Call(effect, "observe", net.incarnation, net.length()))
        net.crash.reach("adapter.observe")
        found: Outcome | None = await net.carry(
            lambda: net.world.happened(effect), effect.timeout_ms
        )
        return found if found is not None else unknown("no answer")


class SimProbe:
    """The probe port."""

    info = INFO

    def __init__(self, network: Network) -> None:
        self._network = network

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        net, service = self._network, options["service"]
        look, want = options.get("look", "healthy"), options.get("want", "")
        found = await net.carry(lambda: net.world.look(service, look, want), timeout_ms, look=True)
        if found is None:
            return Sample(name, None, "no answer"), {}
        good, text, facts = found
        return Sample(name, good, text), facts


class SimAdapters:
    """The adapters port: one adapter, which does everything."""

    def __init__(self, network: Network) -> None:
        self._probe, self._actuator = SimProbe(network), SimActuator(network)

    def probe(self, name: str) -> Probe | None:
        return self._probe if name == INFO.name else None

    def actuator(self, name: str) -> Actuator | None:
        return self._actuator if name == INFO.name else None

    def infos(self) -> tuple[AdapterInfo, ...]:
        return (INFO,)

    def unavailable(self) -> dict[str, str]:
        return {}

"""The wires between a stage's coordinator and its world: any of them can be cut in a story."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from allstop.application.ports import (
    Actuator,
    AdapterInfo,
    BlobSink,
    Probe,
    Verifiable,
)
from allstop.domain.effects import Effect, Outcome, failed
from allstop.domain.samples import Sample
from allstop.testing.simulator.adapters import SimAdapters


@dataclass
class Trouble:
    """What does not work between the coordinator and the world, as a test wants it.

    silent: probes, by their name or by what they look at, that give no answer; shut: channels by
    their option `room`, and why they take nothing; lacking: verbs the adapter does not have; unready: verbs
    that could not be done now, and why.
    """

    silent: set[str] = field(default_factory=set)
    shut: dict[str, str] = field(default_factory=dict)
    lacking: set[str] = field(default_factory=set)
    unready: dict[str, str] = field(default_factory=dict)


class Wires:
    """The adapters of the simulated world, with trouble on the line."""

    def __init__(self, adapters: SimAdapters, trouble: Trouble) -> None:
        self._adapters, self._trouble = adapters, trouble

    def probe(self, name: str) -> Probe | None:
        found = self._adapters.probe(name)
        return found and _ProbeWire(found, self._trouble)

    def actuator(self, name: str) -> Actuator | None:
        found = self._adapters.actuator(name)
        return found and _ActuatorWire(found, self._trouble)

    def infos(self) -> tuple[AdapterInfo, ...]:
        return self._adapters.infos()

    def unavailable(self) -> dict[str, str]:
        return self._adapters.unavailable()


class _ProbeWire:
    def __init__(self, probe: Probe, trouble: Trouble) -> None:
        self.info = probe.info
        self._probe, self._trouble = probe, trouble

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        if {name, str(options.get("look", ""))} & self._trouble.silent:
            await asyncio.sleep(timeout_ms / 1000)
            return Sample(name, None, "no answer"), {}
        return await self._probe.measure(name, options, timeout_ms)


class _ActuatorWire:
    def __init__(self, actuator: Actuator, trouble: Trouble) -> None:
        self._actuator, self._trouble = actuator, trouble
        verbs = tuple(one for one in actuator.info.verbs if one.name not in trouble.lacking)
        self.info = replace(actuator.info, verbs=verbs)

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        return await self._actuator.act(effect, keep)

    async def observe(self, effect: Effect) -> Outcome:
        return await self._actuator.observe(effect)

    async def ready(self, verb: str, options: dict[str, Any], timeout_ms: int) -> Outcome:
        if verb in self._trouble.unready:
            return failed(self._trouble.unready[verb])
        return await self.verify(options, timeout_ms)

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        room = str(options.get("room", ""))
        if room in self._trouble.shut:
            return failed(self._trouble.shut[room])
        assert isinstance(self._actuator, Verifiable)
        return await self._actuator.verify(options, timeout_ms)

"""A graph under the coordinator's own parts: command post, runner, timekeeper and store, on a virtual clock.

Nothing of the coordinator is played here: it dies at its crash points, and a new one starts on what is left on the disk.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict

from allstop.adapters.memory_store import MemoryDisk
from allstop.application.codec import read_policy, read_record
from allstop.application.ports import Actuator, AdapterInfo, BlobSink, Probe, VerbInfo
from allstop.domain.effects import Effect, Outcome, Purpose, Repeat, done, failed, unknown
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.policy import ACTIONS, PolicyBook
from allstop.domain.samples import Sample
from allstop.errors import Refused
from allstop.testing.invariants import check
from allstop.testing.simulator.faults import CrashPlan, Faults
from allstop.testing.simulator.process import Process
from allstop.testing.simulator.virtual_time import HOUR, SECOND, VirtualTime
from allstop.testing.traces import Trace
from tests.domain.fleet.ground import command_policy
from tests.simulation.crashing import BOUNDARIES
from tests.simulation.graphs.outside import MARKED, Outside
from tests.simulation.graphs.people import drawn, newest, next_request, remedy
from tests.simulation.graphs.scenes import scene
from tests.simulation.graphs.telling import MOST_DEEDS, Stuck, Told, at_rest, stands, untrue

LOOK_US = SECOND // 5
LIMIT_US = 48 * HOUR
MS = 1000


class Anything(BaseModel):
    """Options are not checked here."""

    model_config = ConfigDict(extra="allow")


INFO = AdapterInfo(
    "script", "A scripted fleet.", "1", ("probe", "actuator"),
    tuple(
        VerbInfo(name, name, Repeat.PROBE if name in MARKED else Repeat.REPEATABLE, Anything)
        for name in ACTIONS
    ),
    probe_options=Anything,
)  # fmt: skip


@dataclass(slots=True)
class Life:
    """Everything that outlives a death, and the present process. again: completed steps that were run again; rested,
    ends: where the nodes stood when a person was first needed, and at the end; findings: what does not hold."""

    outside: Outside
    crash: CrashPlan
    time: VirtualTime = field(default_factory=VirtualTime)
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    process: Process | None = None
    lives: int = 0
    deeds: int = 0
    asking: bool = False
    again: int = 0
    rested: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    # --- the adapters ------------------------------------------------------------------------------

    info = INFO

    def actuator(self, name: str) -> Actuator | None:
        return self if name == INFO.name else None

    def probe(self, name: str) -> Probe | None:
        return self if name == INFO.name else None

    def infos(self) -> tuple[AdapterInfo, ...]:
        return (INFO,)

    def unavailable(self) -> dict[str, str]:
        return {}

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """One attempt. What it does takes place outside, whether or not the coordinator lives to hear of it."""
        del keep
        if effect.purpose is not Purpose.STEP:
            return done("told")
        plan = self._plan(effect)
        if plan is not None and plan.standing(effect.ref).state in (StepState.DONE, StepState.WAIVED):  # fmt: skip
            self.again += 1
            self.findings.append(f"run again after its end: {effect.ref}")
        fault = self.outside.attempt(effect)
        took = self.outside.takes_ms(effect, fault)
        late = fault == "hang"
        if fault in ("", "slow") or (fault in ("hang", "crash") and self.outside.is_done_all_the_same(effect)):  # fmt: skip
            self.time.after((took - 1 + 2_000 * late) * MS, lambda: self._happen(effect))
        await asyncio.sleep((took + 3_600_000 * late) / 1000)
        self.crash.reach("adapter.answered")
        if fault == "crash":
            raise RuntimeError("the actuator broke")
        return failed("it refuses") if fault == "refuse" else done("so it says")

    async def observe(self, effect: Effect) -> Outcome:
        await asyncio.sleep(0.005)
        self.crash.reach("adapter.observe")
        if effect.target in self.outside.scene.blind:
            return unknown("cannot tell whether it took effect")
        seen = effect.id in self.outside.happened
        return done("its mark is there") if seen else failed("it has left no mark")

    async def measure(
        self, name: str, options: dict[str, Any], timeout_ms: int
    ) -> tuple[Sample, dict[str, Any]]:
        """Whether what a step is for has happened. name: the step."""
        del options, timeout_ms
        await asyncio.sleep(0.002)
        plan = newest(self.process.world) if self.process else None
        seen = plan is not None and (f"plan/{plan.id}", name) in self.outside.did
        return Sample(name, seen, "looked"), {}

    def _plan(self, effect: Effect) -> Any:
        world = self.process.world if self.process else None
        return world.plans.get(effect.stream.partition("/")[2]) if world else None

    def _happen(self, effect: Effect) -> None:
        self.outside.happen(effect, newest(self.process.world) if self.process else self._folded())

    def _folded(self) -> Any:
        """The plan as the log has it, while there is no coordinator."""
        trace = Trace(tuple(read_record(one) for one in self.disk.events), self._book())
        return newest(trace.end)

    # --- people ------------------------------------------------------------------------------------

    def look(self) -> None:
        """A person looks now and then, and asks for what comes next once nothing goes on by itself."""
        self.time.after(LOOK_US, self.look)
        if self.time.us > LIMIT_US:
            self.findings.append("it never comes to its end")
            self._end()
        elif self.process is not None and self.process.post.book.current and not self.asking:
            self._ask()

    def _ask(self) -> None:
        process = self.process
        assert process is not None
        world = process.world
        if len(plans := drawn(world)) == len(self.outside.scene.purposes):
            self.outside.last = f"plan/{plans[-1].id}"
        asked = next_request(world, self.outside.scene.purposes)
        if asked is None:
            if self.disk.waiting or self.disk.claimed:
                return
            plan = newest(world)
            assert plan is not None
            if plan.state is PlanState.DONE:
                self._end()
                return
            try:
                at_rest(plan)
            except Stuck as stuck:
                self.findings.append(str(stuck))
            if not self.deeds:
                self.rested = stands(plan)
            self.deeds += 1
            asked = remedy(plan, self.outside)
            if asked is None or self.deeds > MOST_DEEDS:
                self.findings.append(f"{plan.id} is {plan.state}, and people do not help")
                self._end()
                return
        self.asking = True
        process.ask(*asked, f"request-{self.deeds}-{len(self.disk.events)}", self._heard)

    def _heard(self, answer: object) -> None:
        self.asking = False
        if isinstance(answer, Refused):
            self.findings.append(f"refused: {answer}")
            self._end()

    def _end(self) -> None:
        if self.process is not None:
            self.process.end()

    # --- lives -------------------------------------------------------------------------------------

    def live(self) -> None:
        """Live, die and live again until the plan is done; then judge."""
        policy, dice = (
            command_policy(self.outside.scene.fleet),
            Random(f"{self.outside.scene.seed}/lives"),
        )
        self.time.after(LOOK_US, self.look)
        while True:
            self.lives += 1
            self.process = process = Process(self.time, self.disk, self.crash, self, policy, self.lives)  # fmt: skip
            died = process.live()
            self.process, self.asking = None, False
            process.bury()
            if process.failure is not None:
                self.findings.append(f"the coordinator failed by itself: {process.failure!r}")
            if not died or self.lives > 50:
                break
            self.time.move_to(self.time.us + dice.choice((5, 300, 2_000, 20_000)) * MS)
        self._judge(process)

    def _judge(self, process: Process) -> None:
        trace = Trace(
            tuple(read_record(one) for one in self.disk.events), self._book(),
            live=process.post.world, stored=tuple(self.disk.events),
            effects={id: row.state.value for id, row in self.disk.outbox.items()},
        )  # fmt: skip
        self.findings += self.outside.findings()
        plan = newest(trace.end)
        if plan is None or plan.state is not PlanState.DONE:
            self.findings.append("the plan was not done")
        else:
            self.ends = stands(plan)
            self.findings += untrue(self.outside, plan)
        self.findings += map(str, check(trace))

    def _book(self) -> PolicyBook:
        return PolicyBook("", {key: read_policy(text) for key, text in self.disk.policies.items()})


def life(seed: int, *crash_at: tuple[str, int], random_crashes: int = 0) -> Life:
    """The graph of a seed, lived to its end. crash_at: the crash points, each with the hit, at which it dies."""
    faults = Faults(crash_at=crash_at, random_crashes=random_crashes)
    one = Life(Outside(scene(seed)), CrashPlan(faults, Random(f"{seed}/deaths")))
    one.live()
    return one


def live(seed: int, only: int | None = None) -> Told:
    """The graph of this seed, once without a death, and once for each place before and after each of its commits.
    only: the one death with this number, from 1; 0: none."""
    fleet = scene(seed).fleet
    told = Told(seed, len(fleet.services), sum(len(one.depends) for one in fleet.services))
    whole = life(seed)
    told.entries = len(whole.disk.events)
    _add(told, whole, "whole")
    places = [(name, hit) for name in BOUNDARIES for hit in range(1, whole.crash.seen[name] + 1)]
    for number, place in enumerate(places, 1):
        if only in (None, number):
            told.cuts += 1
            _add(told, life(seed, place), f"cut {number} ({place[0]} {place[1]})")
    return told


def _add(told: Told, one: Life, where: str) -> None:
    told.findings += [f"{where}: {what}" for what in one.findings]
    told.deaths += len(one.crash.crashes)
    told.deeds += one.deeds
    told.faults.update(one.outside.hits)
    told.broken += len(one.outside.broken)
    told.again += one.again
    told.ends.update(one.ends)
    told.at_rest.update(one.rested)
